import { randomUUID } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';

import { FailedError } from '../oci/errors.js';
import { errorCode } from './file-error.js';

/** The prefix of the names of unfinished files, which readers skip. */
const TEMPORARY_PREFIX = '.multiarch-tmp-';

export interface AtomicWriteOptions {
  /** The directory of the temporary file, on the same file system as `path`. */
  readonly temporaryDirectory: string;
  /** Called with the size of each chunk that was written, in bytes. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Writes a file atomically: readers see all of the old content or all of the new, even if the process is killed, the
 * disk is full or the power fails. The content goes to a temporary file, which is synced and renamed. The last of
 * several concurrent writers wins.
 *
 * write-file-atomic is not used: it ignores short writes (on a disk that is nearly full) and does not sync the
 * directory.
 *
 * @throws the error of the file system or of `content`, unchanged; the file keeps its old content
 */
export async function writeFileAtomically(
  path: string,
  content: Uint8Array | Readable,
  { temporaryDirectory, onBytes }: AtomicWriteOptions,
): Promise<void> {
  const temporary = join(temporaryDirectory, temporaryName());
  try {
    // `wx` never opens an existing file, so no symbolic link can be planted at the path.
    await writeAndRename(await open(temporary, 'wx'), temporary, path, content, onBytes);
  } catch (error) {
    // The first error matters more. `sweep` removes a leftover file later.
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/**
 * Writes a file as {@link writeFileAtomically} does, using the scratch file of a lock as the temporary file. A process
 * that lost the lock has also lost the scratch file, so it cannot overwrite the work of the next holder.
 *
 * @param scratch the path that `withLock` passes to its callback; `withLock` removes the file on failure
 * @throws FailedError if the scratch file no longer exists; otherwise the error of the file system, unchanged
 */
export async function replaceFile(
  path: string,
  scratch: string,
  content: string | Uint8Array | AsyncIterable<Uint8Array>,
): Promise<void> {
  try {
    await writeAndRename(await open(scratch, 'r+'), scratch, path, content);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    throw new FailedError(`cannot write ${path}: its lock was removed while it was held`, {
      hint: 'Nothing was changed: try again.',
      cause: error,
    });
  }
}

/** A unique name for an unfinished file or directory. */
export function temporaryName(): string {
  return TEMPORARY_PREFIX + randomUUID();
}

/** Reports whether a name was made by {@link temporaryName}. */
export function isTemporaryName(name: string): boolean {
  return name.startsWith(TEMPORARY_PREFIX);
}

/** @param file an open, empty file at `temporary`; always closed */
async function writeAndRename(
  file: FileHandle,
  temporary: string,
  path: string,
  content: string | Uint8Array | AsyncIterable<Uint8Array>,
  onBytes?: (bytes: number) => void,
): Promise<void> {
  try {
    // FileHandle.writeFile appends at the current position and, unlike write, retries short writes.
    if (typeof content === 'string' || content instanceof Uint8Array) {
      await file.writeFile(content);
    } else {
      for await (const chunk of content) {
        await file.writeFile(chunk);
        onBytes?.(chunk.length);
      }
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Makes a rename survive a power failure. Windows cannot open directories, and journals renames. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
