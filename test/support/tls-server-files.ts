import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeCertificates } from './certificates.js';
import type { TlsFiles } from './scripted-server.js';

/**
 * A key, its certificate for `localhost` and 127.0.0.1, and the authority behind it: new, and known to nobody else.
 * @param names further host names that the certificate is for
 */
export async function makeTlsFiles(
  names: readonly string[] = [],
): Promise<TlsFiles & { readonly ca: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'multiarch-tls-'));
  try {
    const files = await makeCertificates(directory, names);
    const [key, cert, ca] = await Promise.all(
      [files.keyFile, files.certFile, files.caFile].map((file) => readFile(file, 'utf8')),
    );
    return { key: key ?? '', cert: cert ?? '', ca: ca ?? '' };
  } finally {
    await rm(directory, { recursive: true });
  }
}
