import { readFile } from 'node:fs/promises';

import { makeCertificates } from './certificates.js';
import type { TlsFiles } from './fake-server.js';
import { sharedDirectory } from './sandbox.js';

/**
 * Creates a key, a certificate for `localhost` and 127.0.0.1, and its private authority.
 *
 * @param names Further host names of the certificate.
 */
export async function makeTlsFiles(
  names: readonly string[] = [],
): Promise<TlsFiles & { readonly ca: string }> {
  const { directory, remove } = await sharedDirectory();
  try {
    const files = await makeCertificates(directory, names);
    const [key, cert, ca] = await Promise.all(
      [files.keyFile, files.certFile, files.caFile].map((file) => readFile(file, 'utf8')),
    );
    return { key: key ?? '', cert: cert ?? '', ca: ca ?? '' };
  } finally {
    await remove();
  }
}
