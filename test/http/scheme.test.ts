import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Readable } from 'node:stream';

import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import type { GotClientOptions } from '../../src/http/got-client.js';
import type { HttpMethod } from '../../src/http/message.js';
import { defaultSchemes } from '../../src/http/scheme.js';
import { CancelledError, UnavailableError } from '../../src/oci/errors.js';
import { type TlsFiles } from '../support/fake-server.js';
import { startScriptedServer } from '../support/scripted-server.js';
import { makeTestClient } from '../support/test-client.js';
import { makeTlsFiles } from '../support/tls-server-files.js';

let tls: TlsFiles;
beforeAll(async () => {
  tls = await makeTlsFiles();
});

const path = '/v2/app/manifests/1.0';
/** As for a registry named with --insecure. */
const insecure: Partial<GotClientOptions> = { schemes: () => ['https', 'http'], insecureTls: () => true };

/** A URL to a registry: its scheme is only a guess. */
function registryUrl(host: string): URL {
  return new URL(`https://${host}${path}`);
}

/** Starts a server with a handler for the first bytes of each connection. Returns its host. */
async function startRawServer(onData: (socket: Socket, data: Buffer) => void): Promise<{ host: string }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', (data) => onData(socket, data));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** A proxy that forwards TLS to a server and responds to anything else with these bytes or a reset. */
async function startTlsFront(
  toPlain: string | ((host: string) => string),
  backend: { readonly port: number },
): Promise<{ host: string }> {
  const front = await startRawServer((socket, data) => {
    if (data[0] === 0x16) {
      const inner = connect(backend.port, '127.0.0.1');
      inner.on('error', () => socket.destroy());
      inner.write(data);
      socket.pipe(inner).pipe(socket);
    } else if (toPlain === 'reset') {
      socket.resetAndDestroy();
    } else {
      socket.end(typeof toPlain === 'string' ? toPlain : toPlain(front.host));
    }
  });
  return front;
}

describe('defaultSchemes', () => {
  it.each([
    ['localhost:5000', ['http', 'https']],
    ['registry.localhost', ['http', 'https']],
    ['127.0.0.1:5000', ['http', 'https']],
    ['[::1]:5000', ['http', 'https']],
    ['registry.example.com', ['https']],
    ['10.0.0.1:5000', ['https']],
    ['localhost.example.com', ['https']],
  ])('%s: %j', (host, schemes) => {
    expect(defaultSchemes(host)).toEqual(schemes);
  });
});

describe('a loopback host', () => {
  it('that speaks plain HTTP is used so, and its scheme remembered', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, times: 2, answer: { status: 404 } });
    const { client } = makeTestClient();
    for (let index = 0; index < 2; index += 1) {
      const response = await client.send({
        method: 'GET',
        url: registryUrl(server.host),
        negotiateScheme: true,
      });
      expect(response.url.href).toBe(`http://${server.host}${path}`);
      response.discard();
    }
    expect(server.connections).toBe(1);
  });

  it('that speaks TLS with a self-signed certificate is used so', async () => {
    const server = await startScriptedServer(tls);
    server.expect({ method: 'GET', path, times: 2, answer: { status: 200 } });
    const { client, events } = makeTestClient();
    for (let index = 0; index < 2; index += 1) {
      const response = await client.send({
        method: 'GET',
        url: registryUrl(server.host),
        negotiateScheme: true,
      });
      expect(response.url.protocol).toBe('https:');
    }
    // One in the wrong scheme, then two in the right one.
    expect(events.filter((event) => event.kind === 'request')).toHaveLength(3);
    expect(events.filter((event) => event.kind === 'retry')).toEqual([]);
  });

  const goAnswer = 'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n';
  const nginxAnswer =
    'HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: 57\r\nConnection: close\r\n\r\n' +
    '<h1>The plain HTTP request was sent to HTTPS port</h1>\r\n\r\n';
  it.each([
    ["Go's 400", 'GET', goAnswer],
    ["Go's 400, where a HEAD has no text to tell by", 'HEAD', goAnswer],
    ["nginx's 400", 'GET', nginxAnswer],
    ["nginx's 400", 'POST', nginxAnswer],
    ['bytes of a TLS alert', 'GET', '\u0015\u0003\u0001\u0000\u0002\u0002\u0016'],
    ['a reset', 'GET', 'reset'],
    ['a close without a word', 'GET', ''],
  ] as const)('that answers plain HTTP with %s is a TLS server', async (_what, method, toPlain) => {
    const server = await startScriptedServer(tls);
    server.expect({ method, path, answer: { status: 200 } });
    const front = await startTlsFront(toPlain, server);
    const { client, waits } = makeTestClient();
    const response = await client.send({ method, url: registryUrl(front.host), negotiateScheme: true });
    expect(response.status).toBe(200);
    expect(response.url.protocol).toBe('https:');
    expect(waits).toEqual([]);
  });

  it('that sends plain HTTP on to its own TLS is a TLS server, and the credential is not lost on the way', async () => {
    const server = await startScriptedServer(tls);
    server.expect({ method: 'GET', path, headers: { authorization: 'Basic eA==' }, answer: { status: 200 } });
    const front = await startTlsFront(
      (host) => `HTTP/1.1 301 Moved\r\nLocation: https://${host}${path}\r\nContent-Length: 0\r\n\r\n`,
      server,
    );
    const { client } = makeTestClient();
    const response = await client.send({
      method: 'GET',
      url: registryUrl(front.host),
      headers: { authorization: 'Basic eA==' },
      negotiateScheme: true,
    });
    expect(response.url.href).toBe(`https://${front.host}${path}`);
  });

  it('that speaks plain HTTP and responds with 400 for its own reasons is heard', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, answer: { status: 400, body: 'NAME_INVALID' } });
    const { client } = makeTestClient();
    const response = await client.send({
      method: 'GET',
      url: registryUrl(server.host),
      negotiateScheme: true,
    });
    expect(response.status).toBe(400);
    expect(Buffer.from(await response.bytes(100)).toString()).toBe('NAME_INVALID');
    expect(response.url.protocol).toBe('http:');
  });

  it('that does not respond fails for both schemes', async () => {
    const { host } = await closedPort();
    const { client, waits } = makeTestClient();
    const sending = client.send({ method: 'GET', url: registryUrl(host), negotiateScheme: true });
    await expect(sending).rejects.toThrow(UnavailableError);
    await expect(sending).rejects.toThrow(`${host} responds neither over HTTP nor over HTTPS: GET http://`);
    await expect(sending).rejects.toThrow(
      `GET https://${host}${path}: ${host} refused the connection (5 tries)`,
    );
    expect(waits).toHaveLength(4);
  });

  it('is found out by one of the requests that come first, the others wait for it', async () => {
    const server = await startScriptedServer(tls);
    server.expect({ method: 'GET', path, times: 5, answer: { status: 200 } });
    const { client, events } = makeTestClient();
    const url = registryUrl(server.host);
    await Promise.all(
      Array.from({ length: 5 }, () => client.send({ method: 'GET', url, negotiateScheme: true })),
    );
    const plain = events.filter((event) => event.kind === 'request' && event.url.startsWith('http:'));
    expect(plain).toHaveLength(1);
  });

  it('that does not respond is tried once for all waiting requests', async () => {
    const { host } = await closedPort();
    const { client, events } = makeTestClient({ retries: 0 });
    const url = registryUrl(host);
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () => client.send({ method: 'GET', url, negotiateScheme: true })),
    );
    expect(results.every((result) => result.status === 'rejected')).toBe(true);
    expect(events.filter((event) => event.kind === 'request')).toHaveLength(2);
  });

  it('is still found out when the first request is cancelled', async () => {
    const server = await startScriptedServer();
    server.expect(
      { method: 'GET', path: '/first', answer: { fault: 'stall' } },
      { method: 'GET', path, answer: { status: 200 } },
    );
    const { client } = makeTestClient();
    const abort = new AbortController();
    const first = client.send({
      method: 'GET',
      url: new URL('/first', registryUrl(server.host)),
      negotiateScheme: true,
      signal: abort.signal,
    });
    const waiting = new AbortController();
    const send = (signal?: AbortSignal) =>
      client.send({ method: 'GET', url: registryUrl(server.host), negotiateScheme: true, signal });
    const second = send();
    const third = send(waiting.signal);
    await server.came(1);
    waiting.abort();
    await expect(third).rejects.toThrow(CancelledError);
    abort.abort();
    await expect(first).rejects.toThrow(CancelledError);
    expect((await second).status).toBe(200);
  });

  it('is retried in its scheme once that is known', async () => {
    const server = await startScriptedServer();
    server.expect(
      { method: 'GET', path, answer: { status: 503 } },
      { method: 'GET', path, answer: { fault: 'reset' } },
      { method: 'GET', path, answer: { status: 200 } },
    );
    const { client, events } = makeTestClient();
    await client.send({ method: 'GET', url: registryUrl(server.host), negotiateScheme: true });
    const requests = events.flatMap((event) => (event.kind === 'request' ? [event.url] : []));
    expect(new Set(requests)).toEqual(new Set([`http://${server.host}${path}`]));
  });
});

describe('an insecure registry', () => {
  it('that speaks TLS is used so, its certificate unverified', async () => {
    const server = await startScriptedServer(tls);
    server.expect({ method: 'GET', path, answer: { status: 200 } });
    const { client } = makeTestClient(insecure);
    const response = await client.send({
      method: 'GET',
      url: registryUrl(server.host),
      negotiateScheme: true,
    });
    expect(response.url.protocol).toBe('https:');
  });

  it('that speaks plain HTTP is used so, with the body opened again', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'PUT', path, body: 'abc', answer: { status: 201 } });
    const { client, waits } = makeTestClient(insecure);
    const response = await client.send({
      method: 'PUT',
      url: registryUrl(server.host),
      body: { size: 3, open: () => Readable.from([Buffer.from('abc')]) },
      negotiateScheme: true,
    });
    expect(response.url.protocol).toBe('http:');
    expect(waits).toEqual([]);
  });

  it.each([
    ['closes', (socket: Socket) => socket.end()],
    ['resets', (socket: Socket) => socket.resetAndDestroy()],
    ['does not answer', () => {}],
  ])('that %s in response to TLS is a plain server', async (_what, toTls) => {
    const front = await startRawServer((socket, data) => {
      if (data[0] === 0x16) toTls(socket);
      else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    });
    const { client } = makeTestClient({ ...insecure, limits: { tls: 50 } });
    const response = await client.send({
      method: 'GET',
      url: registryUrl(front.host),
      negotiateScheme: true,
    });
    expect(response.url.protocol).toBe('http:');
  });

  it('that rejects the TLS handshake is not tried over plain HTTP', async () => {
    // Fatal alert "protocol version".
    const front = await startRawServer((socket) => {
      socket.end(Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46]));
    });
    const { client, events } = makeTestClient(insecure);
    const sending = client.send({ method: 'GET', url: registryUrl(front.host), negotiateScheme: true });
    await expect(sending).rejects.toThrow('the TLS handshake with');
    expect(events.filter((event) => event.kind === 'request')).toHaveLength(1);
  });
});

describe('a host that may only speak https', () => {
  const secure: Partial<GotClientOptions> = { schemes: () => ['https'], insecureTls: () => false };

  it.each(['GET', 'PUT'] as const)(
    'is not spoken to in plain HTTP, whatever it does (%s)',
    async (method: HttpMethod) => {
      const seen: number[] = [];
      const front = await startRawServer((socket, data) => {
        seen.push(data[0] ?? 0);
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      });
      const { client } = makeTestClient(secure);
      const sending = client.send({ method, url: registryUrl(front.host), negotiateScheme: true });
      await expect(sending).rejects.toThrow('does not speak TLS on this port');
      await expect(sending).rejects.toMatchObject({ hint: expect.stringContaining('--insecure') });
      // Nothing but TLS handshakes.
      expect(new Set(seen)).toEqual(new Set([0x16]));
    },
  );

  it('must have a trusted certificate, and is tried once', async () => {
    const server = await startScriptedServer(tls);
    const { client, waits } = makeTestClient(secure);
    const sending = client.send({ method: 'GET', url: registryUrl(server.host), negotiateScheme: true });
    await expect(sending).rejects.toThrow('signed by an unknown authority');
    await expect(sending).rejects.toMatchObject({
      kind: 'unavailable',
      hint: expect.stringMatching(/NODE_EXTRA_CA_CERTS.*--insecure/),
    });
    expect(waits).toEqual([]);
    expect(server.requests).toEqual([]);
  });
});

/** A port without a listener. */
async function closedPort(): Promise<{ host: string }> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return { host };
}
