import { createServer } from 'node:net';

import { expect, it } from 'vitest';

import { FakeServer } from './fake-server.js';

/** Reports whether nothing listens on a port. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

it.each([
  ['before it accepts connections again', false],
  ['right after it began to accept connections again', true],
])('a server that refuses connections stays closed if it is closed %s', async (_, isRestartedFirst) => {
  const server = new FakeServer({});
  const port = await server.listen(() => Promise.resolve({}));
  const restart = server.refuse();
  if (isRestartedFirst) restart();
  await server.close();
  if (!isRestartedFirst) restart();
  await new Promise((resolve) => setImmediate(resolve));
  expect(await isFree(port)).toBe(true);
});
