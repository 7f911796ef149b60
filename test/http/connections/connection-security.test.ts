import { mkdir, readFile } from 'node:fs/promises';
import { inspect } from 'node:util';

import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import type { GotClientOptions } from '../../../src/http/got-client.js';
import { InvalidError } from '../../../src/oci/errors.js';
import { makeCertificates, makeClientCertificate } from '../../support/certificates.js';
import { startConnectProxy } from '../../support/connect-proxy.js';
import { failureOf } from '../../support/failure.js';
import { type TlsFiles } from '../../support/fake-server.js';
import { startScriptedServer } from '../../support/scripted-server.js';
import { sharedDirectory } from '../../support/sandbox.js';
import { makeTestClient, type TestClient } from '../../support/test-client.js';

/** Each test is named after the flaw that it keeps out. */

const path = '/v2/app/manifests/1.0';
const secret = 's3cret-w0rd';

let directory: string;
let server: TlsFiles;
let caFile: string;
let client: { readonly certFile: string; readonly keyFile: string };
beforeAll(async () => {
  const shared = await sharedDirectory();
  directory = shared.directory;
  await mkdir(directory, { recursive: true });
  const files = await makeCertificates(directory, ['r.example', 'auth.example', 'blobs.example']);
  client = await makeClientCertificate(directory, 'jane');
  caFile = files.caFile;
  const [key, cert, ca] = await Promise.all(
    [files.keyFile, files.certFile, files.caFile].map((file) => readFile(file, 'utf8')),
  );
  server = { key: key ?? '', cert: cert ?? '', ca: ca ?? '', requestCert: true };
  return shared.remove;
});

/** A client that reaches `r.example` and its neighbours through a proxy, to which it logs in. */
function clientThrough(
  proxy: { readonly url: string },
  options: Partial<GotClientOptions> = {},
  env: Readonly<Record<string, string>> = {},
): TestClient {
  const url = proxy.url.replace('//', `//jane:${secret}@`);
  return makeTestClient({
    retries: 0,
    insecureTls: () => false,
    isRegistry: (host) => host === 'r.example',
    ...options,
    env: { HTTPS_PROXY: url, HTTP_PROXY: url, SSL_CERT_FILE: caFile, ...env },
  });
}

const login = Buffer.from(`jane:${secret}`).toString('base64');

/** Everything of a value that any way of printing could reach. */
function everything(value: unknown): string {
  const options = {
    depth: Infinity,
    showHidden: true,
    getters: true,
    maxArrayLength: null,
    maxStringLength: null,
  };
  return [
    inspect(value, options),
    JSON.stringify(value),
    String(value),
    value instanceof Error ? (value.stack ?? '') : '',
  ].join('\n');
}

describe('the login for a proxy', () => {
  it('leaked to the server: it is on no request but the one to the proxy', async () => {
    const origin = await startScriptedServer(server);
    const proxy = await startConnectProxy({
      account: { username: 'jane', password: secret },
      hosts: { 'r.example:443': origin.port },
    });
    origin.expect({ method: 'GET', path, answer: { status: 200 } });
    await clientThrough(proxy).client.send({ method: 'GET', url: new URL(`https://r.example${path}`) });
    expect(JSON.stringify(origin.requests[0]?.headers)).not.toContain(login);
    expect(proxy.requests[0]?.headers['proxy-authorization']).toBe(`Basic ${login}`);
  });

  it('followed a redirect off the proxy: a host without a proxy never receives it', async () => {
    const direct = await startScriptedServer();
    const storage = await startScriptedServer();
    const proxy = await startConnectProxy({
      account: { username: 'jane', password: secret },
      hosts: { 'blobs.example:80': storage.port },
    });
    const host = `0.0.0.0:${direct.port}`;
    direct.expect(
      { method: 'GET', path, answer: { status: 307, headers: { location: '/there' } } },
      {
        method: 'GET',
        path: '/there',
        answer: { status: 307, headers: { location: 'http://blobs.example/blob' } },
      },
    );
    storage.expect({
      method: 'GET',
      path: '/blob',
      headers: { 'proxy-authorization': null, authorization: null },
      answer: { status: 200 },
    });
    const { client: http } = clientThrough(proxy, {}, { NO_PROXY: host });
    // Nor does the next host receive one of the caller.
    const response = await http.send({
      method: 'GET',
      url: new URL(`http://${host}${path}`),
      headers: { Authorization: 'Bearer x', 'Proxy-Authorization': `Basic ${secret}` },
    });
    expect(response.status).toBe(200);
    expect(direct.requests).toHaveLength(2);
    expect(JSON.stringify(direct.requests)).not.toContain(login);
    expect(proxy.requests.map(({ headers }) => headers['proxy-authorization'])).toEqual([`Basic ${login}`]);
  });

  it.each(['http', 'https'] as const)('printed: it is in no log, error or client (%s)', async (scheme) => {
    for (const options of [{ status: 502 }, { status: 407 }, { challenge: `Basic realm="${secret}"` }]) {
      const proxy = await startConnectProxy(options);
      const { client: http, events } = clientThrough(proxy);
      const outcome: unknown = await http
        .send({ method: 'GET', url: new URL(`${scheme}://r.example${path}`) })
        .catch((error: unknown) => error);
      for (const value of [outcome, events, http]) {
        expect(everything(value)).not.toContain(secret);
        expect(everything(value)).not.toContain(login);
      }
      expect(outcome).not.toHaveProperty('cause');
      expect(proxy.requests).toHaveLength(1);
    }
  });

  it('sent to the wrong proxy: the one for http: is not that for https:', async () => {
    const [first, second] = [
      await startConnectProxy({ status: 403 }),
      await startConnectProxy({ status: 403 }),
    ];
    const { client: http } = clientThrough(first, {}, { HTTP_PROXY: second.url });
    await http.send({ method: 'GET', url: new URL(`http://r.example${path}`) });
    await http.send({ method: 'GET', url: new URL(`https://r.example${path}`) }).catch(() => {});
    expect(first.requests.map(({ headers }) => headers['proxy-authorization'])).toEqual([`Basic ${login}`]);
    expect(second.requests.map(({ headers }) => headers['proxy-authorization'])).toEqual([undefined]);
  });
});

describe('a proxy in front of the server', () => {
  it('read the request, because plain HTTP replaced the tunnel it refused', async () => {
    for (const status of [400, 403, 405, 407, 502]) {
      const proxy = await startConnectProxy({ status });
      const url = new URL(`https://r.example${path}`);
      const headers = { Authorization: `Bearer ${secret}` };
      const { client: http } = clientThrough(proxy);
      await expect(http.send({ method: 'GET', url, headers, negotiateScheme: true })).rejects.toThrow(
        `HTTP ${status}`,
      );
      expect(proxy.lines()).toEqual(['CONNECT r.example:443']);
      expect(JSON.stringify(proxy.requests)).not.toContain(secret);
    }
  });

  it('redirected from https: to http:, where it could read the request', async () => {
    const origin = await startScriptedServer(server);
    const proxy = await startConnectProxy({ hosts: { 'r.example:443': origin.port } });
    origin.expect({
      method: 'GET',
      path,
      answer: { status: 307, headers: { location: `http://r.example${path}` } },
    });
    const { client: http } = clientThrough(proxy);
    const sending = http.send({ method: 'GET', url: new URL(`https://r.example${path}`) });
    await expect(sending).rejects.toThrow(InvalidError);
    await expect(sending).rejects.toThrow('from HTTPS to plain HTTP');
    expect(proxy.lines()).toEqual(['CONNECT r.example:443']);
  });

  it('responded in place of the server: its certificate is not one for the server', async () => {
    const origin = await startScriptedServer(server);
    const proxy = await startConnectProxy({ hosts: { 'elsewhere.example:443': origin.port } });
    const { client: http } = clientThrough(proxy);
    const url = new URL('https://elsewhere.example/');
    await expect(http.send({ method: 'GET', url })).rejects.toThrow('is for another host name');
    expect(origin.requests).toEqual([]);
  });

  it('received the client certificate for the registry', async () => {
    const origin = await startScriptedServer(server);
    const proxy = await startConnectProxy({ tls: server, hosts: { 'r.example:443': origin.port } });
    origin.expect({ method: 'GET', path, answer: { status: 200 } });
    const { client: http } = clientThrough(proxy, {
      hostSettings: () => ({ tls: { cert: client.certFile, key: client.keyFile } }),
    });
    await http.send({ method: 'GET', url: new URL(`https://r.example${path}`) });
    expect(origin.requests[0]?.client).toBe('jane');
    expect(proxy.requests.map((request) => request.client)).toEqual([undefined]);
  });

  it('was trusted because --insecure was given for the registry', async () => {
    const origin = await startScriptedServer(server);
    const proxy = await startConnectProxy({ tls: server, hosts: { 'r.example:443': origin.port } });
    const { client: http } = clientThrough(proxy, { insecureTls: () => true }, { SSL_CERT_FILE: '' });
    const sending = http.send({ method: 'GET', url: new URL(`https://r.example${path}`) });
    await expect(sending).rejects.toThrow(
      `the certificate of ${proxy.host} is signed by an unknown authority`,
    );
    expect(proxy.requests).toEqual([]);
  });
});

describe('what is configured for a registry', () => {
  const tls = () => ({ cert: client.certFile, key: client.keyFile });

  it('its client certificate was sent to the token server and the storage of blobs', async () => {
    const origin = await startScriptedServer(server);
    const others = await startScriptedServer(server);
    const proxy = await startConnectProxy({
      hosts: {
        'r.example:443': origin.port,
        'auth.example:443': others.port,
        'blobs.example:443': others.port,
      },
    });
    origin.expect({
      method: 'GET',
      path,
      answer: { status: 307, headers: { location: 'https://blobs.example/b' } },
    });
    others.expect(
      { method: 'GET', path: '/b', answer: { status: 200 } },
      { method: 'GET', path: '/token', answer: { status: 200 } },
    );
    const { client: http } = clientThrough(proxy, { hostSettings: () => ({ tls: tls() }) });
    await http.send({ method: 'GET', url: new URL(`https://r.example${path}`) });
    await http.send({ method: 'GET', url: new URL('https://auth.example/token') });
    expect(origin.requests.map((request) => request.client)).toEqual(['jane']);
    expect(others.requests.map((request) => request.client)).toEqual([undefined, undefined]);
  });

  it('its client certificate was sent after a redirect from another host', async () => {
    const origin = await startScriptedServer(server);
    const other = await startScriptedServer(server);
    const proxy = await startConnectProxy({
      hosts: { 'r.example:443': origin.port, 'blobs.example:443': other.port },
    });
    const to = (location: string) => ({ status: 307, headers: { location } });
    origin.expect(
      { method: 'GET', path: '/start', answer: to('https://blobs.example/back') },
      { method: 'GET', path, times: 3, answer: { status: 200, body: 'x' } },
    );
    other.expect(
      { method: 'GET', path: '/to', answer: to(`https://r.example${path}`) },
      { method: 'GET', path: '/back', answer: to(`https://r.example${path}`) },
    );
    const isRegistry = (host: string): boolean => host !== 'auth.example';
    const { client: http } = clientThrough(proxy, { hostSettings: () => ({ tls: tls() }), isRegistry });
    const send = async (url: string): Promise<void> => {
      await (await http.send({ method: 'GET', url: new URL(url) })).bytes(10);
    };
    // First a connection with the certificate, which must not be lent to the others.
    await send(`https://r.example${path}`);
    await send('https://blobs.example/to');
    await send('https://r.example/start');
    const shown = origin.requests.map((request) => [request.path, request.client]);
    expect(shown).toEqual([
      [path, 'jane'],
      [path, undefined],
      ['/start', 'jane'],
      [path, undefined],
    ]);
  });

  it('its authority vouched for another host', async () => {
    const origin = await startScriptedServer(server);
    const other = await startScriptedServer(server);
    const proxy = await startConnectProxy({
      hosts: { 'r.example:443': origin.port, 'blobs.example:443': other.port },
    });
    origin.expect({
      method: 'GET',
      path,
      answer: { status: 307, headers: { location: 'https://blobs.example/b' } },
    });
    const { client: http } = clientThrough(
      proxy,
      { hostSettings: () => ({ tls: { ca: caFile } }) },
      { SSL_CERT_FILE: '' },
    );
    await expect(http.send({ method: 'GET', url: new URL(`https://r.example${path}`) })).rejects.toThrow(
      'the certificate of blobs.example is signed by an unknown authority',
    );
    expect(other.requests).toEqual([]);
  });

  it('its private key could be printed', async () => {
    const origin = await startScriptedServer(server);
    const proxy = await startConnectProxy({ hosts: { 'r.example:443': origin.port } });
    origin.expect({ method: 'GET', path, answer: { fault: 'raw', body: 'nonsense\r\n\r\n' } });
    const { client: http, events } = clientThrough(proxy, { hostSettings: () => ({ tls: tls() }) });
    const error: unknown = await failureOf(
      http.send({ method: 'GET', url: new URL(`https://r.example${path}`) }),
    );
    expect(error).toMatchObject({ kind: 'unavailable' });
    const key = (await readFile(client.keyFile, 'utf8')).split('\n')[1] ?? '';
    expect(key).toHaveLength(64);
    for (const value of [error, events, http]) expect(everything(value)).not.toContain(key);
  });
});

describe('NODE_TLS_REJECT_UNAUTHORIZED=0 switched off the check of certificates', () => {
  const unknown = 'is signed by an unknown authority';

  beforeEach(() => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it.each([0, 1])('of a registry (%i connections opened ahead)', async (ahead) => {
    const origin = await startScriptedServer(server);
    const { client: http } = makeTestClient({
      retries: 0,
      schemes: () => ['https'],
      insecureTls: () => false,
    });
    const url = new URL(`https://127.0.0.1:${origin.port}${path}`);
    if (ahead > 0) void http.preconnect(url, ahead);
    await expect(http.send({ method: 'GET', url })).rejects.toThrow(unknown);
    expect(origin.requests).toEqual([]);
  });

  it('of a registry behind a proxy', async () => {
    const origin = await startScriptedServer(server);
    const proxy = await startConnectProxy({ hosts: { 'r.example:443': origin.port } });
    const { client: http } = clientThrough(proxy, {}, { SSL_CERT_FILE: '' });
    const sending = http.send({ method: 'GET', url: new URL(`https://r.example${path}`) });
    await expect(sending).rejects.toThrow(unknown);
    expect(proxy.lines()).toEqual(['CONNECT r.example:443']);
    expect(origin.requests).toEqual([]);
  });

  it.each(['http', 'https'])('of the proxy, before a request by %s', async (scheme) => {
    const origin = await startScriptedServer(server);
    const proxy = await startConnectProxy({ tls: server, hosts: { 'r.example:443': origin.port } });
    const { client: http } = clientThrough(
      proxy,
      { hostSettings: () => ({ tls: { ca: caFile } }) },
      { SSL_CERT_FILE: '' },
    );
    const sending = http.send({ method: 'GET', url: new URL(`${scheme}://r.example${path}`) });
    await expect(sending).rejects.toThrow(`the certificate of ${proxy.host} ${unknown}`);
    expect(proxy.requests).toEqual([]);
  });
});
