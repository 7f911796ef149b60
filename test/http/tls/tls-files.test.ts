import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { readAuthorities, readClientPair } from '../../../src/http/tls/tls-files.js';
import { FailedError } from '../../../src/oci/errors.js';
import { makeCertificates, makeClientCertificate } from '../../support/certificates.js';
import { mustRun } from '../../support/run.js';
import { sharedDirectory } from '../../support/sandbox.js';

let directory: string;
/** Of a file in the directory, which messages have to name. */
const path = (name: string): string => join(directory, name);

beforeAll(async () => {
  const shared = await sharedDirectory();
  directory = shared.directory;
  await makeCertificates(directory);
  await makeClientCertificate(directory, 'jane');
  const openssl = (reason: string) => mustRun('openssl', reason.split(' '), { cwd: directory });
  await openssl('pkey -in jane.key -aes256 -passout pass:s3cret -out encrypted.key');
  await openssl('ec -in jane.key -aes256 -passout pass:s3cret -out old-encrypted.key');
  await openssl('ec -in jane.key -out old.key');
  await openssl('x509 -in jane.pem -outform DER -out der.pem');
  await openssl('pkey -in jane.key -outform DER -out der.key');
  await openssl('x509 -in ca.pem -text -out described.pem');
  const [ca, jane, key] = await Promise.all(
    ['ca.pem', 'jane.pem', 'jane.key'].map((name) => readFile(path(name), 'utf8')),
  );
  await writeFile(path('bundle.pem'), `# ours\n${ca}\n# hers\r\n${jane}`);
  await writeFile(path('damaged.pem'), `${ca}${jane?.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA')}`);
  await writeFile(path('damaged.key'), key?.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA') ?? '');
  await writeFile(path('empty'), '');
  return shared.remove;
});

describe('the authorities in a file', () => {
  it.each([
    ['ca.pem', 1],
    ['described.pem', 1],
    ['bundle.pem', 2],
  ])('%s are %i', (name, count) => {
    const authorities = readAuthorities(path(name));
    expect(authorities).toHaveLength(count);
    for (const authority of authorities) {
      expect(authority).toMatch(/^-----BEGIN CERTIFICATE-----[\s\S]*-----END CERTIFICATE-----$/);
    }
  });

  it.each([
    ['missing', 'no such file'],
    ['', 'it is a directory'],
    ['empty', 'has no certificate in PEM format'],
    ['jane.key', 'has no certificate in PEM format'],
    ['der.pem', 'has no certificate in PEM format'],
    ['damaged.pem', 'is invalid'],
  ])('%j cannot be read, and the error has its path', (name, reason) => {
    const reading = (): unknown => readAuthorities(path(name));
    expect(reading).toThrow(FailedError);
    expect(reading).toThrow(path(name));
    expect(reading).toThrow(reason);
  });
});

describe('a client certificate', () => {
  it.each(['jane.key', 'old.key'])('comes with its key: %s', (key) => {
    expect(readClientPair({ cert: path('jane.pem'), key: path(key) })).toEqual({
      cert: expect.stringMatching(/^-----BEGIN CERTIFICATE-----/),
      key: expect.stringContaining('PRIVATE KEY-----'),
    });
  });

  it('may have others behind it that vouch for it', async () => {
    const own = await readFile(path('jane.pem'), 'utf8');
    await writeFile(path('chain.pem'), own + (await readFile(path('ca.pem'), 'utf8')));
    const { cert } = readClientPair({ cert: path('chain.pem'), key: path('jane.key') });
    expect(cert.match(/BEGIN/g)).toHaveLength(2);
  });

  it.each([
    ['missing.pem', 'jane.key', 'cannot read the client certificate', 'missing.pem'],
    ['jane.pem', 'missing.key', 'cannot read the client key', 'missing.key'],
    ['der.pem', 'jane.key', 'has no certificate in PEM format', 'der.pem'],
    ['jane.pem', 'der.key', 'has no key in PEM format', 'der.key'],
    ['jane.pem', 'jane.pem', 'has no key in PEM format', 'jane.pem'],
    ['jane.pem', 'damaged.key', 'is invalid', 'damaged.key'],
    ['damaged.pem', 'jane.key', 'is invalid', 'damaged.pem'],
    ['jane.pem', 'encrypted.key', 'is encrypted', 'encrypted.key'],
    ['jane.pem', 'old-encrypted.key', 'is encrypted', 'old-encrypted.key'],
    ['jane.pem', 'server.key', 'does not belong to', 'jane.pem'],
    // The client's own has to be the first.
    ['bundle.pem', 'jane.key', 'does not belong to', 'bundle.pem'],
  ])('%s with the key %s: %s', (cert, key, reason, named) => {
    const reading = (): unknown => readClientPair({ cert: path(cert), key: path(key) });
    expect(reading).toThrow(FailedError);
    expect(reading).toThrow(reason);
    expect(reading).toThrow(path(named));
  });
});
