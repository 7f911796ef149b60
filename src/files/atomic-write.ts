import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';

import { FailedError } from '../oci/errors.js';
import { errorCode } from './file-error.js';
import type { Scratch } from './lock.js';
import { MODES } from './make-directory.js';
import { temporaryName } from './temporary-name.js';

type Content = string | Uint8Array | AsyncIterable<Uint8Array>;

export interface AtomicWriteOptions {
  /** The directory of the temporary file, on the same file system as `path`. */
  readonly temporaryDirectory: string;
  /** The mode of the file, which the umask restricts; see `MODES`. @default MODES.sharedFile */
  readonly mode?: number | undefined;
  /** Whether the file survives a power failure. If not, readers must detect a damaged one. @default true */
  readonly isDurable?: boolean | undefined;
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
  { temporaryDirectory, mode = MODES.sharedFile, isDurable, onBytes }: AtomicWriteOptions,
): Promise<void> {
  const temporary = join(temporaryDirectory, temporaryName());
  try {
    // `wx` never opens an existing file, so no symbolic link can be planted at the path.
    const file = await open(temporary, 'wx', mode);
    await writeAndRename({ file, temporary, path, content, isDurable, onBytes });
  } catch (error) {
    // The first error matters more. `sweep` removes a leftover file later.
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

export interface ReplaceOptions {
  /** The mode of the file, which the umask restricts; see `MODES`. */
  readonly mode: number;
  /** Called with the empty file. */
  readonly prepare?: ((file: FileHandle) => Promise<void>) | undefined;
}

/**
 * Writes a file as {@link writeFileAtomically} does, using the scratch file of a lock as the temporary file. A process
 * that lost the lock has also lost the scratch file, so it cannot overwrite the work of the next holder. The content is
 * written through the descriptor that created the scratch file, so it reaches no other file.
 *
 * @param scratch what `withLock` passes to its callback; `withLock` removes the file on failure
 * @throws FailedError if the lock no longer exists; otherwise the error of the file system, unchanged
 */
export async function replaceFile(
  path: string,
  scratch: Scratch,
  content: Content,
  { mode, prepare }: ReplaceOptions,
): Promise<void> {
  try {
    const file = await open(scratch.path, 'wx', mode);
    await writeAndRename({
      file,
      temporary: scratch.path,
      path,
      content,
      prepare: async () => {
        // Another process may have taken the lock in the same directory.
        await stat(scratch.holder);
        await prepare?.(file);
      },
    });
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    throw new FailedError(`cannot write ${path}: its lock was removed while it was held`, {
      hint: 'Nothing was changed: try again.',
      cause: error,
    });
  }
}

interface AtomicWrite {
  /** Open and empty, at `temporary`; always closed. */
  readonly file: FileHandle;
  readonly temporary: string;
  readonly path: string;
  readonly content: Content;
  readonly prepare?: () => Promise<void>;
  /** @default true */
  readonly isDurable?: boolean | undefined;
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

async function writeAndRename({
  file,
  temporary,
  path,
  content,
  prepare,
  isDurable = true,
  onBytes,
}: AtomicWrite): Promise<void> {
  try {
    await prepare?.();
    // FileHandle.writeFile appends at the current position and, unlike write, retries short writes.
    if (typeof content === 'string' || content instanceof Uint8Array) {
      await file.writeFile(content);
    } else {
      for await (const chunk of content) {
        await file.writeFile(chunk);
        onBytes?.(chunk.length);
      }
    }
    if (isDurable) await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  if (isDurable) await syncDirectory(dirname(path));
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
