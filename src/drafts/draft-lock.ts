import { fileError } from '../files/file-error.js';
import { lockBeingMade, withLock, type LockOptions } from '../files/lock.js';
import { makeDirectory } from '../files/make-directory.js';
import type { MultiarchError } from '../oci/errors.js';
import { isDraftFileName } from './file-name.js';

/** What the name of a draft's lock adds to that of its file. */
const LOCK = '.lock';
/** What hints offer where the disk refuses. */
const ELSEWHERE = 'choose another directory with --store or MULTIARCH_STORE';

/**
 * Runs `work` while nobody else changes the draft, or what is kept beside it.
 * @param path of the draft's file; its directory must exist
 * @param work see {@link withLock}
 * @throws ConflictError where another process keeps it locked, CancelledError, and what `work` throws
 */
export function withDraftLock<T>(
  path: string,
  work: (scratch: string) => Promise<T>,
  options: Pick<LockOptions, 'signal' | 'patience'>,
): Promise<T> {
  return withLock(path + LOCK, work, { ...options, elsewhere: ELSEWHERE });
}

/** Makes the directory of the drafts where it is not there. */
export async function makeStore(directory: string): Promise<void> {
  try {
    await makeDirectory(directory);
  } catch (error) {
    throw storeError('make', directory, error);
  }
}

/** Whether a directory of this name is a draft's lock that is still being made, or never will be. */
export function isLockBeingMade(name: string): boolean {
  const lock = lockBeingMade(name);
  return lock?.endsWith(LOCK) === true && isDraftFileName(lock.slice(0, -LOCK.length));
}

/** What a failed operation on a file of the store is thrown as; see {@link fileError}. */
export function storeError(action: string, path: string, error: unknown): MultiarchError {
  return fileError(action, path, error, ELSEWHERE);
}
