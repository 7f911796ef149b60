import { pipeline, Transform } from 'node:stream';
import zlib from 'node:zlib';

import { cancelStream, checkCancelled } from '../../content/cancellation.js';
import { FailedError, InvalidError, MultiarchError } from '../../oci/errors.js';
import type { TarCompression } from './file-signatures.js';
import type { RandomAccessFile } from './random-access-file.js';
import { TemporaryFile } from './temporary-file.js';

/** The size of decompressed chunks, in bytes. Each is written with one system call. */
const CHUNK_BYTES = 256 * 1024;

/**
 * Decompresses a file into a {@link TemporaryFile}.
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
  const temporary = TemporaryFile.open(file.label);
  try {
    pipeline(file.stream(0, file.size), decompressor, () => {});
    for await (const chunk of cancelStream(decompressor, signal, action) as AsyncIterable<Buffer>) {
      await temporary.append(chunk);
    }
    return temporary.readable();
  } catch (error) {
    temporary.discard();
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
