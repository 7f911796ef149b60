/**
 * Tar files, plain or compressed, read by random access.
 *
 * Offers file-signatures, tar-archive.
 * @module layout/tar
 */
import type { Readable } from 'node:stream';

import { InvalidError } from '../../oci/errors.js';
import { compressionOf, type ArchiveCompression } from './file-signatures.js';
import { TarPathIndex } from './tar-path-index.js';
import { decompress } from './decompress.js';
import { RandomAccessFile } from './random-access-file.js';
import { tarEntries } from './tar-headers.js';

/** How many bytes tell what a file is. */
const MAGIC = 4;

/**
 * A tar file, plain or compressed with gzip or zstd, whose entries are read in place. It is read through once, header by
 * header, when it is opened; a compressed one is decompressed into one temporary file for as long as it is open.
 * Whatever gets the file's name meanwhile, it is the file that was opened that is read.
 *
 * Names are those of files, with `../` at the start taken off; a link that stays inside the archive stands for the
 * file that it leads to. Of several entries of one name the last one counts, as tar has it.
 */
export class TarArchive {
  /** The file's path, as messages name it. */
  readonly path: string;
  /** `undefined` where it is a plain tar file. */
  readonly compression: ArchiveCompression | undefined;
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
   * @throws NotFoundError where there is no such file, InvalidError where it is no tar file, damaged, cut off, or has
   *   an entry whose name or link leads out of it, FailedError, CancelledError
   */
  static async open(
    path: string,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<TarArchive> {
    const { file, compression, endRequired } = await openTar(path, signal);
    try {
      if (file.size === 0)
        throw new InvalidError(`${file.label} is empty, not a tar file`, {
          hint: 'Write or download it again.',
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

  /** The names of all files, in the archive's order. */
  names(): readonly string[] {
    return this.#names;
  }

  /** In bytes; `undefined` where there is no file of this name. */
  size(name: string): number | undefined {
    return this.#entries.find(name)?.size;
  }

  /**
   * Reads a file. `undefined` where there is none of this name. The bytes are not verified.
   *
   * The stream fails with InvalidError where the archive has become shorter meanwhile, and with FailedError where
   * it has been closed.
   */
  openFile(name: string): Readable | undefined {
    const span = this.#entries.find(name);
    return span === undefined ? undefined : this.#file.stream(span.start, span.size);
  }

  /**
   * Reads a small file whole, `undefined` where there is none.
   * @param limit in bytes
   * @throws InvalidError for a file over the limit, or one that is cut off
   */
  async readSmallFile(name: string, limit: number): Promise<Uint8Array | undefined> {
    const span = this.#entries.find(name);
    if (span === undefined) return undefined;
    if (span.size > limit) {
      throw new InvalidError(
        `${JSON.stringify(name)} in ${this.path} is ${span.size} bytes long, and at most ${limit} are read`,
      );
    }
    return this.#file.bytes(span.start, span.size);
  }

  /** Closes the file, and removes the temporary one. May be called twice. */
  close(): void {
    this.#file.close();
  }
}

interface OpenTar {
  /** The file itself, or what it is when it is decompressed. */
  readonly file: RandomAccessFile;
  readonly compression: ArchiveCompression | undefined;
  readonly endRequired: boolean;
}

async function openTar(path: string, signal: AbortSignal | undefined): Promise<OpenTar> {
  const file = await RandomAccessFile.open(path);
  try {
    const start = Buffer.alloc(MAGIC);
    await file.read(start, 0);
    const compression = compressionOf(start);
    if (compression === undefined) return { file, compression, endRequired: false };
    const tar = await decompress(file, compression, signal);
    file.close();
    // Node.js does not notice where zstd is cut off, which may be between two entries. With gzip, it does.
    return { file: tar, compression, endRequired: compression === 'zstd' };
  } catch (error) {
    file.close();
    throw error;
  }
}
