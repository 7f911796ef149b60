import { Readable } from 'node:stream';
import { inspect } from 'node:util';

import { describe, expect, it } from 'vitest';

import { MultiarchError } from '../../src/oci/errors.js';
import { failureOf } from '../support/failure.js';
import { type Answer } from '../support/fake-server.js';
import { startScriptedServer } from '../support/scripted-server.js';
import { makeTestClient } from '../support/test-client.js';

const path = '/v2/app/manifests/1.0';
const token = 's3cret-t0ken';

/** Everything of a value that any way of printing could reach. */
function everything(value: unknown): string {
  return [
    inspect(value, {
      depth: Infinity,
      showHidden: true,
      getters: true,
      maxArrayLength: null,
      maxStringLength: null,
    }),
    JSON.stringify(value),
    String(value),
    value instanceof Error ? (value.stack ?? '') : '',
  ].join('\n');
}

const request = (url: URL) => ({
  method: 'PUT' as const,
  url,
  headers: { authorization: `Bearer ${token}`, 'x-auth': token, cookie: token },
  body: { size: 4, open: () => Readable.from([Buffer.from('abcd')]) },
});

describe('no credential can be reached from', () => {
  it.each<[string, Answer]>([
    ['a reset', { fault: 'reset' }],
    ['a stall', { fault: 'stall' }],
    ['a response that is not HTTP', { fault: 'raw', body: 'nonsense\r\n\r\n' }],
    ['a redirect that is rejected', { status: 307, headers: { location: `ftp://u:${token}@x/?t=${token}` } }],
    ['a redirect without end', { status: 307, headers: { location: `?t=${token}` } }],
  ])('the error of %s', async (_what, answer) => {
    const server = await startScriptedServer();
    server.expect({ method: 'PUT', path, times: Infinity, answer });
    for (const retries of [0, 1]) {
      const { client } = makeTestClient({ retries, limits: { write: 30 } });
      const error: unknown = await failureOf(client.send(request(server.url(`${path}?sig=${token}`))));
      expect(error).toBeInstanceOf(MultiarchError);
      expect(error).not.toHaveProperty('cause');
      expect(everything(error)).not.toContain(token);
    }
  });

  it.each<[string, Answer]>([
    ['cut', { fault: 'cut-body', body: 'abcdef', sent: 2 }],
    ['ended too soon', { fault: 'short-body', body: 'abcdef', sent: 2 }],
    ['stalled', { fault: 'stall-body', body: 'abcdef', sent: 2 }],
  ])('the error of a body that is %s, nor from the body', async (_what, answer) => {
    const server = await startScriptedServer();
    server.expect({ method: 'PUT', path, answer });
    const { client } = makeTestClient({ limits: { idle: 30 } });
    const response = await client.send(request(server.url(`${path}?sig=${token}`)));
    const error = await new Promise((resolve) => {
      response.body.once('error', resolve).resume();
    });
    expect(error).toMatchObject({ kind: 'unavailable', name: 'UnavailableError' });
    expect(error).not.toHaveProperty('cause');
    expect(everything(error)).not.toContain(token);
    expect(everything(response.body)).not.toContain(token);
  });

  it('the error of a host that refuses connections, nor from the client', async () => {
    const { client } = makeTestClient({ retries: 0 });
    const url = new URL(`https://127.0.0.1:1/?sig=${token}`);
    const error: unknown = await failureOf(client.send({ ...request(url), negotiateScheme: true }));
    expect(error).toMatchObject({ kind: 'unavailable' });
    expect(everything(error)).not.toContain(token);
    expect(everything(client)).not.toContain(token);
  });
});
