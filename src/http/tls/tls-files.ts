import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { FailedError } from '../../oci/errors.js';

/** What TLS shows to a server: PEM text. */
export interface ClientPair {
  readonly cert: string;
  readonly key: string;
}

/** Certificates in PEM form, whatever stands between them. */
const CERTIFICATE_BLOCK = /-----BEGIN (?:X509 )?CERTIFICATE-----[^-]+-----END (?:X509 )?CERTIFICATE-----/g;

/**
 * The certificates of authorities in a file, each as PEM text.
 * @throws FailedError for a file that cannot be read, or has none, or has one that is damaged
 */
export function readAuthorities(path: string): readonly string[] {
  const certificates = certificatesIn(read(path, 'CA certificate'));
  if (certificates.length === 0) throw notPem(path, 'certificate');
  for (const certificate of certificates) checkCertificate(certificate, path);
  return certificates;
}

/** As they stand in the text, unchecked. */
export function certificatesIn(text: string): readonly string[] {
  return text.match(CERTIFICATE_BLOCK) ?? [];
}

/**
 * A client certificate, with those that link it to its authority, and its key.
 * @throws FailedError for a file that cannot be read or used, an encrypted key, and a key of another certificate
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

/** Why a file could not be read: never any of its text. */
export function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a directory';
    default:
      return code === '' ? 'unknown reason' : code;
  }
}

function read(path: string, what: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    throw new FailedError(`cannot read the ${what} ${path}: ${whyUnreadable(error)}`);
  }
}

function checkCertificate(pem: string, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new FailedError(`a certificate in ${path} is damaged`);
  }
}

/** The reasons that OpenSSL gives are about its own inner life; what a user needs to know is which file it is. */
function checkKey(pem: string, path: string): KeyObject {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw new FailedError(`the key in ${path} is encrypted, and there is no way to ask for its passphrase`, {
      hint: `\`openssl pkey -in ${path} -out FILE\` writes it decrypted; let nobody else read that file.`,
    });
  }
  try {
    return createPrivateKey(pem);
  } catch {
    if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) throw notPem(path, 'key');
    throw new FailedError(`the key in ${path} is damaged`);
  }
}

function notPem(path: string, what: 'certificate' | 'key'): FailedError {
  const command = what === 'key' ? 'pkey' : 'x509';
  return new FailedError(`there is no ${what} in PEM form in ${path}`, {
    hint: `\`openssl ${command} -inform DER -in FILE\` converts one from DER.`,
  });
}
