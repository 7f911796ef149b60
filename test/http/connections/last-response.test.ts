import { Socket } from 'node:net';

import { describe, expect, it } from 'vitest';

import { readLastResponse } from '../../../src/http/connections/last-response.js';
import { FailedError, type MultiarchError } from '../../../src/oci/errors.js';
import { failureOf } from '../../support/failure.js';
import { generatedBlob, generatedSource } from '../../support/generated-source.js';
import { connect, startRegistry } from '../../support/open-repository.js';

const EPIPE = Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' });

/** A socket to a server that has closed the connection: each write fails. */
function closedSocket(): { readonly socket: Socket; readonly events: string[] } {
  const socket = new Socket();
  socket._write = (_chunk, _encoding, done) => done(EPIPE);
  socket._read = () => {};
  const events: string[] = [];
  socket.on('data', (chunk) => events.push(String(chunk)));
  for (const event of ['end', 'error', 'close']) socket.on(event, () => events.push(event));
  return { socket, events };
}

describe('a socket whose write failed', () => {
  it('reads what the server sent before it closed the connection', async () => {
    const { socket, events } = closedSocket();
    readLastResponse(socket);
    const failed = new Promise((resolve) => {
      socket.write('body', resolve);
    });
    socket.push('HTTP/1.1 413');
    socket.push(null);
    expect(await failed).toBe(EPIPE);
    await expect.poll(() => events.at(-1)).toBe('close');
    expect(events).toEqual(['HTTP/1.1 413', 'end', 'error', 'close']);
  });

  it('fails with the error of the read if the connection was reset', async () => {
    const { socket, events } = closedSocket();
    readLastResponse(socket);
    socket.write('body');
    socket.push('HTTP/1.1 413');
    socket.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    await expect.poll(() => events.at(-1)).toBe('close');
    expect(events).toEqual(['HTTP/1.1 413', 'error', 'close']);
  });

  it('fails if the server neither sends nor closes anything', async () => {
    const { socket, events } = closedSocket();
    readLastResponse(socket);
    socket.write('body');
    await expect.poll(() => events, { timeout: 10_000 }).toEqual(['error', 'close']);
  });
});

it('reports a response that the server closes the connection after, while the body is sent', async () => {
  const registry = await startRegistry({
    fault: ({ method }, next) =>
      method === 'PUT' || method === 'PATCH' ? { status: 422, body: 'no', early: true } : next(),
  });
  const blob = generatedBlob(300_000);
  for (let round = 0; round < 20; round += 1) {
    const copy = connect(registry.host)('app').copyBlob(blob, generatedSource());
    const error = await failureOf<MultiarchError>(copy, FailedError);
    expect(error.message).toContain('422');
  }
  expect(registry.requests.filter(({ method }) => method === 'PUT')).toHaveLength(20);
});
