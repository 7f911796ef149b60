import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { Readable } from 'node:stream';

import { describe, expect, it, onTestFinished } from 'vitest';

import { dockerEngine } from '../../src/http/docker/docker-engine.js';
import { UnavailableError } from '../../src/oci/errors.js';
import { parseReference } from '../../src/oci/reference.js';
import { failureOf } from '../support/failure.js';
import { makeTestClient } from '../support/test-client.js';

/** The forms of a 101. Node reports the first as an upgrade, and the others as responses without an end. */
const UPGRADES: readonly (readonly [form: string, head: string])[] = [
  ['with the headers of an upgrade', 'Connection: Upgrade\r\nUpgrade: websocket\r\n'],
  ['without headers', ''],
  ['with Upgrade alone', 'Upgrade: h2c\r\n'],
  ['with a length', 'Content-Length: 3\r\n'],
];

/** Starts a server that responds with a 101 and keeps the connection open. @returns its host and port */
async function startUpgrading(head: string): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => socket.write(`HTTP/1.1 101 Switching Protocols\r\n${head}\r\n`));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const WHY = 'the server responded with 101 Switching Protocols, which was not requested';

describe.each(UPGRADES)('a 101 %s', (_form, head) => {
  it.each([
    ['GET', 'metadata', true],
    ['GET', 'content', false],
    ['HEAD', 'metadata', true],
    ['POST', 'metadata', false],
    ['PUT', 'content', true],
    ['PATCH', 'content', false],
    ['DELETE', 'metadata', false],
  ] as const)(
    'is an error at once: %s (%s, negotiated scheme: %s)',
    async (method, timing, negotiateScheme) => {
      const host = await startUpgrading(head);
      const { client, waits } = makeTestClient();
      const body = { size: 3, open: () => Readable.from([Buffer.from('abc')]) };
      const sending = client.send({
        method,
        url: new URL(`${negotiateScheme ? 'https' : 'http'}://${host}/v2/x`),
        timing,
        negotiateScheme,
        ...(method === 'PUT' && { body }),
      });
      const error = await failureOf(sending, UnavailableError);
      expect(error.message).toBe(`${method} http://${host}/v2/x: ${WHY}`);
      expect(waits).toEqual([]);
    },
  );

  it('is an error at once: through a proxy that forwards', async () => {
    const host = await startUpgrading(head);
    const { client } = makeTestClient({ env: { HTTP_PROXY: `http://${host}` } });
    const sending = client.send({ method: 'GET', url: new URL('http://registry.example/v2/') });
    await expect(sending).rejects.toThrow(WHY);
  });

  it('is an error at once: to CONNECT', async () => {
    const host = await startUpgrading(head);
    const { client } = makeTestClient({ env: { HTTPS_PROXY: `http://${host}` } });
    const sending = client.send({ method: 'GET', url: new URL('https://registry.example/v2/') });
    await expect(sending).rejects.toThrow('denied a connection to registry.example:443 (HTTP 101)');
  });

  it('is an error at once: of a docker daemon', async () => {
    const host = await startUpgrading(head);
    const save = dockerEngine({ env: { DOCKER_HOST: `tcp://${host}` }, homeDirectory: '/nonexistent' });
    const error = await failureOf(save(parseReference('app:1'), {}), UnavailableError);
    expect(error.message).toBe(`docker at ${host}: ${WHY}`);
  });
});
