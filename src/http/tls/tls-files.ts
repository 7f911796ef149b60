import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';

import { fileError } from '../../files/file-error.js';
import { readRegularFileSync } from '../../files/regular-file.js';
import { FailedError } from '../../oci/errors.js';

/** A client certificate and its key, in PEM format. */
export interface ClientPair {
  readonly cert: string;
  readonly key: string;
}

/** Certificates in PEM format, with any text between them. */
const CERTIFICATE_BLOCK = /-----BEGIN (?:X509 )?CERTIFICATE-----[^-]+-----END (?:X509 )?CERTIFICATE-----/g;

/**
 * Reads the certificates of authorities from a file, each in PEM format.
 * @throws FailedError for a file that cannot be read, has no certificate, or has an invalid one
 */
export function readAuthorities(path: string): readonly string[] {
  const certificates = certificatesIn(read(path, 'CA certificate'));
  if (certificates.length === 0) throw notPem(path, 'certificate');
  for (const certificate of certificates) checkCertificate(certificate, path);
  return certificates;
}

/** Returns the certificates in a text, without checking them. */
export function certificatesIn(text: string): readonly string[] {
  return text.match(CERTIFICATE_BLOCK) ?? [];
}

/**
 * Reads a client certificate with its chain, and its key.
 * @throws FailedError for a file that cannot be read or used, an encrypted key, and the key of another certificate
 */
export function readClientPair(paths: { readonly cert: string; readonly key: string }): ClientPair {
  const certificates = certificatesIn(read(paths.cert, 'client certificate'));
  const [first] = certificates;
  if (first === undefined) throw notPem(paths.cert, 'certificate');
  const [certificate] = certificates.map((block) => checkCertificate(block, paths.cert));
  const key = read(paths.key, 'client key');
  if (certificate?.checkPrivateKey(checkKey(key, paths.key)) === false) {
    throw new FailedError(`the key in ${paths.key} does not belong to the certificate in ${paths.cert}`);
  }
  return { cert: certificates.join('\n'), key };
}

function read(path: string, what: string): string {
  try {
    return readRegularFileSync(path).toString('latin1');
  } catch (error) {
    throw fileError('read', `the ${what} ${path}`, error, 'name another file');
  }
}

function checkCertificate(pem: string, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new FailedError(`a certificate in ${path} is invalid`);
  }
}

/** Does not repeat OpenSSL's reasons, which are about its internals. */
function checkKey(pem: string, path: string): KeyObject {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw new FailedError(`${path} is encrypted; encrypted private keys are not supported`, {
      hint: `\`openssl pkey -in ${path} -out FILE\` decrypts it. Protect that file from other users.`,
    });
  }
  try {
    return createPrivateKey(pem);
  } catch {
    if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) throw notPem(path, 'key');
    throw new FailedError(`the key in ${path} is invalid`);
  }
}

function notPem(path: string, what: 'certificate' | 'key'): FailedError {
  const command = what === 'key' ? 'pkey' : 'x509';
  return new FailedError(`${path} has no ${what} in PEM format`, {
    hint: `\`openssl ${command} -inform DER -in FILE\` converts from DER.`,
  });
}
