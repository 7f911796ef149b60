import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { Readable } from 'node:stream';

import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { readErrorText } from '../../src/http/error-text.js';
import type { HttpRequest } from '../../src/http/message.js';
import { InvalidError, UnavailableError } from '../../src/oci/errors.js';
import { type TlsFiles } from '../support/fake-server.js';
import { type Answer } from '../support/fake-server.js';
import { startScriptedServer, type Expectation } from '../support/scripted-server.js';
import { makeTestClient } from '../support/test-client.js';
import { makeTlsFiles } from '../support/tls-server-files.js';

let tls: TlsFiles;
beforeAll(async () => {
  tls = await makeTlsFiles();
});

const path = '/v2/app/manifests/1.0';
const ok: Answer = { status: 200, body: 'fine' };

/** A body that counts how often it is opened. */
function countedBody(content: string): NonNullable<HttpRequest['body']> & { opened: number } {
  const body = {
    size: Buffer.byteLength(content),
    opened: 0,
    open: () => {
      body.opened += 1;
      return Readable.from([Buffer.from(content)]);
    },
  };
  return body;
}

async function text(response: { bytes(limit: number): Promise<Uint8Array> }): Promise<string> {
  return Buffer.from(await response.bytes(1024)).toString();
}

describe('a temporary error response', () => {
  it.each([408, 429, 499, 500, 502, 503, 504, 522])('%i is asked for again', async (status) => {
    const server = await startScriptedServer();
    server.expect(
      { method: 'GET', path, times: 2, answer: { status, body: 'not now' } },
      { method: 'GET', path, answer: ok },
    );
    const { client, waits } = makeTestClient();
    const response = await client.send({ method: 'GET', url: server.url(path) });
    expect(response.status).toBe(200);
    expect(await text(response)).toBe('fine');
    expect(waits).toEqual([625, 1875]);
    // The bodies of the responses before were read, so the connection stays.
    expect(server.connections).toBe(1);
  });

  it('is given to the caller after five tries', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, times: 5, answer: { status: 503, body: 'never' } });
    const { client, waits } = makeTestClient();
    const response = await client.send({ method: 'GET', url: server.url(path) });
    expect(response.status).toBe(503);
    expect(await text(response)).toBe('never');
    expect(waits).toEqual([625, 1875, 3750, 6250]);
  });

  it('is waited for as long as Retry-After asks', async () => {
    const server = await startScriptedServer();
    server.expect(
      { method: 'GET', path, answer: { status: 429, headers: { 'retry-after': '11' } } },
      {
        method: 'GET',
        path,
        answer: {
          status: 429,
          headers: { date: 'Mon, 02 Nov 2026 09:00:00 GMT', 'retry-after': 'Mon, 02 Nov 2026 09:00:42 GMT' },
        },
      },
      { method: 'GET', path, answer: { status: 503, headers: { 'retry-after': '120' } } },
      { method: 'GET', path, answer: ok },
    );
    const { client, waits } = makeTestClient();
    expect((await client.send({ method: 'GET', url: server.url(path) })).status).toBe(200);
    expect(waits).toEqual([11_000, 42_000, 60_000]);
  });

  it('in hours is not waited for', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, answer: { status: 429, headers: { 'retry-after': '21600' } } });
    const { client, waits } = makeTestClient();
    expect((await client.send({ method: 'GET', url: server.url(path) })).status).toBe(429);
    expect(waits).toEqual([]);
  });

  it.each([400, 401, 403, 404, 409, 412, 416, 501])('%i is final', async (status) => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, answer: { status } });
    const { client } = makeTestClient();
    expect((await client.send({ method: 'GET', url: server.url(path) })).status).toBe(status);
  });

  it('is not retried if the caller disables retries', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'POST', path, answer: { status: 503 } });
    const { client } = makeTestClient();
    expect((await client.send({ method: 'POST', url: server.url(path), retry: false })).status).toBe(503);
  });

  it('gets the body again, whole and with its length', async () => {
    const server = await startScriptedServer();
    const headers = { 'content-length': '8', 'transfer-encoding': null };
    server.expect(
      { method: 'PUT', path, headers, body: 'manifest', times: 2, answer: { status: 502 } },
      { method: 'PUT', path, headers, body: 'manifest', answer: { status: 201 } },
    );
    const { client } = makeTestClient();
    const body = countedBody('manifest');
    expect((await client.send({ method: 'PUT', url: server.url(path), body })).status).toBe(201);
    expect(body.opened).toBe(3);
  });
});

describe('a connection that breaks', () => {
  it('before the response: the request is sent again', async () => {
    const server = await startScriptedServer();
    server.expect(
      { method: 'GET', path, times: 2, answer: { fault: 'reset' } },
      { method: 'GET', path, answer: ok },
    );
    const { client, waits } = makeTestClient();
    expect((await client.send({ method: 'GET', url: server.url(path) })).status).toBe(200);
    expect(waits).toEqual([625, 1875]);
  });

  it('before every response: an error with the number of tries', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, times: 5, answer: { fault: 'reset' } });
    const { client } = makeTestClient();
    const sending = client.send({ method: 'GET', url: server.url(path) });
    await expect(sending).rejects.toThrow(UnavailableError);
    await expect(sending).rejects.toThrow(
      `GET ${server.url(path).href}: the server closed the connection without a response (5 tries)`,
    );
  });

  it('before the response to a request that must not be repeated: one request', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'POST', path, answer: { fault: 'reset' } });
    const { client, waits } = makeTestClient();
    const sending = client.send({ method: 'POST', url: server.url(path), retry: false });
    await expect(sending).rejects.toThrow(UnavailableError);
    expect(waits).toEqual([]);
  });

  it('in the middle of content: reading it fails', async () => {
    const server = await startScriptedServer();
    const answer: Answer = { fault: 'cut-body', body: 'x'.repeat(100), sent: 40 };
    server.expect({ method: 'GET', path, answer });
    const { client } = makeTestClient();
    const { body } = await client.send({ method: 'GET', url: server.url(path), timing: 'content' });
    let received = 0;
    const streaming = (async () => {
      for await (const chunk of body as AsyncIterable<Buffer>) received += chunk.length;
    })();
    await expect(streaming).rejects.toThrow('after 40 of 100 bytes');
    await expect(streaming).rejects.toThrow(UnavailableError);
    expect(received).toBe(40);
  });
});

/** The ways in which a body of 100 bytes breaks off after 40. */
const BROKEN_BODIES: readonly (readonly [how: string, answer: Answer])[] = [
  ['is reset', { fault: 'cut-body', body: 'x'.repeat(100), sent: 40 }],
  ['is closed', { fault: 'short-body', body: 'x'.repeat(100), sent: 40 }],
  ['has no byte', { fault: 'short-body', body: 'x'.repeat(100), sent: 0 }],
  [
    'ends in a chunk',
    { fault: 'raw', body: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n' },
  ],
  [
    'has an invalid chunk',
    { fault: 'raw', body: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n' },
  ],
];

describe('a body that breaks off', () => {
  it.each(BROKEN_BODIES)('because it %s is requested again', async (_how, answer) => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, times: 2, answer }, { method: 'GET', path, answer: ok });
    const { client, waits } = makeTestClient();
    const response = await client.send({ method: 'GET', url: server.url(path) });
    expect(await text(response)).toBe('fine');
    expect(waits).toEqual([625, 1875]);
  });

  it('each time is an error with the number of tries', async () => {
    const server = await startScriptedServer();
    const answer: Answer = { fault: 'short-body', body: 'x'.repeat(100), sent: 40 };
    server.expect({ method: 'GET', path, times: 3, answer });
    const { client } = makeTestClient({ retries: 2 });
    const sending = client.send({ method: 'GET', url: server.url(path) });
    await expect(sending).rejects.toThrow(UnavailableError);
    await expect(sending).rejects.toThrow('after 40 of 100 bytes (3 tries)');
  });

  it('is not requested again if the caller disables retries', async () => {
    const server = await startScriptedServer();
    const answer: Answer = { fault: 'short-body', body: 'x'.repeat(100), sent: 40 };
    server.expect({ method: 'GET', path, answer });
    const { client, waits } = makeTestClient();
    const sending = client.send({ method: 'GET', url: server.url(path), retry: false });
    await expect(sending).rejects.toThrow('after 40 of 100 bytes');
    expect(waits).toEqual([]);
  });

  it.each(['GET', 'PUT', 'POST'] as const)(
    'in an error response to %s is requested again',
    async (method) => {
      const server = await startScriptedServer();
      server.expect(
        { method, path, answer: { status: 400, fault: 'short-body', body: 'manifest unknown', sent: 4 } },
        { method, path, answer: { status: 400, body: 'manifest unknown' } },
      );
      const { client } = makeTestClient();
      const response = await client.send({ method, url: server.url(path), timing: 'content' });
      expect([response.status, await text(response)]).toEqual([400, 'manifest unknown']);
    },
  );

  it('in every error response leaves the status, with the text that arrived', async () => {
    const server = await startScriptedServer();
    const answer: Answer = { status: 404, fault: 'short-body', body: 'manifest unknown', sent: 8 };
    server.expect({ method: 'GET', path, times: 3, answer });
    const { client } = makeTestClient({ retries: 2 });
    const response = await client.send({ method: 'GET', url: server.url(path) });
    expect(response.status).toBe(404);
    expect(await readErrorText(response)).toEqual({ errors: [], text: 'manifest' });
  });

  it('in a 429 does not shorten its wait', async () => {
    const server = await startScriptedServer();
    const headers = { 'retry-after': '21600' };
    server.expect({
      method: 'GET',
      path,
      answer: { status: 429, headers, fault: 'short-body', body: 'slow down', sent: 4 },
    });
    const { client, waits } = makeTestClient();
    expect((await client.send({ method: 'GET', url: server.url(path) })).status).toBe(429);
    expect(waits).toEqual([]);
  });

  it.each(['PUT', 'POST', 'DELETE'] as const)('after a %s that succeeded repeats nothing', async (method) => {
    const server = await startScriptedServer();
    server.expect({ method, path, answer: { status: 201, fault: 'short-body', body: 'stored', sent: 2 } });
    const { client } = makeTestClient();
    const response = await client.send({ method, url: server.url(path) });
    expect(response.status).toBe(201);
    response.discard();
  });

  it('after a POST whose response is needed is requested again', async () => {
    const server = await startScriptedServer();
    server.expect(
      { method: 'POST', path, answer: { fault: 'short-body', body: 'token', sent: 2 } },
      { method: 'POST', path, answer: { body: 'token' } },
    );
    const { client } = makeTestClient();
    const response = await client.send({ method: 'POST', url: server.url(path), readsResponse: true });
    expect(await text(response)).toBe('token');
  });
});

describe('a server that stalls', () => {
  it.each([
    ['GET', 'response', 'metadata'],
    ['GET', 'response', 'content'],
    ['HEAD', 'response', 'metadata'],
    ['POST', 'response', 'metadata'],
    ['DELETE', 'response', 'metadata'],
    ['PUT', 'write', 'metadata'],
    ['PUT', 'write', 'content'],
    ['PATCH', 'write', 'content'],
  ] as const)(
    'before the headers of its response to %s: an error after the limit %s, and no retry (%s)',
    async (method, limit, timing) => {
      const server = await startScriptedServer();
      server.expect({ method, path, answer: { fault: 'stall' } });
      const { client, waits } = makeTestClient({ limits: { [limit]: 30 } });
      const sending = client.send({ method, url: server.url(path), timing });
      await expect(sending).rejects.toThrow(`${method} ${server.url(path).href}: no response within 0.03 s`);
      await expect(sending).rejects.toThrow(UnavailableError);
      expect(waits).toEqual([]);
    },
  );

  it.each(['metadata', 'content'] as const)('within a body of %s is not asked again', async (timing) => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, answer: { fault: 'stall-body', body: 'x'.repeat(100), sent: 40 } });
    const { client, waits } = makeTestClient({ limits: { idle: 50 } });
    const reading = client
      .send({ method: 'GET', url: server.url(path), timing })
      .then((response) => response.bytes(100));
    await expect(reading).rejects.toThrow('no data for 0.05 s after 40 of 100 bytes');
    expect(waits).toEqual([]);
  });

  it('in the middle of its response', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, answer: { fault: 'stall-body', body: 'x'.repeat(100), sent: 7 } });
    const { client } = makeTestClient({ limits: { idle: 30 } });
    const response = await client.send({ method: 'GET', url: server.url(path), timing: 'content' });
    const reading = response.bytes(1024);
    await expect(reading).rejects.toThrow(UnavailableError);
    await expect(reading).rejects.toThrow('no data for 0.03 s after 7 of 100 bytes');
  });

  it('in the middle of an upload', async () => {
    const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const sockets: Socket[] = [];
    server.on('connection', (socket) => sockets.push(socket));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const { client } = makeTestClient({ limits: { idle: 50 }, retries: 1 });
    const content = Buffer.alloc(32 * 1024 * 1024);
    const sending = client.send({
      method: 'PUT',
      url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`),
      body: { size: content.length, open: () => Readable.from([content]) },
      timing: 'content',
    });
    await expect(sending).rejects.toThrow(UnavailableError);
    await expect(sending).rejects.toThrow('the server stopped reading the body');
    expect(sockets).toHaveLength(1);
  });

  it('does not apply to a slow reader', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, answer: { status: 200, body: Buffer.alloc(5_000_000) } });
    const { client } = makeTestClient({ limits: { idle: 100 } });
    const response = await client.send({ method: 'GET', url: server.url(path), timing: 'content' });
    // Long after the idle limit, with an idle connection because there is no reader.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await response.bytes(5_000_000)).length).toBe(5_000_000);
  });
});

describe('a response that is not HTTP', () => {
  it.each([
    ['garbage', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['a length that is none', 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
    [
      'length and chunks, as in request smuggling',
      'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
  ])('%s: an error, not a response', async (_what, bytes) => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, answer: { fault: 'raw', body: bytes } });
    const { client } = makeTestClient({ retries: 0 });
    const sending = client.send({ method: 'GET', url: server.url(path) });
    await expect(sending).rejects.toThrow(UnavailableError);
    await expect(sending).rejects.toThrow('is not valid HTTP');
  });
});

/** Each path `/N` leads to `/N+1`. */
const hop = (index: number): Expectation => ({
  method: 'GET',
  path: `/${index}`,
  answer: { status: 302, headers: { location: `/${index + 1}` } },
});

describe('a redirect to another host', () => {
  const secrets = {
    authorization: 'Bearer s3cret',
    cookie: 's3cret',
    'proxy-authorization': 'Basic s3cret',
    'x-meta-token': 's3cret',
  };
  const noSecrets = {
    authorization: null,
    cookie: null,
    'proxy-authorization': null,
    'x-meta-token': null,
  };

  it.each([301, 302, 303, 307, 308])(
    '%i: no credential crosses (CVE-2020-15157, CVE-2026-12566)',
    async (status) => {
      const registry = await startScriptedServer();
      const storage = await startScriptedServer();
      const location = storage.url('/blob?X-Amz-Signature=a%2Fb').href;
      registry.expect({ method: 'GET', path, headers: secrets, answer: { status, headers: { location } } });
      storage.expect({
        method: 'GET',
        path: '/blob',
        query: { 'X-Amz-Signature': 'a/b' },
        headers: {
          ...noSecrets,
          accept: 'application/json',
          range: 'bytes=1-',
          'user-agent': 'multiarch/test',
        },
        answer: ok,
      });
      const { client } = makeTestClient();
      const response = await client.send({
        method: 'GET',
        url: registry.url(path),
        headers: { ...secrets, Accept: 'application/json', Range: 'bytes=1-' },
      });
      expect(response.url.href).toBe(location);
      expect(await text(response)).toBe('fine');
      expect(JSON.stringify(storage.requests)).not.toContain('s3cret');
    },
  );

  it('and back: the credential does not return either', async () => {
    const registry = await startScriptedServer();
    const other = await startScriptedServer();
    registry.expect(
      {
        method: 'GET',
        path,
        headers: secrets,
        answer: { status: 307, headers: { location: other.url('/x').href } },
      },
      { method: 'GET', path: '/y', headers: noSecrets, answer: ok },
    );
    other.expect({
      method: 'GET',
      path: '/x',
      answer: { status: 307, headers: { location: registry.url('/y').href } },
    });
    const { client } = makeTestClient();
    await client.send({ method: 'GET', url: registry.url(path), headers: secrets });
  });

  it('within the host keeps the credential', async () => {
    const registry = await startScriptedServer();
    registry.expect(
      { method: 'GET', path, headers: secrets, answer: { status: 307, headers: { location: '/elsewhere' } } },
      { method: 'GET', path: '/elsewhere', headers: secrets, answer: ok },
    );
    const { client } = makeTestClient();
    await client.send({ method: 'GET', url: registry.url(path), headers: secrets });
  });

  it.each([307, 308])('%i sends the whole body again, where got would send none', async (status) => {
    const registry = await startScriptedServer();
    const storage = await startScriptedServer();
    registry.expect({
      method: 'PUT',
      path,
      body: 'content',
      answer: { status, headers: { location: storage.url('/put').href } },
    });
    storage.expect({
      method: 'PUT',
      path: '/put',
      headers: { 'content-length': '7' },
      body: 'content',
      answer: { status: 201 },
    });
    const { client } = makeTestClient();
    const body = countedBody('content');
    expect((await client.send({ method: 'PUT', url: registry.url(path), body })).status).toBe(201);
    expect(body.opened).toBe(2);
  });

  it('that fails for a moment is asked for again from the start, for its URL may have expired', async () => {
    const registry = await startScriptedServer();
    const storage = await startScriptedServer();
    registry.expect({
      method: 'GET',
      path,
      headers: secrets,
      times: 2,
      answer: { status: 307, headers: { location: storage.url('/blob').href } },
    });
    storage.expect(
      { method: 'GET', path: '/blob', headers: noSecrets, answer: { status: 503 } },
      { method: 'GET', path: '/blob', headers: noSecrets, answer: ok },
    );
    const { client } = makeTestClient();
    expect((await client.send({ method: 'GET', url: registry.url(path), headers: secrets })).status).toBe(
      200,
    );
  });

  it('from https to http is rejected', async () => {
    const secure = await startScriptedServer(tls);
    const plain = await startScriptedServer();
    secure.expect({
      method: 'GET',
      path,
      answer: { status: 307, headers: { location: plain.url('/x?sig=s3cret').href } },
    });
    const { client } = makeTestClient();
    const sending = client.send({ method: 'GET', url: secure.url(path), headers: secrets });
    await expect(sending).rejects.toThrow(InvalidError);
    await expect(sending).rejects.toThrow(/^(?!.*s3cret).*from HTTPS to plain HTTP/s);
    expect(plain.connections).toBe(0);
  });

  it('is followed ten times, not eleven', async () => {
    const server = await startScriptedServer();
    server.expect(...Array.from({ length: 11 }, (_, index) => hop(index)));
    const { client } = makeTestClient();
    await expect(client.send({ method: 'GET', url: server.url('/0') })).rejects.toThrow(
      'redirected more than 10 times',
    );
    expect(server.requests).toHaveLength(11);
    server.expect({ method: 'GET', path: '/12', answer: ok });
    server.expect(...Array.from({ length: 10 }, (_, index) => hop(index + 2)));
    expect((await client.send({ method: 'GET', url: server.url('/2') })).status).toBe(200);
  });

  it('is rejected if the caller rejects it, before anything is sent', async () => {
    const registry = await startScriptedServer();
    const other = await startScriptedServer();
    registry.expect({
      method: 'GET',
      path,
      answer: { status: 307, headers: { location: other.url('/token').href } },
    });
    const { client } = makeTestClient();
    await expect(
      client.send({
        method: 'GET',
        url: registry.url(path),
        vetRedirect: (to) => {
          throw new InvalidError(`not to ${to.host}`);
        },
      }),
    ).rejects.toThrow(`not to ${other.host}`);
    expect(other.connections).toBe(0);
  });

  it('without a Location is a response like any other', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, answer: { status: 307 } });
    const { client } = makeTestClient();
    expect((await client.send({ method: 'GET', url: server.url(path) })).status).toBe(307);
  });
});

describe('a response before the request was sent completely', () => {
  it.each([
    [401, 'log in'],
    [413, 'too large'],
  ])('%i is what the caller gets, not a broken connection', async (status, message) => {
    const server = await startScriptedServer();
    server.expect({ method: 'PUT', path, answer: { status, body: message, early: true } });
    const { client } = makeTestClient();
    const size = 32 * 1024 * 1024;
    let sending: Readable | undefined;
    const body = {
      size,
      open: () => {
        sending = Readable.from(
          (function* () {
            for (let sent = 0; sent < size; sent += 65_536) yield Buffer.alloc(65_536);
          })(),
        );
        return sending;
      },
    };
    const response = await client.send({ method: 'PUT', url: server.url(path), body });
    expect(response.status).toBe(status);
    // Before the response is read: more of the body would cause a reset.
    expect(sending?.destroyed).toBe(true);
    expect(await text(response)).toBe(message);
  });
});
