import { Readable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import type { RequestBody } from '../../src/http/message.js';
import { ArgumentError, FailedError, InvalidError, NotFoundError } from '../../src/oci/errors.js';
import type { Answer } from '../support/fake-server.js';
import { startScriptedServer } from '../support/scripted-server.js';
import { makeTestClient } from '../support/test-client.js';
import { describeVectors, vectorJson } from '../support/vectors.js';

const path = '/v2/app/manifests/1.0';

/** A body that fails in its middle. */
const failing = (error: Error): RequestBody => ({
  size: 10,
  open: () =>
    Readable.from(
      (async function* () {
        yield Buffer.from('abc');
        throw error;
      })(),
    ),
});

describe('a request', () => {
  it('has its headers and no others that change the response', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, answer: { status: 200 } });
    const { client } = makeTestClient();
    await client.send({
      method: 'GET',
      url: server.url(path),
      headers: { Accept: 'a/b, c/d', 'X-Meta': '1' },
    });
    // Above all no Accept-Encoding: digests and sizes are those of the bytes as they are stored.
    expect(server.requests[0]?.headers).toEqual({
      accept: 'a/b, c/d',
      connection: 'keep-alive',
      host: server.host,
      'user-agent': 'multiarch/test',
      'x-meta': '1',
    });
  });

  it.each(['POST', 'PUT', 'PATCH'] as const)('%s without a body has Content-Length 0', async (method) => {
    const server = await startScriptedServer();
    server.expect({
      method,
      path,
      headers: { 'content-length': '0', 'transfer-encoding': null },
      answer: { status: 202 },
    });
    const { client } = makeTestClient();
    expect((await client.send({ method, url: server.url(path) })).status).toBe(202);
  });

  it('keeps the query as it was written', async () => {
    const server = await startScriptedServer();
    const raw = '/v2/app/blobs/uploads/1?_state=a%2Fb%2bc+d~%E4&digest=sha256:0';
    server.expect({ method: 'PUT', path: '/v2/app/blobs/uploads/1', answer: { status: 201 } });
    const { client } = makeTestClient();
    await client.send({ method: 'PUT', url: server.url(raw) });
    expect(server.lines()).toEqual([`PUT ${raw}`]);
  });

  it('streams a large body with its length, and returns the response', async () => {
    const server = await startScriptedServer();
    const content = Buffer.alloc(3_000_000, 'ab');
    server.expect({
      method: 'PUT',
      path,
      headers: { 'content-length': '3000000', 'transfer-encoding': null },
      body: content,
      answer: { status: 201, body: content },
    });
    const { client, events } = makeTestClient();
    const response = await client.send({
      method: 'PUT',
      url: server.url(path),
      body: { size: content.length, open: () => Readable.from([content]) },
      timing: 'content',
    });
    expect(content.equals(await response.bytes(3_000_000))).toBe(true);
    const request = { method: 'PUT', url: server.url(path).href };
    expect(events).toContainEqual({ kind: 'bytes', ...request, sent: 3_000_000, received: 3_000_000 });
  });

  it.each([
    ['fewer', 5],
    ['more', 3],
  ])('fails if its body has %s bytes than its size', async (what, size) => {
    const server = await startScriptedServer();
    const { client } = makeTestClient();
    const body = { size, open: () => Readable.from([Buffer.from('ab'), Buffer.from('cd')]) };
    const sending = client.send({ method: 'PUT', url: server.url(path), body });
    await expect(sending).rejects.toThrow(FailedError);
    await expect(sending).rejects.toThrow(`has ${what} than the announced ${size} bytes`);
  });

  it('fails as its body fails, at once', async () => {
    const server = await startScriptedServer();
    const { client, waits } = makeTestClient();
    const url = server.url(path);
    const notFound = new NotFoundError('the source is gone');
    await expect(client.send({ method: 'PUT', url, body: failing(notFound) })).rejects.toBe(notFound);
    await expect(
      client.send({ method: 'PUT', url, body: failing(new Error('disk on fire')) }),
    ).rejects.toThrow(new FailedError('cannot read the request body: disk on fire'));
    const body = { size: 1, open: () => Promise.reject(notFound) };
    await expect(client.send({ method: 'PUT', url, body })).rejects.toBe(notFound);
    expect(waits).toEqual([]);
  });

  it.each([
    ['https://user:pw@r.example/', 'user information'],
    ['ftp://r.example/', 'not an HTTP URL'],
  ])('to %s is rejected before it is sent', async (url, why) => {
    const { client } = makeTestClient();
    const sending = client.send({ method: 'GET', url: new URL(url) });
    await expect(sending).rejects.toThrow(ArgumentError);
    await expect(sending).rejects.toThrow(why);
  });

  it('with a line break in a header is rejected, and the header not quoted', async () => {
    const server = await startScriptedServer();
    const { client, waits } = makeTestClient();
    const headers = { authorization: 'Bearer s3cret\r\nX-Evil: 1' };
    const sending = client.send({ method: 'GET', url: server.url(path), headers });
    await expect(sending).rejects.toThrow(ArgumentError);
    await expect(sending).rejects.toThrow(/^(?!.*s3cret)/s);
    expect(waits).toEqual([]);
  });
});

describe('a response', () => {
  it('has its headers in lower case, repeated ones together and apart', async () => {
    const server = await startScriptedServer();
    const challenges = ['Basic realm="a, b"', 'Bearer realm="https://a.example/token"'];
    server.expect({
      method: 'GET',
      path,
      answer: { status: 401, headers: { 'WWW-Authenticate': challenges, Warning: '299 - "careful"' } },
    });
    const { client } = makeTestClient();
    const response = await client.send({ method: 'GET', url: server.url(path) });
    expect(response.headers['www-authenticate']).toBe(challenges.join(', '));
    expect(response.headerValues('WWW-Authenticate')).toEqual(challenges);
    expect(response.headerValues('warning')).toEqual(['299 - "careful"']);
    expect(response.headerValues('link')).toEqual([]);
    expect(response.headers['link']).toBeUndefined();
  });

  it('has the address that it came from', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, times: 2, answer: { status: 200 } });
    const { client } = makeTestClient();
    for (let times = 0; times < 2; times += 1) {
      expect((await client.send({ method: 'GET', url: server.url(path) })).remoteAddress).toBe('127.0.0.1');
    }
  });

  it('names its request without secrets', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, answer: { status: 200 } });
    const { client } = makeTestClient();
    const response = await client.send({ method: 'GET', url: server.url(`${path}?sig=s3cret&n=1`) });
    expect(response.request).toEqual({ method: 'GET', url: server.url(`${path}?sig=REDACTED&n=1`).href });
  });

  it.each([
    ['HEAD', 200, { 'content-length': '1234' }],
    ['GET', 204, {}],
    ['GET', 304, {}],
  ] as const)(
    'to %s with %i has no body and frees its connection unread',
    async (method, status, headers) => {
      const server = await startScriptedServer();
      server.expect({ method, path, times: 3, answer: { status, headers } });
      const { client } = makeTestClient();
      for (let index = 0; index < 3; index += 1) {
        const response = await client.send({ method, url: server.url(path) });
        expect(await response.bytes(0)).toHaveLength(0);
      }
      expect(server.connections).toBe(1);
    },
  );

  it.each([
    ['with a length', {}],
    ['without', { 'content-length': [], 'transfer-encoding': 'chunked' }],
  ])('longer than allowed is not read to its end, %s', async (_what, headers) => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, times: 2, answer: { status: 200, headers, body: 'x'.repeat(100) } });
    const { client } = makeTestClient();
    const response = await client.send({ method: 'GET', url: server.url(path) });
    const reading = response.bytes(99);
    await expect(reading).rejects.toThrow(InvalidError);
    await expect(reading).rejects.toThrow('longer than the allowed 99 bytes');
    expect(await (await client.send({ method: 'GET', url: server.url(path) })).bytes(100)).toHaveLength(100);
  });

  it('that is discarded keeps its connection, or closes it if much is left', async () => {
    const server = await startScriptedServer();
    const get = async (name: string) => client.send({ method: 'GET', url: server.url(name) });
    const { client } = makeTestClient();
    server.expect({
      method: 'GET',
      path: '/small',
      times: 2,
      answer: { status: 404, body: 'x'.repeat(5000) },
    });
    server.expect({
      method: 'GET',
      path: '/large',
      times: 2,
      answer: { status: 200, body: Buffer.alloc(9e6) },
    });
    const small = await get('/small');
    small.discard();
    await new Promise((resolve) => small.body.once('close', resolve));
    (await get('/small')).discard();
    expect(server.connections).toBe(1);
    (await get('/large')).discard();
    (await get('/large')).discard();
    expect(server.connections).toBeGreaterThan(1);
  });
});

describe('events', () => {
  it('have the negotiated scheme of a registry, in retries too', async () => {
    const server = await startScriptedServer();
    server.expect(
      { method: 'GET', path, answer: { status: 503 } },
      { method: 'GET', path, answer: { status: 200 } },
    );
    const { client, events } = makeTestClient();
    await client.send({
      method: 'GET',
      url: new URL(`https://${server.host}${path}`),
      negotiateScheme: true,
    });
    const urls = events.flatMap((event) => ('url' in event && event.kind !== 'bytes' ? [event.url] : []));
    expect(new Set(urls)).toEqual(new Set([server.url(path).href]));
    expect(events.filter(({ kind }) => kind === 'retry')).toHaveLength(1);
  });

  it('report the requests, without secrets', async () => {
    const server = await startScriptedServer();
    server.expect(
      { method: 'POST', path, answer: { status: 503, headers: { 'retry-after': '2', 'x-token': 's3cret' } } },
      { method: 'POST', path, answer: { status: 307, headers: { location: '/next?sig=s3cret' } } },
      { method: 'POST', path: '/next', body: 'abc', answer: { status: 200, body: 'four' } },
    );
    const { client, events } = makeTestClient();
    const response = await client.send({
      method: 'POST',
      url: server.url(`${path}?sig=s3cret`),
      headers: { authorization: 'Bearer s3cret' },
      body: { size: 3, open: () => Readable.from([Buffer.from('abc')]) },
    });
    await response.bytes(4);
    const url = server.url(`${path}?sig=REDACTED`).href;
    const next = server.url('/next?sig=REDACTED').href;
    const wire = events
      .filter((event) => event.kind !== 'bytes')
      .map((event) => ({ ...event, headers: undefined }));
    expect(wire).toEqual([
      { kind: 'request', method: 'POST', url, attempt: 1 },
      { kind: 'response', method: 'POST', url, status: 503, milliseconds: 0 },
      { kind: 'retry', method: 'POST', url, reason: 'HTTP 503', waitMilliseconds: 2000 },
      { kind: 'request', method: 'POST', url, attempt: 2 },
      { kind: 'response', method: 'POST', url, status: 307, milliseconds: 0 },
      { kind: 'request', method: 'POST', url: next, attempt: 2 },
      { kind: 'response', method: 'POST', url: next, status: 200, milliseconds: 0 },
    ]);
    expect(events.filter((event) => event.kind === 'bytes')).toEqual([
      { kind: 'bytes', method: 'POST', url, sent: 3, received: 0 },
      { kind: 'bytes', method: 'POST', url, sent: 3, received: 0 },
      { kind: 'bytes', method: 'POST', url: next, sent: 3, received: 4 },
    ]);
    expect(JSON.stringify(events)).not.toContain('s3cret');
    expect(events[0]).toMatchObject({
      headers: { authorization: 'REDACTED', 'user-agent': 'multiarch/test' },
    });
  });
});

describe('a closed client', () => {
  it('sends nothing more', async () => {
    const { client } = makeTestClient();
    client.close();
    void client.preconnect(new URL('http://127.0.0.1:1/'), 1);
    await expect(client.send({ method: 'GET', url: new URL('http://127.0.0.1:1/') })).rejects.toThrow(
      FailedError,
    );
  });
});

describeVectors('content_length', () => {
  interface Row {
    readonly headers: readonly string[];
    readonly error: boolean;
  }

  it.each(vectorJson<{ content_length: Row[] }>('challenges.json').content_length)(
    '$headers',
    async ({ headers, error }) => {
      const server = await startScriptedServer();
      const lines = headers.map((value) => `content-length: ${value}\r\n`).join('');
      server.expect({
        method: 'HEAD',
        path,
        answer: { fault: 'raw', body: `HTTP/1.1 200 OK\r\n${lines}\r\n` },
      });
      const { client } = makeTestClient({ retries: 0 });
      const sending = client.send({ method: 'HEAD', url: server.url(path) });
      // HTTP allows the response to a HEAD without a length.
      const size = sending.then(
        (response) => response.headers['content-length'] ?? Promise.reject(new Error('no length')),
      );
      expect(
        await size.then(
          () => false,
          () => true,
        ),
      ).toBe(error);
    },
  );
});

it.each([
  { all: {}, own: { retries: 2 }, waits: 2 },
  { all: { retries: 1 }, own: { retries: 0 }, waits: 0 },
  { all: { retries: 1 }, own: {}, waits: 1 },
  { all: { retries: 3 }, own: { retryFor: 700 }, waits: 2 },
  { all: { retries: 0 }, own: undefined, waits: 0 },
])(
  'retries as often as the settings of the host say, else those of the client: $all, $own',
  async ({ all, own, waits }) => {
    const server = await startScriptedServer();
    for (let count = 0; count <= waits; count += 1)
      server.expect({ method: 'GET', path, answer: { status: 503 } });
    const made = makeTestClient({
      ...all,
      hostSettings: (host) => (host === server.host ? own : { retries: 9 }),
    });
    const response = await made.client.send({ method: 'GET', url: server.url(path) });
    expect(response.status).toBe(503);
    expect(made.waits).toHaveLength(waits);
  },
);

it.each([404, 400, 403])(
  'reads an error response that does not end up to there, once (%i)',
  async (status) => {
    const server = await startScriptedServer();
    const answer: Answer = { status, fault: 'stall-body', body: '{"errors":[]}', sent: 4 };
    server.expect({ method: 'GET', path: '/stalled', answer });
    const { client } = makeTestClient({ limits: { errorBody: 30 } });
    const response = await client.send({ method: 'GET', url: server.url('/stalled') });
    expect(response.status).toBe(status);
    await expect(response.bytes(100)).rejects.toThrow('the error response did not end within 0.03 s');
  },
);
