import { randomUUID } from 'node:crypto';
import { closeSync, openSync, rmSync, unlinkSync, writeFile } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline, Transform } from 'node:stream';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

import { cancelStream, checkCancelled } from '../../content/cancellation.js';
import { fileError } from '../../files/file-error.js';
import { FailedError, InvalidError, MultiarchError } from '../../oci/errors.js';
import type { TarCompression } from './file-signatures.js';
import { RandomAccessFile } from './random-access-file.js';

const appendToFile = promisify(writeFile);

/** The size of decompressed chunks, in bytes. Each is written with one system call. */
const CHUNK_BYTES = 256 * 1024;

/** The number of decompressed bytes between two checks of the free disk space. */
const SPACE_CHECK_INTERVAL = 64 * 1024 * 1024;
/** The disk space to leave free, in bytes; a twentieth of the file system if that is less. */
const RESERVED_SPACE = 1024 * 1024 * 1024;
const SPACE_HINT = 'Set TMPDIR to a directory with more space, or decompress the archive first.';

/**
 * Decompresses a file into a temporary file that only this user can read. The temporary file is unlinked while it is
 * open, so it disappears however the process ends. On Windows, which cannot unlink open files, closing removes it.
 *
 * Node.js reads only the first zstd frame and does not detect truncation, so the result may be incomplete: its content
 * must mark its own end.
 *
 * @throws InvalidError if the content is damaged or (gzip) truncated; FailedError if this version of Node.js does not
 *   support the compression or the disk is full; CancelledError. No temporary file is left.
 */
export async function decompress(
  file: RandomAccessFile,
  compression: TarCompression,
  signal?: AbortSignal,
): Promise<RandomAccessFile> {
  const action = `read ${file.label}`;
  checkCancelled(signal, action);
  const decompressor =
    compression === 'gzip' ? zlib.createGunzip({ chunkSize: CHUNK_BYTES }) : createUnzstd(file.label);
  const temporary = openTemporary();
  try {
    pipeline(file.stream(0, file.size), decompressor, () => {});
    let size = 0;
    for await (const chunk of cancelStream(decompressor, signal, action) as AsyncIterable<Buffer>) {
      await append(temporary.descriptor, chunk);
      const before = size;
      size += chunk.length;
      const isDue = Math.floor(size / SPACE_CHECK_INTERVAL) > Math.floor(before / SPACE_CHECK_INTERVAL);
      if (isDue) await checkFreeSpace(file.label, size);
    }
    return new RandomAccessFile(temporary.descriptor, {
      label: `the content of ${file.label}`,
      size,
      removeOnClose: temporary.path,
    });
  } catch (error) {
    closeSync(temporary.descriptor);
    if (temporary.path !== undefined) rmSync(temporary.path, { force: true });
    if (error instanceof MultiarchError) throw error;
    throw new InvalidError(
      `${file.label} is damaged or truncated: it cannot be decompressed with ${compression}`,
      { hint: 'Create or download it again.', cause: error },
    );
  }
}

/** Missing in older Node.js releases that this library supports, and in their types. */
function createUnzstd(label: string): Transform {
  const create: unknown = Reflect.get(zlib, 'createZstdDecompress');
  const decompressor: unknown =
    typeof create === 'function' ? Reflect.apply(create, zlib, [{ chunkSize: CHUNK_BYTES }]) : undefined;
  if (decompressor instanceof Transform) return decompressor;
  throw new FailedError(
    `${label} is compressed with zstd, which Node.js ${process.versions.node} cannot decompress`,
    { hint: 'Decompress it first with `zstd -d`, or use Node.js 22.15 or later.' },
  );
}

/** @returns the descriptor, and the path if the file must be removed after it is closed */
function openTemporary(): { readonly descriptor: number; readonly path: string | undefined } {
  const path = join(tmpdir(), `multiarch-${randomUUID()}.tar`);
  try {
    // Synchronous, so that no signal handler runs between open and unlink. `wx` never opens an existing file.
    const descriptor = openSync(path, 'wx+', 0o600);
    if (process.platform === 'win32') return { descriptor, path };
    unlinkSync(path);
    return { descriptor, path: undefined };
  } catch (error) {
    throw temporaryError(error);
  }
}

/** Node.js writes at the current position, and completes the short writes of a nearly full disk. */
async function append(descriptor: number, bytes: Buffer): Promise<void> {
  try {
    await appendToFile(descriptor, bytes);
  } catch (error) {
    throw temporaryError(error);
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
