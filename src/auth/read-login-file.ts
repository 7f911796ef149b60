import { readFile } from 'node:fs/promises';

import { FailedError } from '../oci/errors.js';

/**
 * Reads a credential file's text; `undefined` where there is none. A directory in its place is none either: what an
 * optional secret leaves in Kubernetes.
 * @throws FailedError
 */
export async function readLoginFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(code)) return undefined;
    throw new FailedError(`${path} cannot be read (${code})`, { cause: error });
  }
}
