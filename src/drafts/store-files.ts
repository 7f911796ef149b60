import { access, constants, unlink } from 'node:fs/promises';

import { replaceFile } from '../files/atomic-write.js';
import { errorCode, ifExists, withFileErrors } from '../files/file-error.js';
import { withLock, type LockOptions, type Scratch } from '../files/lock.js';
import { makeDirectory, MODES } from '../files/make-directory.js';
import { readRegularFile } from '../files/regular-file.js';
import { sweep } from '../files/sweep.js';
import { FailedError } from '../oci/errors.js';
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
  work: (scratch: Scratch) => Promise<T>,
  options: Pick<LockOptions, 'signal' | 'holderTimeout' | 'onWait'>,
): Promise<T> {
  return withLock(path + LOCK_SUFFIX, work, { ...options, alternative: ALTERNATIVE });
}

/** Removes what killed processes have left in the directory of the drafts. Drafts and histories are kept. */
export function sweepStore(directory: string): Promise<void> {
  return sweep(
    directory,
    (name) => name.endsWith(LOCK_SUFFIX) && isDraftFileName(name.slice(0, -LOCK_SUFFIX.length)),
  );
}

/**
 * Creates the directory of the drafts, which only this user can read, if it is missing.
 * @param directory `undefined` if the environment names none
 * @throws FailedError
 */
export async function createStoreDirectory(directory: string | undefined): Promise<string> {
  if (directory === undefined) {
    throw new FailedError('no directory for drafts: HOME is not set, and this user has no home directory', {
      hint: 'Set MULTIARCH_STORE or --store to a directory for drafts.',
    });
  }
  await withStoreErrors('create', directory, () => makeDirectory(directory, MODES.privateDirectory));
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
  return withStoreErrors('read', path, () => ifExists(() => readRegularFile(path)));
}

/** Replaces a file of the store, which only this user can read; see {@link replaceFile}. */
export function writeStoreFile(path: string, scratch: Scratch, text: string): Promise<void> {
  return withStoreErrors('write', path, () => replaceFile(path, scratch, text, { mode: MODES.privateFile }));
}

/** Removes a file of the store, if it exists. */
export async function removeStoreFile(path: string): Promise<void> {
  // Not `rm`, which reports another error for the file of another user in a sticky directory.
  await withStoreErrors('remove', path, () => ifExists(() => unlink(path)));
}

/** As {@link withFileErrors}, with hints that name the options for the store's directory. */
export function withStoreErrors<T>(action: string, path: string, operation: () => Promise<T>): Promise<T> {
  return withFileErrors(action, path, operation, ALTERNATIVE);
}
