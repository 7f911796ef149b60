import { randomUUID } from 'node:crypto';
import { closeSync, openSync, rmSync, unlinkSync, writeFile } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { fileError } from '../../files/file-error.js';
import { FailedError } from '../../oci/errors.js';
import { RandomAccessFile } from './random-access-file.js';

const appendToFile = promisify(writeFile);

/** The number of bytes between two checks of the free disk space. */
const SPACE_CHECK_INTERVAL = 64 * 1024 * 1024;
/** The disk space to leave free, in bytes; a twentieth of the file system if that is less. */
const RESERVED_SPACE = 1024 * 1024 * 1024;
const SPACE_HINT = 'Set TMPDIR to a directory with more space, or decompress the archive first.';

/**
 * A temporary file that only this user can read, written once from start to end. It is unlinked while it is open, so it
 * disappears however the process ends. On Windows, which cannot unlink open files, closing removes it.
 */
export class TemporaryFile {
  readonly #descriptor: number;
  /** The path if the file must be removed after it is closed. */
  readonly #path: string | undefined;
  readonly #label: string;
  #size = 0;

  private constructor(descriptor: number, path: string | undefined, label: string) {
    this.#descriptor = descriptor;
    this.#path = path;
    this.#label = label;
  }

  /** @param label what the content is made of, in messages. @throws FailedError */
  static open(label: string): TemporaryFile {
    const path = join(tmpdir(), `multiarch-${randomUUID()}.tar`);
    try {
      // Synchronous, so that no signal handler runs between open and unlink. `wx` never opens an existing file.
      const descriptor = openSync(path, 'wx+', 0o600);
      if (process.platform === 'win32') return new TemporaryFile(descriptor, path, label);
      unlinkSync(path);
      return new TemporaryFile(descriptor, undefined, label);
    } catch (error) {
      throw temporaryError(error);
    }
  }

  /** @throws FailedError if the file cannot be written, or is about to fill the disk */
  async append(bytes: Uint8Array): Promise<void> {
    try {
      // Node.js writes at the current position, and completes the short writes of a nearly full disk.
      await appendToFile(this.#descriptor, bytes);
    } catch (error) {
      throw temporaryError(error);
    }
    const before = this.#size;
    this.#size += bytes.length;
    const isDue = Math.floor(this.#size / SPACE_CHECK_INTERVAL) > Math.floor(before / SPACE_CHECK_INTERVAL);
    if (isDue) await checkFreeSpace(this.#label, this.#size);
  }

  /** Ends the writing. Closing the returned file removes it. */
  readable(): RandomAccessFile {
    return new RandomAccessFile(this.#descriptor, {
      label: `the content of ${this.#label}`,
      size: this.#size,
      removeOnClose: this.#path,
    });
  }

  /** Closes and removes the file. */
  discard(): void {
    closeSync(this.#descriptor);
    if (this.#path !== undefined) rmSync(this.#path, { force: true });
  }
}

/**
 * Protects against decompression bombs.
 * @throws FailedError if the temporary file is about to fill the disk
 */
async function checkFreeSpace(label: string, written: number): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(tmpdir());
  // Some file systems report neither their size nor their free space.
  if (blocks === 0 || bavail * bsize >= Math.min(RESERVED_SPACE, (blocks * bsize) / 20)) return;
  throw new FailedError(
    `${label} does not fit into ${tmpdir()}: the disk is nearly full after ${written} decompressed bytes`,
    { hint: SPACE_HINT },
  );
}

function temporaryError(error: unknown): FailedError {
  const { message } = fileError('write', `a temporary file in ${tmpdir()}`, error);
  return new FailedError(message, { hint: SPACE_HINT, cause: error });
}
