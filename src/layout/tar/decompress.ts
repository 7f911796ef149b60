import { randomUUID } from 'node:crypto';
import { closeSync, openSync, rmSync, unlinkSync, write } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline, Transform } from 'node:stream';
import { promisify } from 'node:util';
import zlib from 'node:zlib';

import { cancelStream, checkCancelled } from '../../content/cancellation.js';
import { fileError } from '../../files/file-error.js';
import { FailedError, InvalidError, MultiarchError } from '../../oci/errors.js';
import type { ArchiveCompression } from './file-signatures.js';
import { RandomAccessFile } from './random-access-file.js';

const writeAt = promisify(write);

/** What comes out at once, in bytes: each piece is a call of the file system. */
const CHUNK = 256 * 1024;

/** After how many bytes the room that is left is looked at again. */
const ROOM_CHECKED_EVERY = 64 * 1024 * 1024;
/** How many bytes are left to others where all this is written to, or a twentieth of the file system where that is less. */
const ROOM_LEFT = 1024 * 1024 * 1024;
const ROOM_HINT = 'Set TMPDIR to a directory with more room, or decompress the archive first.';

/**
 * Decompresses a file into a temporary one, which only this user can read. It has no name any more when this returns,
 * so nothing is left of it however the process ends; on Windows, which does not allow that, closing it removes it.
 *
 * Of zstd, Node.js reads the first frame only, and does not notice where that is cut off: what comes out may be less than
 * what went in, and must say by itself where it ends.
 *
 * @throws InvalidError where the content is damaged or (gzip) cut off, FailedError where this version of Node cannot read it or
 *   there is no room, CancelledError. No temporary file is left then.
 */
export async function decompress(
  file: RandomAccessFile,
  compression: ArchiveCompression,
  signal?: AbortSignal,
): Promise<RandomAccessFile> {
  const action = `read ${file.label}`;
  checkCancelled(signal, action);
  const decompressor = compression === 'gzip' ? zlib.createGunzip({ chunkSize: CHUNK }) : unzstd(file.label);
  const temporary = openTemporary();
  try {
    pipeline(file.stream(0, file.size), decompressor, () => {});
    let size = 0;
    for await (const chunk of cancelStream(decompressor, signal, action) as AsyncIterable<Buffer>) {
      await writeAll(temporary.descriptor, chunk, size);
      const before = size;
      size += chunk.length;
      const isDue = Math.floor(size / ROOM_CHECKED_EVERY) > Math.floor(before / ROOM_CHECKED_EVERY);
      if (isDue) await checkRoom(file.label, size);
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
      `${file.label} is damaged or cut off: it cannot be decompressed with ${compression}`,
      { hint: 'Write or download it again.', cause: error },
    );
  }
}

/** Not in every Node that this library runs on, nor in the types of the oldest one. */
function unzstd(label: string): Transform {
  const create: unknown = Reflect.get(zlib, 'createZstdDecompress');
  const decompressor: unknown =
    typeof create === 'function' ? Reflect.apply(create, zlib, [{ chunkSize: CHUNK }]) : undefined;
  if (decompressor instanceof Transform) return decompressor;
  throw new FailedError(
    `${label} is compressed with zstd, which Node.js ${process.versions.node} cannot decompress`,
    { hint: 'Decompress it first with `zstd -d`, or use Node.js 22.15 or later.' },
  );
}

/** @returns `path`: of the file, where it must be removed after it is closed */
function openTemporary(): { readonly descriptor: number; readonly path: string | undefined } {
  const path = join(tmpdir(), `multiarch-${randomUUID()}.tar`);
  try {
    // Nothing comes between the two calls. `wx` never opens what somebody else laid there.
    const descriptor = openSync(path, 'wx+', 0o600);
    if (process.platform === 'win32') return { descriptor, path };
    unlinkSync(path);
    return { descriptor, path: undefined };
  } catch (error) {
    throw temporaryError(error);
  }
}

async function writeAll(descriptor: number, bytes: Buffer, position: number): Promise<void> {
  try {
    // A disk that is nearly full takes a part, and says so only the next time.
    for (let written = 0; written < bytes.length;) {
      const { bytesWritten } = await writeAt(
        descriptor,
        bytes,
        written,
        bytes.length - written,
        position + written,
      );
      written += bytesWritten;
    }
  } catch (error) {
    throw temporaryError(error);
  }
}

/**
 * A few megabytes may stand for a disk full of zeros.
 * @throws FailedError where the temporary file is about to leave no room to others
 */
async function checkRoom(label: string, written: number): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(tmpdir());
  // Some file systems do not know their size: they say nothing of their room either.
  if (blocks === 0 || bavail * bsize >= Math.min(ROOM_LEFT, (blocks * bsize) / 20)) return;
  throw new FailedError(
    `${label} does not fit into ${tmpdir()}: ${written} bytes are decompressed, and hardly any room is left`,
    { hint: ROOM_HINT },
  );
}

function temporaryError(error: unknown): FailedError {
  const { message } = fileError('write', `a temporary file in ${tmpdir()}`, error);
  return new FailedError(message, {
    hint: ROOM_HINT,
    cause: error,
  });
}
