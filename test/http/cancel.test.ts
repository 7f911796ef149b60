import { EventEmitter, once } from 'node:events';
import { Readable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { CancelledError } from '../../src/oci/errors.js';
import { startScriptedServer } from '../support/scripted-server.js';
import { makeTestClient } from '../support/test-client.js';

const path = '/v2/app/blobs/sha256:0';

describe('a signal', () => {
  it('that has fired already prevents the request', async () => {
    const server = await startScriptedServer();
    const { client } = makeTestClient();
    const sending = client.send({ method: 'GET', url: server.url(path), signal: AbortSignal.abort() });
    await expect(sending).rejects.toThrow(CancelledError);
    expect(server.connections).toBe(0);
  });

  it('ends the wait for a response, and the connection', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, answer: { fault: 'stall' } });
    const { client, waits } = makeTestClient();
    const abort = new AbortController();
    const sending = client.send({ method: 'GET', url: server.url(path), signal: abort.signal });
    await server.came(1);
    abort.abort();
    await expect(sending).rejects.toThrow(CancelledError);
    expect(waits).toEqual([]);
  });

  it('ends the wait before a retry, even if the sleep ignores it', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, answer: { status: 503 } });
    const abort = new AbortController();
    const { client } = makeTestClient({
      sleep: () => {
        abort.abort();
        return new Promise(() => {});
      },
    });
    const sending = client.send({ method: 'GET', url: server.url(path), signal: abort.signal });
    await expect(sending).rejects.toThrow(CancelledError);
  });

  it('ends a real wait before a retry at once', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, answer: { status: 503, headers: { 'retry-after': '60' } } });
    const abort = new AbortController();
    const { client } = makeTestClient({
      sleep: undefined,
      onEvent: (event) => {
        if (event.kind === 'retry') setImmediate(() => abort.abort());
      },
    });
    const sending = client.send({ method: 'GET', url: server.url(path), signal: abort.signal });
    await expect(sending).rejects.toThrow(CancelledError);
  });

  it('ends the reading of a body', async () => {
    const server = await startScriptedServer();
    server.expect({
      method: 'GET',
      path,
      times: 2,
      answer: { fault: 'stall-body', body: 'abcdef', sent: 3 },
    });
    const { client } = makeTestClient();
    const abort = new AbortController();
    const request = {
      method: 'GET',
      url: server.url(path),
      signal: abort.signal,
      timing: 'content',
    } as const;
    const [read, unread] = [await client.send(request), await client.send(request)];
    const reading = read.bytes(100);
    setImmediate(() => abort.abort());
    await expect(reading).rejects.toThrow(CancelledError);
    await expect(unread.bytes(100)).rejects.toThrow(CancelledError);
  });

  it('ends the reading of a body that is a part of the response', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, answer: { fault: 'stall-body', body: 'abcdef', sent: 3 } });
    const { client } = makeTestClient();
    const abort = new AbortController();
    const sending = client.send({ method: 'GET', url: server.url(path), signal: abort.signal });
    await server.came(1);
    abort.abort();
    await expect(sending).rejects.toThrow(CancelledError);
  });

  it('ends an upload, and the reading of what is uploaded', async () => {
    const server = await startScriptedServer();
    const { client } = makeTestClient();
    const abort = new AbortController();
    let destroyed = false;
    const body = {
      size: 1_000_000,
      open: () => {
        const stream = new Readable({ read() {} });
        stream.push(Buffer.alloc(10));
        stream.once('close', () => (destroyed = true));
        setImmediate(() => abort.abort());
        return stream;
      },
    };
    const sending = client.send({ method: 'PUT', url: server.url(path), body, signal: abort.signal });
    await expect(sending).rejects.toThrow(CancelledError);
    await new Promise(setImmediate);
    expect(destroyed).toBe(true);
  });

  it('ends the wait for a body, and destroys the body that comes late', async () => {
    const server = await startScriptedServer();
    const { client } = makeTestClient();
    const abort = new AbortController();
    const late = Readable.from([Buffer.from('a')]);
    const gate = new EventEmitter();
    const body = { size: 1, open: async () => once(gate, 'open').then(() => late) };
    const sending = client.send({ method: 'PUT', url: server.url(path), body, signal: abort.signal });
    setImmediate(() => abort.abort());
    await expect(sending).rejects.toThrow(CancelledError);
    gate.emit('open');
    await new Promise(setImmediate);
    expect(late.destroyed).toBe(true);
  });

  it('that fires after the response was read changes nothing', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, times: 2, answer: { status: 200, body: 'abc' } });
    const { client } = makeTestClient();
    const abort = new AbortController();
    const response = await client.send({ method: 'GET', url: server.url(path), signal: abort.signal });
    expect(await response.bytes(3)).toHaveLength(3);
    abort.abort();
    await (await client.send({ method: 'GET', url: server.url(path) })).bytes(3);
    expect(server.connections).toBe(1);
  });

  it('of a time limit is reported as such', async () => {
    const { client } = makeTestClient();
    const signal = AbortSignal.abort(new DOMException('', 'TimeoutError'));
    const sending = client.send({ method: 'GET', url: new URL('http://127.0.0.1:1/'), signal });
    await expect(sending).rejects.toThrow(new CancelledError('cancelled: the time limit was reached'));
  });
});

describe('closing the client', () => {
  it('cancels what is under way', async () => {
    const server = await startScriptedServer();
    server.expect(
      { method: 'GET', path, answer: { fault: 'stall-body', body: 'abc', sent: 1 } },
      { method: 'GET', path, answer: { fault: 'stall' } },
    );
    const { client } = makeTestClient();
    const response = await client.send({ method: 'GET', url: server.url(path), timing: 'content' });
    const reading = response.bytes(10);
    const sending = client.send({ method: 'GET', url: server.url(path) });
    await server.came(2);
    client.close();
    await expect(sending).rejects.toThrow(CancelledError);
    await expect(reading).rejects.toThrow(CancelledError);
  });
});
