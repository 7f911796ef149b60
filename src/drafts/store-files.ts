import { access, constants, readFile, rm } from 'node:fs/promises';

import { replaceFile } from '../files/atomic-write.js';
import { errorCode, ifExists, withFileErrors } from '../files/file-error.js';
import { FailedError } from '../oci/errors.js';
import { lockOfCandidate, withLock, type LockOptions } from '../files/lock.js';
import { makeDirectory } from '../files/make-directory.js';
import { isDraftFileName } from './file-name.js';

/** What hints offer if the store's directory cannot be used. */
const ALTERNATIVE = 'choose another directory with --store or MULTIARCH_STORE';
/** The name of a draft's lock is that of its file with this suffix. */
const LOCK_SUFFIX = '.lock';

/**
 * Runs `work` under the lock of a draft and of the files beside it.
 * @param path of the draft's file; its directory must exist
 * @param work see {@link withLock}
 * @throws ConflictError if another process keeps the draft locked; CancelledError; the error of `work`, unchanged
 */
export function withDraftLock<T>(
  path: string,
  work: (scratch: string) => Promise<T>,
  options: Pick<LockOptions, 'signal' | 'holderTimeout'>,
): Promise<T> {
  return withLock(path + LOCK_SUFFIX, work, { ...options, alternative: ALTERNATIVE });
}

/** Reports whether a name is that of a candidate for a draft's lock; see {@link lockOfCandidate}. */
export function isDraftLockCandidate(name: string): boolean {
  const lock = lockOfCandidate(name);
  return lock?.endsWith(LOCK_SUFFIX) === true && isDraftFileName(lock.slice(0, -LOCK_SUFFIX.length));
}

/**
 * Creates the directory of the drafts if it is missing.
 * @param directory `undefined` if the environment names none
 * @throws FailedError
 */
export async function createStoreDirectory(directory: string | undefined): Promise<string> {
  if (directory === undefined) {
    throw new FailedError('no directory for drafts: HOME is not set, and this user has no home directory', {
      hint: 'Set MULTIARCH_STORE or --store to a directory for drafts.',
    });
  }
  await withStoreErrors('create', directory, () => makeDirectory(directory));
  return directory;
}

/** Reports whether the files of a directory can be read. One that does not exist has none. */
export async function isReadableDirectory(directory: string): Promise<boolean> {
  try {
    // Fails for a file, unlike the path itself.
    await access(`${directory}/.`, constants.R_OK | constants.X_OK);
    return true;
  } catch (error) {
    return errorCode(error) === 'ENOENT';
  }
}

/** Checks that files of a directory can be removed, as far as that is possible. @throws FailedError */
export function checkRemovable(directory: string): Promise<void> {
  return withStoreErrors('delete drafts in', directory, () => access(directory, constants.W_OK));
}

/** Reads a file of the store; `undefined` if it does not exist. */
export function readStoreFile(path: string): Promise<Uint8Array | undefined> {
  return withStoreErrors('read', path, () => ifExists(() => readFile(path)));
}

/** Replaces a file of the store by way of the scratch file of its lock; see {@link replaceFile}. */
export function writeStoreFile(path: string, scratch: string, text: string): Promise<void> {
  return withStoreErrors('write', path, () => replaceFile(path, scratch, text));
}

/** Removes a file of the store, if it exists. */
export function removeStoreFile(path: string): Promise<void> {
  return withStoreErrors('remove', path, () => rm(path, { force: true }));
}

/** As {@link withFileErrors}, with hints that name the options for the store's directory. */
export function withStoreErrors<T>(action: string, path: string, operation: () => Promise<T>): Promise<T> {
  return withFileErrors(action, path, operation, ALTERNATIVE);
}
