import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type * as Tls from 'node:tls';
import { createSecureContext, rootCertificates, type SecureContextOptions } from 'node:tls';

import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

import type { GotClientOptions } from '../../../src/http/got-client.js';
import { ArgumentError, FailedError, MultiarchError, UnavailableError } from '../../../src/oci/errors.js';
import { makeCertificates, makeClientCertificate, type Certificates } from '../../support/certificates.js';
import { failureOf } from '../../support/failure.js';
import { type TlsFiles } from '../../support/fake-server.js';
import { startScriptedServer, type ScriptedServer } from '../../support/scripted-server.js';
import { sharedDirectory } from '../../support/sandbox.js';
import { makeTestClient, type TestClient } from '../../support/test-client.js';

vi.mock('node:tls', async (importOriginal) => {
  const tls = await importOriginal<typeof Tls>();
  return { ...tls, createSecureContext: vi.fn(tls.createSecureContext) };
});

const path = '/v2/';

/** Two authorities that know nothing of each other, each with a server's certificate and a client's. */
interface Authority extends Certificates {
  readonly server: TlsFiles;
  readonly client: { readonly certFile: string; readonly keyFile: string };
}
let directory: string;
let ours: Authority;
let theirs: Authority;

beforeAll(async () => {
  const shared = await sharedDirectory();
  directory = shared.directory;
  [ours, theirs] = (await Promise.all(['ours', 'theirs'].map(makeAuthority))) as [Authority, Authority];
  return shared.remove;
});

async function makeAuthority(name: string): Promise<Authority> {
  const own = join(directory, name);
  await mkdir(own);
  const certificates = await makeCertificates(own);
  const [key, cert, ca] = await Promise.all(
    [certificates.keyFile, certificates.certFile, certificates.caFile].map((file) => readFile(file, 'utf8')),
  );
  const server = { key: key ?? '', cert: cert ?? '', ca: ca ?? '', requestCert: true };
  return { ...certificates, server, client: await makeClientCertificate(own, `client-of-${name}`) };
}

/** A home directory whose certs.d of containers has these files for a host, each a copy of another. */
async function home(host: string, files: Readonly<Record<string, string>>): Promise<string> {
  const own = await mkdtemp(join(directory, 'home-'));
  const certs = join(own, '.config', 'containers', 'certs.d', host);
  await mkdir(certs, { recursive: true });
  for (const [name, from] of Object.entries(files)) await copyFile(from, join(certs, name));
  return own;
}

/** A client that speaks TLS and verifies local servers too. */
function strictClient(options: Partial<GotClientOptions> = {}): TestClient {
  return makeTestClient({ retries: 0, insecureTls: () => false, schemes: () => ['https'], ...options });
}

async function startServer(authority: Authority, requests = 1): Promise<ScriptedServer> {
  const server = await startScriptedServer(authority.server);
  if (requests > 0)
    server.expect({ method: 'GET', path, times: requests, answer: { status: 200, body: 'x' } });
  return server;
}

async function get({ client }: TestClient, server: ScriptedServer): Promise<number> {
  const response = await client.send({ method: 'GET', url: server.url(path) });
  await response.bytes(10);
  return response.status;
}

const failureAt = (test: TestClient, server: ScriptedServer): Promise<MultiarchError> =>
  failureOf(get(test, server), MultiarchError);

describe('a server', () => {
  it('is trusted by the authority in its certs.d directory; another port is another server', async () => {
    const server = await startServer(ours);
    const other = await startServer(ours, 0);
    const test = strictClient({ homeDirectory: await home(server.host, { 'ca.crt': ours.caFile }) });
    expect(await get(test, server)).toBe(200);
    const error = await failureAt(test, other);
    expect(error).toBeInstanceOf(UnavailableError);
    expect(error.message).toContain('is signed by an unknown authority');
    expect(error.hint).toContain('--cacert FILE');
    expect(error.hint).toContain(`/etc/containers/certs.d/${other.host}/ca.crt`);
  });

  it('is trusted by the authority of a flag, if it is a registry', async () => {
    const server = await startServer(ours);
    const other = await startServer(ours, 0);
    const isRegistry = (host: string): boolean => host === server.host;
    const test = strictClient({ isRegistry, hostSettings: () => ({ tls: { ca: ours.caFile } }) });
    expect(await get(test, server)).toBe(200);
    const { message, hint } = await failureAt(test, other);
    expect(message).toContain('is signed by an unknown authority');
    // Flags are not about this server.
    expect(hint).not.toMatch(/--/);
    expect(hint).toContain(`/etc/containers/certs.d/${other.host}/ca.crt`);
    expect(hint).toMatch(/NODE_EXTRA_CA_CERTS or SSL_CERT_FILE/);
  });

  it('is trusted by any of several authorities', async () => {
    const [one, two] = [await startServer(ours), await startServer(theirs)];
    const homeDirectory = await home(one.host, { 'ca.crt': theirs.caFile });
    await copyFile(ours.caFile, join(homeDirectory, '.config/containers/certs.d', one.host, 'b.crt'));
    const test = strictClient({ homeDirectory, hostSettings: () => ({ tls: { ca: theirs.caFile } }) });
    expect([await get(test, one), await get(test, two)]).toEqual([200, 200]);
  });

  it.each(['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS'])(
    'that has authorities of its own is also trusted by those in %s',
    async (variable) => {
      const server = await startServer(ours);
      const homeDirectory = await home(server.host, { 'ca.crt': theirs.caFile });
      const test = strictClient({ homeDirectory, env: { [variable]: ours.caFile } });
      expect(await get(test, server)).toBe(200);
    },
  );

  it('of any name is trusted by the authorities in SSL_CERT_FILE', async () => {
    const [one, two] = [await startServer(ours), await startServer(ours)];
    const test = strictClient({ isRegistry: () => false, env: { SSL_CERT_FILE: ours.caFile } });
    expect([await get(test, one), await get(test, two)]).toEqual([200, 200]);
  });

  it('keeps the authorities that everybody trusts', async () => {
    const server = await startServer(ours);
    vi.mocked(createSecureContext).mockClear();
    await get(strictClient({ hostSettings: () => ({ tls: { ca: ours.caFile } }) }), server);
    const given = vi
      .mocked(createSecureContext)
      .mock.calls.map(([options]) => options as SecureContextOptions);
    const authorities = given.flatMap(({ ca }) => (Array.isArray(ca) ? ca : []));
    expect(authorities).toEqual([...rootCertificates, (await readFile(ours.caFile, 'utf8')).trim()]);
  });

  it.each([
    [
      'SSL_CERT_FILE',
      'missing.pem',
      /SSL_CERT_FILE names .*missing\.pem, which cannot be read: no such file/,
    ],
    ['SSL_CERT_FILE', 'ours/ca.key', /SSL_CERT_FILE names .*ca\.key, which has no certificate in PEM format/],
    ['NODE_EXTRA_CA_CERTS', 'missing.pem', /NODE_EXTRA_CA_CERTS names .*missing\.pem, which cannot be read/],
  ])('that is not trusted: the hint says that %s names %s', async (variable, file, reason) => {
    const server = await startServer(ours, 0);
    const test = strictClient({ env: { [variable]: join(directory, file) } });
    expect((await failureAt(test, server)).hint).toMatch(reason);
    // Without need for the file it is not mentioned.
    const other = await startServer(theirs);
    const env = { [variable]: join(directory, file) };
    expect(
      await get(strictClient({ env, hostSettings: () => ({ tls: { ca: theirs.caFile } }) }), other),
    ).toBe(200);
  });
});

describe('a client certificate', () => {
  const pair = ({ client }: Authority) => ({ cert: client.certFile, key: client.keyFile });

  it('is sent to the server of its certs.d directory', async () => {
    const [server, other] = [await startServer(ours), await startServer(ours)];
    const homeDirectory = await home(server.host, {
      'ca.crt': ours.caFile,
      'client.cert': ours.client.certFile,
      'client.key': ours.client.keyFile,
    });
    const test = strictClient({ homeDirectory, env: { SSL_CERT_FILE: ours.caFile } });
    await Promise.all([get(test, server), get(test, other)]);
    expect(server.requests[0]?.client).toBe('client-of-ours');
    expect(other.requests[0]?.client).toBeUndefined();
  });

  it('of flags replaces the one in the directory', async () => {
    const server = await startServer(ours);
    const homeDirectory = await home(server.host, {
      'ca.crt': ours.caFile,
      'client.cert': theirs.client.certFile,
      'client.key': theirs.client.keyFile,
    });
    await get(strictClient({ homeDirectory, hostSettings: () => ({ tls: pair(ours) }) }), server);
    expect(server.requests[0]?.client).toBe('client-of-ours');
  });

  it('is sent to a server that is not verified too', async () => {
    const server = await startServer(ours);
    await get(strictClient({ insecureTls: () => true, hostSettings: () => ({ tls: pair(ours) }) }), server);
    expect(server.requests[0]?.client).toBe('client-of-ours');
  });

  it('is sent on connections that were opened ahead', async () => {
    const server = await startServer(ours, 2);
    const test = strictClient({ hostSettings: () => ({ tls: { ...pair(ours), ca: ours.caFile } }) });
    void test.client.preconnect(server.url(path), 2);
    await expect.poll(() => server.connections).toBe(2);
    await Promise.all([get(test, server), get(test, server)]);
    expect(server.connections).toBe(2);
    expect(server.requests.map(({ client }) => client)).toEqual(['client-of-ours', 'client-of-ours']);
  });

  it.each([{ cert: 'x.pem' }, { key: 'x.key' }])('%j alone is a mistake', async (tls) => {
    const error = await failureAt(
      strictClient({ hostSettings: () => ({ tls }) }),
      await startServer(ours, 0),
    );
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.hint).toContain('both --cert FILE and --key FILE');
  });

  it.each([
    // The older version has no alert for it.
    [
      'TLSv1.2',
      (host: string) => `the TLS handshake with ${host} failed`,
      'It may require a client certificate. ',
    ],
    ['TLSv1.3', (host: string) => `${host} requires a client certificate`, ''],
  ] as const)('that is missing is what the message is about (%s)', async (version, reason, before) => {
    const { url, host } = await startDemandingServer(version, ours);
    const ca = ours.caFile;
    const send = (options: Partial<GotClientOptions>): Promise<unknown> =>
      strictClient(options).client.send({ method: 'GET', url });
    await expect(send({ hostSettings: () => ({ tls: { ca } }) })).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining(reason(host)),
      hint: `${before}Use --cert FILE and --key FILE, or store it as /etc/containers/certs.d/${host}/client.cert and client.key.`,
    });
    await expect(send({ env: { SSL_CERT_FILE: ca }, isRegistry: () => false })).rejects.toMatchObject({
      message: expect.stringContaining(reason(host)),
      hint: expect.stringContaining(`${before}Client certificates are for registries`),
    });
    expect(await send({ hostSettings: () => ({ tls: { ca, ...pair(ours) } }) })).toMatchObject({
      status: 200,
    });
  });
});

describe('the files for a host', () => {
  it('are not looked at for plain HTTP, nor before a request', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path, times: 2, answer: { status: 200 } });
    const homeDirectory = await home(server.host, { 'alone.key': ours.client.keyFile });
    const test = makeTestClient({ homeDirectory, hostSettings: () => ({ tls: { ca: 'missing' } }) });
    expect(await get(test, server)).toBe(200);
    const url = new URL(`https://${server.host}${path}`);
    expect((await test.client.send({ method: 'GET', url, negotiateScheme: true })).status).toBe(200);
  });

  it('that cannot be used stop the request before it is sent', async () => {
    const server = await startServer(ours, 0);
    const homeDirectory = await home(server.host, { 'alone.key': ours.client.keyFile });
    const test = strictClient({ homeDirectory });
    void test.client.preconnect(server.url(path), 2);
    const error = await failureAt(test, server);
    expect(error).toBeInstanceOf(FailedError);
    expect(error.message).toContain(`${server.host}/alone.key is a key without its client certificate`);
    expect(server.connections).toBe(0);
    const missing = strictClient({ hostSettings: () => ({ tls: { ca: join(directory, 'missing.pem') } }) });
    expect((await failureAt(missing, server)).message).toContain('missing.pem: no such file');
  });

  it('are read once', async () => {
    const server = await startServer(ours, 2);
    const homeDirectory = await home(server.host, { 'ca.crt': ours.caFile });
    const test = strictClient({ homeDirectory });
    await get(test, server);
    await writeFile(join(homeDirectory, '.config/containers/certs.d', server.host, 'ca.crt'), 'gone');
    server.cut();
    expect(await get(test, server)).toBe(200);
  });
});

/** A server that requires a certificate of the authority. */
async function startDemandingServer(
  version: 'TLSv1.2' | 'TLSv1.3',
  { server: files }: Authority,
): Promise<{ readonly url: URL; readonly host: string }> {
  const server = createServer(
    { ...files, requestCert: true, rejectUnauthorized: true, minVersion: version, maxVersion: version },
    (_request, response) => response.end(),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { host, url: new URL(`https://${host}/`) };
}
