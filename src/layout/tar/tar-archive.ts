/**
 * Tar files: plain or compressed ones are read by random access, and written entry by entry.
 *
 * Offers file-signatures, random-access-file, tar-archive, tar-writing, temporary-file, transport-hints.
 * @module layout/tar
 */
import type { Readable } from 'node:stream';

import { charge } from '../../content/budget.js';
import { InvalidError } from '../../oci/errors.js';
import { detectCompression, type TarCompression } from './file-signatures.js';
import { TarPathIndex } from './tar-path-index.js';
import { decompress } from './decompress.js';
import { RandomAccessFile } from './random-access-file.js';
import { tarEntries } from './tar-headers.js';

/** The length of the longest signature, in bytes. */
const SIGNATURE_BYTES = 4;

/**
 * A tar file, plain or compressed with gzip or zstd, whose entries are read in place. Opening it reads all headers once
 * and decompresses a compressed file into a temporary one. The opened file stays in use even if it is replaced or
 * renamed.
 *
 * Names are paths without a leading `./`. A link inside the archive is followed to its target. If several entries have
 * the same name, the last one wins, as in tar.
 */
export class TarArchive {
  /** The file's path, also its name in messages. */
  readonly path: string;
  /** `undefined` for a plain tar file. */
  readonly compression: TarCompression | undefined;
  readonly #file: RandomAccessFile;
  readonly #entries: TarPathIndex;
  readonly #names: readonly string[];

  private constructor(
    path: string,
    { file, compression }: Pick<OpenTar, 'file' | 'compression'>,
    entries: TarPathIndex,
  ) {
    this.path = path;
    this.compression = compression;
    this.#file = file;
    this.#entries = entries;
    this.#names = entries.files();
  }

  /**
   * @throws NotFoundError if the file does not exist; InvalidError if it is not a tar file, is damaged or truncated, or
   *   has an entry whose name or link leads out of the archive; FailedError; CancelledError
   */
  static async open(
    path: string,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<TarArchive> {
    const { file, compression, endRequired } = await openTar(path, signal);
    try {
      if (file.size === 0)
        throw new InvalidError(`${file.label} is empty, not a tar file`, {
          hint: 'Create or download it again.',
        });
      const entries = new TarPathIndex(file.label);
      for await (const entry of tarEntries(file, { signal, endRequired })) entries.add(entry);
      entries.check();
      return new TarArchive(path, { file, compression }, entries);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** The names of all files, in archive order. */
  names(): readonly string[] {
    return this.#names;
  }

  /** The size of a file in bytes; `undefined` if it does not exist. */
  size(name: string): number | undefined {
    return this.#entries.find(name)?.size;
  }

  /**
   * Opens a file; `undefined` if it does not exist. The bytes are not verified.
   *
   * The stream fails with InvalidError if the archive was truncated since it was opened, and with FailedError if it is
   * closed.
   */
  openFile(name: string): Readable | undefined {
    const range = this.#entries.find(name);
    return range === undefined ? undefined : this.#file.stream(range.start, range.size);
  }

  /**
   * Reads a file into memory; `undefined` if it does not exist.
   * @param limit the maximum size in bytes
   * @throws InvalidError if the file is larger than the limit or truncated; LimitError
   */
  async readSmallFile(name: string, limit: number): Promise<Uint8Array | undefined> {
    const range = this.#entries.find(name);
    if (range === undefined) return undefined;
    if (range.size > limit) {
      throw new InvalidError(
        `${JSON.stringify(name)} in ${this.path} is ${range.size} bytes long, more than the limit of ${limit}`,
      );
    }
    charge('metadata', range.size, () => `${name} of ${this.path}`);
    return this.#file.bytes(range.start, range.size);
  }

  /** Waits until no file of the archive is being read as a stream. */
  unused(): Promise<void> {
    return this.#file.unused();
  }

  /** Closes the file and removes its temporary copy. May be called more than once. */
  close(): void {
    this.#file.close();
  }
}

interface OpenTar {
  /** The file itself, or its decompressed copy. */
  readonly file: RandomAccessFile;
  readonly compression: TarCompression | undefined;
  readonly endRequired: boolean;
}

async function openTar(path: string, signal: AbortSignal | undefined): Promise<OpenTar> {
  const file = await RandomAccessFile.open(path);
  try {
    const start = Buffer.alloc(SIGNATURE_BYTES);
    await file.read(start, 0);
    const compression = detectCompression(start);
    if (compression === undefined) return { file, compression, endRequired: false };
    const tar = await decompress(file, compression, signal);
    file.close();
    // Node.js detects truncated gzip, but not truncated zstd, which may end between two entries.
    return { file: tar, compression, endRequired: compression === 'zstd' };
  } catch (error) {
    file.close();
    throw error;
  }
}
