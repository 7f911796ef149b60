import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import type { GotClientOptions } from '../../../src/http/got-client.js';
import { UnavailableError } from '../../../src/oci/errors.js';
import { startConnectProxy, type ConnectProxyOptions } from '../../support/connect-proxy.js';
import { failureOf } from '../../support/failure.js';
import { type TlsFiles } from '../../support/fake-server.js';
import { startScriptedServer } from '../../support/scripted-server.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { makeTestClient, type TestClient } from '../../support/test-client.js';
import { makeTlsFiles } from '../../support/tls-server-files.js';

let tls: TlsFiles & { readonly ca: string };
beforeAll(async () => {
  tls = await makeTlsFiles(['r.example', 'auth.example', 'blobs.example']);
});

const path = '/v2/app/manifests/1.0';
const account = { username: 'jane', password: 'pass:word' };

/** A client with this proxy for everything, which does not verify the servers' certificates. */
function clientThrough(
  proxy: { readonly url: string },
  options: Partial<GotClientOptions> = {},
  env: Readonly<Record<string, string>> = {},
): TestClient {
  return makeTestClient({
    insecureTls: () => true,
    retries: 0,
    ...options,
    env: { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url, ...env },
  });
}

describe('a request through a proxy', () => {
  it('over plain HTTP is forwarded', async () => {
    const server = await startScriptedServer();
    const proxy = await startConnectProxy({ hosts: { 'r.example:5000': server.port } });
    server.expect({
      method: 'PUT',
      path,
      query: { a: '1/2' },
      headers: { host: 'r.example:5000', 'x-meta': '1', 'content-length': '4' },
      body: 'body',
      answer: { status: 201, body: 'done' },
    });
    const { client, events } = clientThrough(proxy);
    const response = await client.send({
      method: 'PUT',
      url: new URL(`http://r.example:5000${path}?a=1%2F2#rest`),
      headers: { 'X-Meta': '1' },
      body: { size: 4, open: () => Readable.from([Buffer.from('body')]) },
    });
    expect(response.status).toBe(201);
    expect(Buffer.from(await response.bytes(10)).toString()).toBe('done');
    expect(response.url.host).toBe('r.example:5000');
    expect(response.remoteAddress).toBeUndefined();
    expect(proxy.lines()).toEqual([`PUT http://r.example:5000${path}?a=1%2F2`]);
    expect(events[0]).toMatchObject({ kind: 'request', proxy: proxy.url });
  });

  it('over TLS goes through a tunnel', async () => {
    const server = await startScriptedServer(tls);
    const proxy = await startConnectProxy({ hosts: { 'r.example:443': server.port } });
    server.expect({
      method: 'PUT',
      path,
      headers: { host: 'r.example', authorization: 'Bearer x' },
      body: 'body',
      answer: { status: 201 },
    });
    const { client, events } = clientThrough(proxy);
    const response = await client.send({
      method: 'PUT',
      url: new URL(`https://r.example${path}`),
      headers: { Authorization: 'Bearer x' },
      body: { size: 4, open: () => Readable.from([Buffer.from('body')]) },
    });
    expect(response.status).toBe(201);
    expect(proxy.lines()).toEqual(['CONNECT r.example:443']);
    // The proxy receives nothing that is for the registry.
    expect(proxy.requests[0]?.headers).toEqual({ host: 'r.example:443', connection: 'keep-alive' });
    expect(events[0]).toMatchObject({ kind: 'request', proxy: proxy.url });
  });

  it.each(['http', 'https'] as const)('reuses connections (%s)', async (scheme) => {
    const server = await startScriptedServer(scheme === 'https' ? tls : undefined);
    const proxy = await startConnectProxy({ hosts: { 'r.example:5000': server.port } });
    server.expect({ method: 'GET', path, times: 5, answer: { status: 200, body: 'x' } });
    const { client } = clientThrough(proxy);
    for (let index = 0; index < 5; index += 1) {
      const response = await client.send({
        method: 'GET',
        url: new URL(`${scheme}://r.example:5000${path}`),
      });
      await response.bytes(10);
    }
    expect(new Set(proxy.requests.map(({ connection }) => connection)).size).toBe(1);
    expect(proxy.requests.length).toBe(scheme === 'https' ? 1 : 5);
  });

  it.each(['http', 'https'] as const)('sends the login to the proxy (%s)', async (scheme) => {
    const server = await startScriptedServer(scheme === 'https' ? tls : undefined);
    const proxy = await startConnectProxy({ account, hosts: { 'r.example:5000': server.port } });
    server.expect({ method: 'GET', path, answer: { status: 200 } });
    const { client } = clientThrough({ url: proxy.url.replace('//', '//jane:pass%3Aword@') });
    const response = await client.send({ method: 'GET', url: new URL(`${scheme}://r.example:5000${path}`) });
    expect(response.status).toBe(200);
    expect(server.requests[0]?.headers['proxy-authorization']).toBeUndefined();
  });

  it.each(['http', 'https'] as const)('speaks TLS to a proxy that requires it (%s)', async (scheme) => {
    const server = await startScriptedServer(scheme === 'https' ? tls : undefined);
    const proxy = await startConnectProxy({ account, tls, hosts: { 'r.example:5000': server.port } });
    server.expect({ method: 'GET', path, times: 2, answer: { status: 200, body: 'x' } });
    const caFile = await temporaryFile(tls.ca);
    const url = proxy.url.replace('//', '//jane:pass%3Aword@').replace('127.0.0.1', 'localhost');
    const { client } = clientThrough({ url }, {}, { SSL_CERT_FILE: caFile });
    for (let index = 0; index < 2; index += 1) {
      const response = await client.send({
        method: 'GET',
        url: new URL(`${scheme}://r.example:5000${path}`),
      });
      expect(Buffer.from(await response.bytes(10)).toString()).toBe('x');
    }
    expect(new Set(proxy.requests.map(({ connection }) => connection)).size).toBe(1);
  });

  it('is decided on for each host: registry, token server and blob storage', async () => {
    const registry = await startScriptedServer(tls);
    const others = await startScriptedServer(tls);
    const proxy = await startConnectProxy({
      hosts: { 'auth.example:443': others.port, 'blobs.example:8443': others.port },
    });
    registry.expect({
      method: 'GET',
      path,
      answer: { status: 307, headers: { location: 'https://blobs.example:8443/b?sig=1' } },
    });
    others.expect(
      { method: 'GET', path: '/b', answer: { status: 200 } },
      { method: 'GET', path: '/token', answer: { status: 200 } },
    );
    // Every address of this machine, and so not a loopback one: it would go through the proxy.
    const host = `0.0.0.0:${registry.port}`;
    const { client, events } = clientThrough(proxy, {}, { NO_PROXY: host });
    const send = (url: string) => client.send({ method: 'GET', url: new URL(url) });
    expect((await send(`https://${host}${path}`)).status).toBe(200);
    expect((await send('https://auth.example/token')).status).toBe(200);
    expect(proxy.lines()).toEqual(['CONNECT blobs.example:8443', 'CONNECT auth.example:443']);
    expect(events.flatMap((event) => (event.kind === 'request' ? [event.proxy] : []))).toEqual([
      undefined,
      proxy.url,
      proxy.url,
    ]);
  });

  it('is not for hosts of this machine', async () => {
    const server = await startScriptedServer();
    const proxy = await startConnectProxy();
    server.expect({ method: 'GET', path, answer: { status: 200 } });
    const { client, events } = clientThrough(proxy);
    const url = new URL(`https://${server.host}${path}`);
    expect((await client.send({ method: 'GET', url, negotiateScheme: true })).status).toBe(200);
    expect(proxy.requests).toEqual([]);
    expect(events[0]).not.toHaveProperty('proxy');
  });

  it('finds out the scheme of a registry that may be insecure', async () => {
    const server = await startScriptedServer();
    const proxy = await startConnectProxy({ hosts: { 'r.example:5000': server.port } });
    server.expect({ method: 'GET', path, times: 2, answer: { status: 200 } });
    // The handshake reached a plain server.
    const { client } = clientThrough(proxy, { schemes: () => ['https', 'http'] });
    const url = new URL(`https://r.example:5000${path}`);
    for (let index = 0; index < 2; index += 1) {
      const response = await client.send({ method: 'GET', url, negotiateScheme: true });
      expect(response.url.protocol).toBe('http:');
    }
    expect(proxy.lines()).toEqual([
      'CONNECT r.example:5000',
      `GET http://r.example:5000${path}`,
      `GET http://r.example:5000${path}`,
    ]);
  });

  it('is not preceded by connections', async () => {
    const proxy = await startConnectProxy();
    const { client } = clientThrough(proxy);
    void client.preconnect(new URL('https://r.example/'), 3);
    void client.preconnect(new URL('http://r.example/'), 3);
    await new Promise(setImmediate);
    expect(proxy.requests).toEqual([]);
    // A variable that is broken is for a request to complain of.
    const { client: broken } = clientThrough({ url: 'socks5://127.0.0.1' });
    void broken.preconnect(new URL('https://r.example/'), 3);
    await expect(broken.send({ method: 'GET', url: new URL('https://r.example/') })).rejects.toThrow(
      'HTTPS_PROXY cannot be used: SOCKS',
    );
  });
});

describe('a proxy that rejects', () => {
  const around = 'NO_PROXY=r.example';

  it.each<[ConnectProxyOptions, string, string, string]>([
    [
      { account },
      '',
      'requires authentication (HTTP 407)',
      'Set HTTPS_PROXY=http://USER:PASSWORD@127.0.0.1:',
    ],
    [
      { account },
      'joe:s3cret@',
      'rejected the login in HTTPS_PROXY (HTTP 407)',
      'Check its user name and password',
    ],
    [
      { account, challenge: 'Negotiate' },
      'joe:s3cret@',
      'requires authentication by Negotiate (HTTP 407)',
      'Only Basic is supported',
    ],
    [{ status: 403 }, '', 'denied a connection to r.example:443 (HTTP 403)', around],
    [{ status: 502 }, 'joe:s3cret@', 'could not connect to r.example:443 (HTTP 502)', around],
    [{ status: 504 }, '', 'could not connect to r.example:443 (HTTP 504)', around],
    [{ status: 400 }, '', 'denied a connection to r.example:443 (HTTP 400)', around],
    [{ status: 302 }, '', 'denied a connection to r.example:443 (HTTP 302)', around],
  ])('a tunnel, %j as %j', async (options, login, reason, advice) => {
    const proxy = await startConnectProxy(options);
    const { client } = clientThrough({ url: proxy.url.replace('//', `//${login}`) });
    const error = await failureOf(
      client.send({ method: 'GET', url: new URL(`https://r.example${path}`) }),
      UnavailableError,
    );
    expect(error.message).toBe(
      `GET https://r.example${path}: the proxy ${proxy.url} (HTTPS_PROXY) ${reason}`,
    );
    expect(error.hint).toContain(advice);
    expect(error.message + error.hint).not.toContain('s3cret');
  });

  it.each<[ConnectProxyOptions, string, string]>([
    [{ account }, '', 'requires authentication (HTTP 407)'],
    [{ account }, 'joe:s3cret@', 'rejected the login in HTTP_PROXY (HTTP 407)'],
    [{ account, challenge: 'NTLM' }, '', 'requires authentication by NTLM (HTTP 407)'],
  ])('a plain request, %j as %j', async (options, login, reason) => {
    const proxy = await startConnectProxy(options);
    const { client, waits } = clientThrough({ url: proxy.url.replace('//', `//${login}`) }, { retries: 2 });
    const error = await failureOf(
      client.send({ method: 'GET', url: new URL(`http://r.example${path}`) }),
      UnavailableError,
    );
    expect(error.message).toBe(`GET http://r.example${path}: the proxy ${proxy.url} (HTTP_PROXY) ${reason}`);
    expect(error.message + error.hint).not.toContain('s3cret');
    expect(waits).toEqual([]);
  });

  it('for a while is asked again, and one that forbids is not', async () => {
    for (const [status, tries] of [
      [503, 3],
      [403, 1],
      [407, 1],
    ] as const) {
      const proxy = await startConnectProxy({ status });
      const { client } = clientThrough(proxy, { retries: 2 });
      await failureOf(client.send({ method: 'GET', url: new URL('https://r.example/') }), UnavailableError);
      expect(proxy.requests).toHaveLength(tries);
    }
  });

  it('because it cannot reach the server is named in the error', async () => {
    const proxy = await startConnectProxy({ hosts: { 'r.example:443': await closedPort() } });
    const { client } = clientThrough(proxy);
    const error = await failureOf(
      client.send({ method: 'GET', url: new URL('https://r.example/') }),
      UnavailableError,
    );
    expect(error.message).toContain('could not connect to r.example:443 (HTTP 502)');
  });

  it('the tunnel of a registry that may be insecure leaves plain HTTP to be tried', async () => {
    const proxy = await startConnectProxy({ status: 403 });
    const { client } = clientThrough(proxy, { schemes: () => ['https', 'http'] });
    const url = new URL(`https://r.example${path}`);
    const response = await client.send({ method: 'GET', url, negotiateScheme: true });
    expect(response.status).toBe(403);
    expect(proxy.lines()).toEqual(['CONNECT r.example:443', `GET http://r.example${path}`]);
  });
});

describe('a proxy that cannot be used', () => {
  it.each(['http', 'https'] as const)(
    'because nobody listens is named, not the registry (%s)',
    async (scheme) => {
      const port = await closedPort();
      const { client } = clientThrough({ url: `http://joe:s3cret@127.0.0.1:${port}` });
      const error = await failureOf(
        client.send({ method: 'GET', url: new URL(`${scheme}://r.example/`) }),
        UnavailableError,
      );
      const variable = scheme === 'http' ? 'HTTP_PROXY' : 'HTTPS_PROXY';
      expect(error.message).toBe(
        `GET ${scheme}://r.example/: the proxy http://127.0.0.1:${port} (${variable}) cannot be used: 127.0.0.1:${port} refused the connection`,
      );
      expect(error.hint).toContain(`Check ${variable}, or bypass the proxy with NO_PROXY=r.example.`);
      expect(error.message + error.hint).not.toContain('s3cret');
    },
  );

  it.each(['http', 'https'] as const)('because its name is unknown is named (%s)', async (scheme) => {
    const { client } = clientThrough({ url: 'http://no-such-proxy.invalid:3128' });
    const error = await failureOf(
      client.send({ method: 'GET', url: new URL(`${scheme}://r.example/`) }),
      UnavailableError,
    );
    expect(error.message).toContain('the proxy http://no-such-proxy.invalid:3128');
    expect(error.message).not.toContain('host r.example');
  });

  it.each(['http', 'https'] as const)(
    'because its own certificate is not trusted is named (%s)',
    async (scheme) => {
      const proxy = await startConnectProxy({ tls });
      // That any certificate of the registry is accepted is not about the proxy.
      const { client } = clientThrough(proxy);
      const error = await failureOf(
        client.send({ method: 'GET', url: new URL(`${scheme}://r.example/`) }),
        UnavailableError,
      );
      expect(error.message).toContain(
        `${proxy.url} (${scheme === 'http' ? 'HTTP_PROXY' : 'HTTPS_PROXY'}) cannot be used`,
      );
      expect(error.message).toContain(`the certificate of ${proxy.host} is signed by an unknown authority`);
      expect(error.hint).toMatch(/NODE_EXTRA_CA_CERTS or SSL_CERT_FILE/);
      expect(error.hint).not.toMatch(/--cacert|--insecure|certs\.d/);
      expect(proxy.requests).toEqual([]);
    },
  );

  it('because it does not respond is given up in time', async () => {
    const { host } = await startRawServer(() => {});
    const { client } = clientThrough({ url: `http://${host}` }, { limits: { connect: 30 } });
    const error = await failureOf(
      client.send({ method: 'GET', url: new URL('https://r.example/') }),
      UnavailableError,
    );
    expect(error.message).toContain('cannot be used: it did not connect to the server within the time limit');
  });

  it('because it closes the connection is named', async () => {
    const { host } = await startRawServer((socket) => socket.destroy());
    const { client } = clientThrough({ url: `http://${host}` });
    const error = await failureOf(
      client.send({ method: 'GET', url: new URL('https://r.example/') }),
      UnavailableError,
    );
    expect(error.message).toContain(
      `the proxy http://${host} (HTTPS_PROXY) cannot be used: the server closed`,
    );
  });

  it('because it speaks no HTTP is named', async () => {
    const { host } = await startRawServer((socket) => socket.end('SSH-2.0-nonsense\r\n'));
    const { client } = clientThrough({ url: `http://${host}` });
    const error = await failureOf(
      client.send({ method: 'GET', url: new URL('https://r.example/') }),
      UnavailableError,
    );
    expect(error.message).toContain('cannot be used: the response is not valid HTTP');
  });

  it('does not delay a cancelled request or a closed client', async () => {
    const { host, sockets } = await startRawServer(() => {});
    const { client } = clientThrough({ url: `http://${host}` });
    const controller = new AbortController();
    const url = new URL('https://r.example/');
    const sending = client.send({ method: 'GET', url, signal: controller.signal });
    await expect.poll(() => sockets.size).toBe(1);
    controller.abort();
    await expect(sending).rejects.toMatchObject({ kind: 'cancelled' });
    client.close();
    await expect.poll(() => sockets.size).toBe(0);
  });
});

describe('a server behind a tunnel', () => {
  it('has its own certificate checked, by its own name', async () => {
    const server = await startScriptedServer(tls);
    const proxy = await startConnectProxy({
      hosts: { 'r.example:443': server.port, 'other.example:443': server.port },
    });
    server.expect({ method: 'GET', path, answer: { status: 200 } });
    const trusting = { SSL_CERT_FILE: await temporaryFile(tls.ca) };
    const { client } = clientThrough(proxy, { insecureTls: () => false }, trusting);
    const send = (host: string) => client.send({ method: 'GET', url: new URL(`https://${host}${path}`) });
    expect((await send('r.example')).status).toBe(200);
    const error = await failureOf(send('other.example'), UnavailableError);
    expect(error.message).toBe(
      `GET https://other.example${path}: the certificate of other.example is for another host name (localhost, 127.0.0.1, 0.0.0.0, …), through the proxy ${proxy.url} (HTTPS_PROXY)`,
    );
    const { client: strange } = clientThrough(proxy, { insecureTls: () => false });
    const failing = strange.send({ method: 'GET', url: new URL(`https://r.example${path}`) });
    expect((await failureOf(failing, UnavailableError)).message).toContain(
      'is signed by an unknown authority',
    );
  });

  it('that does not complete the handshake is given up', async () => {
    const { port } = await startRawServer(() => {});
    const proxy = await startConnectProxy({ hosts: { 'r.example:443': port } });
    const { client } = clientThrough(proxy, { limits: { tls: 30 } });
    const error = await failureOf(
      client.send({ method: 'GET', url: new URL('https://r.example/') }),
      UnavailableError,
    );
    expect(error.message).toContain(
      `the TLS handshake with r.example timed out, through the proxy ${proxy.url} (HTTPS_PROXY)`,
    );
  });

  it('that cuts a kept connection is asked again at once', async () => {
    const server = await startScriptedServer(tls);
    const proxy = await startConnectProxy({ hosts: { 'r.example:443': server.port } });
    server.expect(
      { method: 'GET', path, answer: { status: 200, body: 'x' } },
      { method: 'GET', path, answer: { fault: 'raw', body: '' } },
      { method: 'GET', path, answer: { status: 200 } },
    );
    const { client, waits } = clientThrough(proxy, { retries: 1 });
    const url = new URL(`https://r.example${path}`);
    await (await client.send({ method: 'GET', url })).bytes(10);
    expect((await client.send({ method: 'GET', url })).status).toBe(200);
    expect(waits).toEqual([]);
  });
});

async function temporaryFile(text: string): Promise<string> {
  const directory = await temporaryDirectory();
  const file = join(directory, 'file.pem');
  await writeFile(file, text);
  return file;
}

/** Starts a server with a handler for the first bytes of each connection. */
async function startRawServer(
  onData: (socket: Socket) => void,
): Promise<{ readonly host: string; readonly port: number; readonly sockets: ReadonlySet<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    socket.once('data', () => onData(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { host: `127.0.0.1:${port}`, port, sockets };
}

/** A port without a listener. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
