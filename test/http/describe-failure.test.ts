import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';

import { describe, expect, it, onTestFinished } from 'vitest';

import { describeFailure, truncatedResponse } from '../../src/http/describe-failure.js';
import { UnavailableError, type MultiarchError } from '../../src/oci/errors.js';
import { failureOf } from '../support/failure.js';
import { type TlsFiles } from '../support/fake-server.js';
import { startScriptedServer } from '../support/scripted-server.js';
import { mustRun } from '../support/run.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { makeTestClient } from '../support/test-client.js';

const request = { method: 'GET', url: new URL('https://r.example:5000/v2/?sig=s3cret') } as const;

function failure(code: string, message = 's3cret'): MultiarchError {
  return describeFailure(Object.assign(new Error(message), { code, options: { token: 's3cret' } }), request);
}

describe('an error of the network', () => {
  it.each([
    ['ENOTFOUND', 'host r.example not found (DNS)', false],
    ['EAI_AGAIN', 'lookup of host r.example failed (DNS, EAI_AGAIN)', true],
    ['ECONNREFUSED', 'r.example:5000 refused the connection', true],
    ['ECONNRESET', 'the server closed the connection without a response', true],
    ['EPIPE', 'the server closed the connection without a response', true],
    ['EHOSTUNREACH', 'no route to r.example:5000 (EHOSTUNREACH)', true],
    ['ETIMEDOUT', 'the connection timed out (ETIMEDOUT)', true],
    ['HPE_INVALID_CONSTANT', 'the response is not valid HTTP (HPE_INVALID_CONSTANT)', true],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'is signed by an unknown authority (SELF_SIGNED_CERT_IN_CHAIN)', false],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'is signed by an unknown authority', false],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'the certificate of r.example:5000 is self-signed', false],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'the certificate of r.example:5000 is for another host name', false],
    ['CERT_HAS_EXPIRED', 'the certificate of r.example:5000 has expired', false],
    ['CERT_NOT_YET_VALID', 'the certificate of r.example:5000 is not valid yet', false],
    ['CERT_REVOKED', 'the certificate of r.example:5000 is not valid (CERT_REVOKED)', false],
    ['MULTIARCH_CONNECT', 'r.example:5000 did not accept a connection within the time limit', true],
    ['MULTIARCH_UPLOAD', 'the server stopped reading the body', false],
    ['ESOMETHING', 'the request failed (ESOMETHING)', true],
    ['', 'the request failed', true],
  ])('%s has a message', (code, reason, temporary) => {
    const error = failure(code);
    expect(error).toBeInstanceOf(UnavailableError);
    expect(error.message).toContain(`GET https://r.example:5000/v2/?sig=REDACTED: `);
    expect(error.message).toContain(reason);
    expect(error.message).not.toContain('s3cret');
    expect(error).toMatchObject({ temporary });
  });

  it.each([
    ['ETIMEDOUT', 'Check the network between this machine and r.example:5000'],
    ['MULTIARCH_RESPONSE', 'Check the load and the log of r.example:5000'],
    ['MULTIARCH_UPLOAD', 'Check the free space and the log of r.example:5000'],
    ['MULTIARCH_CONNECT', 'Check the port'],
    ['MULTIARCH_TLS', 'Check that the port speaks TLS'],
    ['EHOSTUNREACH', 'Check the network of this machine'],
    ['ENETUNREACH', 'Check the network of this machine'],
    ['EAI_AGAIN', 'Check the network and the DNS servers'],
    ['EAI_FAIL', 'Check the network and the DNS servers'],
  ])('%s has a hint', (code, hint) => {
    expect(failure(code).hint).toContain(hint);
  });

  it('a body that is too slow has a hint, one that ends early has none', () => {
    const late = truncatedResponse(request, 'no data for 60 s', 5, 10, true);
    expect(late.hint).toContain('Check the network between this machine and r.example:5000');
    expect(truncatedResponse(request, 'the connection was lost', 5, 10).hint).toBeUndefined();
  });

  it.each([null, undefined, 'ECONNRESET', 5, {}, { code: 7 }])('%j has a message too', (thrown) => {
    expect(describeFailure(thrown, request).message).toBe(
      'GET https://r.example:5000/v2/?sig=REDACTED: the request failed',
    );
  });

  it.each([
    [
      'write EPROTO 80CC:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../record.c:350:\n',
      'r.example:5000 does not speak TLS on this port (wrong version number)',
      true,
    ],
    [
      'write EPROTO 80CC:error:0A0000C6:SSL routines:tls_get_more_records:packet length too long:../x.c:662:\n',
      'r.example:5000 does not speak TLS on this port (packet length too long)',
      true,
    ],
    [
      'write EPROTO 80CC:error:0A00042E:SSL routines:ssl3_read_bytes:tlsv1 alert protocol version:../x.c:1:SSL alert number 70\n',
      'the TLS handshake with r.example:5000 failed (tlsv1 alert protocol version)',
      false,
    ],
    ['s3cret', 'the TLS handshake with r.example:5000 failed (EPROTO)', false],
    [
      '80CC:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../x.c:1:SSL alert number 116',
      'r.example:5000 requires a client certificate (tlsv13 alert certificate required)',
      false,
    ],
    [
      '80CC:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:../x.c:1:SSL alert number 42',
      'r.example:5000 requires a client certificate (sslv3 alert bad certificate)',
      false,
    ],
    // As OpenSSL 3.2 and newer name the alerts of SSL 3.0, so Node.js 24.
    [
      '80CC:error:0A000412:SSL routines:ssl3_read_bytes:ssl/tls alert bad certificate:../x.c:1:SSL alert number 42',
      'r.example:5000 requires a client certificate (ssl/tls alert bad certificate)',
      false,
    ],
    [
      '80CC:error:0A000410:SSL routines:ssl3_read_bytes:ssl/tls alert handshake failure:../x.c:1:SSL alert number 40',
      'the TLS handshake with r.example:5000 failed (ssl/tls alert handshake failure)',
      false,
    ],
  ])('of TLS keeps the reason of OpenSSL: %s', (message, reason, otherScheme) => {
    const error = failure('EPROTO', message);
    expect(error.message).toContain(reason);
    expect(error.message).not.toContain('s3cret');
    expect(error).toMatchObject({ otherScheme });
  });
});

describe('a certificate', () => {
  it.each([
    ['other.example', '1', 'is for another host name'],
    ['localhost', '-1', 'has expired'],
  ])('for %s, valid for %s days, has a message', async (name, days, reason) => {
    const { key, cert } = await selfSigned(name, days);
    const server = await startScriptedServer({ key, cert });
    const error = await new Promise((resolve) => {
      // The error of a client that trusts the authority.
      connect({ port: server.port, host: '127.0.0.1', servername: 'localhost', ca: cert }).once(
        'error',
        resolve,
      );
    });
    expect(describeFailure(error, request).message).toContain(reason);
  });
});

describe('a server with a certificate of its own making', () => {
  /** The error of a client with or without trust in the certificate. */
  async function failureFor(name: string, days: string, isTrusted: boolean): Promise<unknown> {
    const { key, cert, path } = await selfSigned(name, days);
    const server = await startScriptedServer({ key, cert });
    const { client } = makeTestClient({
      retries: 0,
      insecureTls: () => false,
      ...(isTrusted && { hostSettings: () => ({ tls: { ca: path } }) }),
    });
    return failureOf(client.send({ method: 'GET', url: server.url('/') }));
  }

  it('that has expired: since when, and what to do', async () => {
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    const error = await failureFor('localhost', '-1', true);
    expect(error).toMatchObject({
      message: expect.stringMatching(`^GET https://127.* has expired on ${yesterday}$`),
      hint: expect.stringMatching(/must be renewed.*clock.*--insecure/),
    });
  });

  it('for another host: for which', async () => {
    expect(await failureFor('other.example', '1', true)).toMatchObject({
      message: expect.stringMatching(/ is for another host name \(other\.example\)$/),
      hint: expect.stringContaining('--insecure'),
    });
  });

  it('that is self-signed: it can be trusted itself', async () => {
    expect(await failureFor('localhost', '1', false)).toMatchObject({
      message: expect.stringContaining('is self-signed'),
      hint: expect.stringMatching(
        /--cacert FILE or NODE_EXTRA_CA_CERTS with the certificate itself.*\/ca\.crt.*--insecure/,
      ),
    });
  });
});

describe('a TLS handshake', () => {
  it('is given up at its time limit', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const { client } = makeTestClient({ retries: 0, limits: { tls: 20 }, schemes: () => ['https'] });
    const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const sending = client.send({ method: 'GET', url });
    await expect(sending).rejects.toThrow(UnavailableError);
    await expect(sending).rejects.toThrow(`the TLS handshake with ${url.host} timed out`);
  });
});

/** A self-signed certificate. */
async function selfSigned(name: string, days: string): Promise<TlsFiles & { readonly path: string }> {
  const directory = await temporaryDirectory();
  const openssl = (command: string): Promise<string> =>
    mustRun('openssl', command.split(' '), { cwd: directory });
  await writeFile(join(directory, 'names'), `subjectAltName=DNS:${name}\n`);
  await openssl(
    `req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=${name} -keyout key -out csr`,
  );
  await openssl(`x509 -req -in csr -signkey key -days ${days} -extfile names -out cert`);
  const [key, cert] = [join(directory, 'key'), join(directory, 'cert')];
  return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8'), path: cert };
}
