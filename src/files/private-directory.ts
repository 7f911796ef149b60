import type { Stats } from 'node:fs';
import { chmod, lstat } from 'node:fs/promises';

import { FailedError } from '../oci/errors.js';
import { makeDirectory, MODES } from './make-directory.js';
import { isOwn, USABLE_BY_OTHERS } from './own-file.js';

/**
 * Creates a directory that only this user can use, and its missing parents. An existing one that others can read becomes
 * private.
 *
 * @throws as {@link checkOwnDirectory}; the error of the file system, unchanged
 */
export async function makePrivateDirectory(path: string): Promise<void> {
  await makeDirectory(path, MODES.privateDirectory);
  const { mode } = await checkOwnDirectory(path);
  if (process.geteuid !== undefined && (mode & USABLE_BY_OTHERS) !== 0) {
    await chmod(path, MODES.privateDirectory);
  }
}

/**
 * Checks that nobody else can have chosen the content of a directory. On Windows, a directory inherits the access of its
 * parent, and only symbolic links are rejected.
 *
 * @throws FailedError if it belongs to another user, others can write to it, or it is not a directory but, for example, a
 *   symbolic link; the error of the file system, unchanged
 */
export async function checkOwnDirectory(path: string): Promise<Stats> {
  const stats = await lstat(path);
  const fail = (problem: string): never => {
    throw new FailedError(`cannot use ${path}: ${problem}`, { hint: 'Remove it, or move it away.' });
  };
  if (!stats.isDirectory()) fail(stats.isSymbolicLink() ? 'it is a symbolic link' : 'it is not a directory');
  if (isOwn(stats)) return stats;
  return fail(
    stats.uid === process.geteuid?.() ? 'other users can write to it' : 'it belongs to another user',
  );
}
