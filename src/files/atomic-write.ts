import { randomUUID } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';

import { FailedError } from '../oci/errors.js';
import { errorCode } from './file-error.js';

/** What the name of a file that is still being written starts with; readers pass over such names. */
const TEMPORARY_PREFIX = '.multiarch-tmp-';

export interface AtomicWriteOptions {
  /** Where the file is written before it gets its name: on the same file system as `path`. */
  readonly temporaryDirectory: string;
  /** Called with the number of bytes of each piece that was written. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * Writes a file so that its name stands for all of the old content or all of the new, never for a part, whether the
 * process is killed, the disk is full or the power fails: another file is written and synced, then renamed. Of
 * several who write the same file, the last one counts.
 *
 * write-file-atomic is not used: it takes one write for all (a disk that is nearly full writes a part, and reports
 * nothing), and does not sync the directory.
 *
 * @throws what the file system or `content` fails with, as it came; the file is as it was then
 */
export async function writeFileAtomically(
  path: string,
  content: Uint8Array | Readable,
  { temporaryDirectory, onBytes }: AtomicWriteOptions,
): Promise<void> {
  const temporary = join(temporaryDirectory, temporaryName());
  try {
    // `wx` never opens what is there already, so nobody can lay a symbolic link in the way.
    await writeAndRename(await open(temporary, 'wx'), temporary, path, content, onBytes);
  } catch (error) {
    // What went wrong first matters more; a file that stays is swept later.
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/**
 * As {@link writeFileAtomically}, by way of a file that is there already: the scratch file of the lock under which the
 * file is changed. Who lost that lock lost the scratch file too, and so cannot undo what the next holder writes.
 *
 * @param scratch as `withLock` gives it; whoever holds the lock removes it when this fails
 * @throws FailedError where the scratch file is gone; else what the file system fails with, as it came
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

/** A name that nothing else has, for a file or directory that is not finished. */
export function temporaryName(): string {
  return TEMPORARY_PREFIX + randomUUID();
}

/** Whether this is a {@link temporaryName}: of something that is not finished, or never will be. */
export function isBeingWritten(name: string): boolean {
  return name.startsWith(TEMPORARY_PREFIX);
}

/** @param file an open, empty file at `temporary`; is closed in any case */
async function writeAndRename(
  file: FileHandle,
  temporary: string,
  path: string,
  content: string | Uint8Array | AsyncIterable<Uint8Array>,
  onBytes?: (bytes: number) => void,
): Promise<void> {
  try {
    // FileHandle.writeFile goes on from where the file stands and, unlike write, until every byte is out.
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

/** Makes a rename outlast a power failure. Windows cannot open a directory for this, and needs it less. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
