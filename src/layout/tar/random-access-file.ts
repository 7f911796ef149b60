import { close, closeSync, constants, fstat, open, read, rmSync, type Stats } from 'node:fs';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';

import { errorCode, fileError } from '../../files/file-error.js';
import { FailedError, InvalidError, NotFoundError } from '../../oci/errors.js';
import { checkCancelled } from '../../content/cancellation.js';

const openDescriptor = promisify(open);
const closeDescriptor = promisify(close);
const readAt = promisify(read);
const stats = promisify(fstat);

/** Of the chunks that streams are made of, in bytes. A stream holds two at most: one read ahead, one on its way. */
const CHUNK = 256 * 1024;

/** A file that is held open and read at any place, by several readers at the same time. */
export class RandomAccessFile {
  /** What messages call it. */
  readonly label: string;
  /** In bytes, as it was when the file was opened. */
  readonly size: number;
  readonly #descriptor: number;
  readonly #removeOnClose: string | undefined;
  #readers = 0;
  #closed = false;

  /**
   * @param descriptor of an open file; belongs to this object from now on
   * @param options.removeOnClose the path of a file that is to go when it is closed
   */
  constructor(
    descriptor: number,
    options: {
      readonly label: string;
      readonly size: number;
      readonly removeOnClose?: string | undefined;
    },
  ) {
    this.#descriptor = descriptor;
    this.label = options.label;
    this.size = options.size;
    this.#removeOnClose = options.removeOnClose;
  }

  /** @throws NotFoundError where there is nothing, InvalidError for what is not a file, FailedError */
  static async open(path: string): Promise<RandomAccessFile> {
    let descriptor: number;
    try {
      // NONBLOCK: opening a pipe that nobody writes to would hold us up. Files do not heed it.
      descriptor = await openDescriptor(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      throw openError(path, error);
    }
    try {
      const { size } = checkIsFile(path, await stats(descriptor));
      return new RandomAccessFile(descriptor, { label: path, size });
    } catch (error) {
      await closeDescriptor(descriptor);
      throw openError(path, error);
    }
  }

  /**
   * Fills the buffer with what the file has at a place.
   * @returns how many bytes came: fewer than the buffer holds only where the file ends
   */
  async read(buffer: Uint8Array, position: number): Promise<number> {
    if (this.#closed) throw new FailedError(`cannot read ${this.label}: it has been closed`);
    this.#readers += 1;
    try {
      let filled = 0;
      while (filled < buffer.length) {
        const { bytesRead } = await readAt(
          this.#descriptor,
          buffer,
          filled,
          buffer.length - filled,
          position + filled,
        );
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return filled;
    } catch (error) {
      throw fileError('read', this.label, error, 'choose another file');
    } finally {
      this.#readers -= 1;
      this.#closeWhereUnused();
    }
  }

  /** A part of the file as a stream. It fails with `InvalidError` where the file has become shorter meanwhile. */
  stream(start: number, size: number): Readable {
    return Readable.from(this.#chunks(start, size), { objectMode: false, highWaterMark: CHUNK });
  }

  /** Reads a part of the file whole. @throws InvalidError where the file has become shorter meanwhile */
  async bytes(start: number, size: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(size);
    if ((await this.read(buffer, start)) < size) throw this.#shrunk();
    return buffer;
  }

  /** May be called twice. Whoever is reading a piece just now gets it, and none after that. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closeWhereUnused();
  }

  async *#chunks(start: number, size: number): AsyncGenerator<Buffer> {
    const end = start + size;
    for (let position = start; position < end; position += CHUNK) {
      yield await this.bytes(position, Math.min(CHUNK, end - position));
    }
  }

  /** The number of a closed file is given to the next one that is opened, which a read on its way would then get. */
  #closeWhereUnused(): void {
    if (!this.#closed || this.#readers > 0) return;
    closeSync(this.#descriptor);
    if (this.#removeOnClose !== undefined) rmSync(this.#removeOnClose, { force: true });
  }

  #shrunk(): InvalidError {
    return new InvalidError(`${this.label} has become shorter while it was read`, {
      hint: 'Try again when nothing writes to it any more.',
    });
  }
}

function checkIsFile(path: string, found: Stats): Stats {
  if (found.isFile()) return found;
  if (found.isDirectory()) throw isDirectory(path);
  throw new InvalidError(`${path} is not a file`, {
    hint: 'Write what comes out of a pipe to a file first: it is read at several places.',
  });
}

function isDirectory(path: string, cause?: unknown): InvalidError {
  return new InvalidError(`${path} is a directory, not an archive`, {
    hint: `An image layout that is a directory is named oci:${path}.`,
    cause,
  });
}

function openError(path: string, error: unknown): Error {
  const code = errorCode(error);
  if (code === 'ENOENT') return new NotFoundError(`there is no file ${path}`, { cause: error });
  // Windows does not open directories.
  if (code === 'EISDIR') return isDirectory(path, error);
  return fileError('read', path, error, 'choose another file');
}

/** In bytes. Small entries lie close together, and share a read; of a large one, little is read for nothing. */
const WINDOW = 64 * 1024;

/** Reads small pieces of a file, one after the other, with few calls of the file system. */
export class ReadAhead {
  readonly #file: RandomAccessFile;
  readonly #signal: AbortSignal | undefined;
  readonly #window = Buffer.allocUnsafe(WINDOW);
  #start = 0;
  #filled = 0;

  constructor(file: RandomAccessFile, signal: AbortSignal | undefined) {
    this.#file = file;
    this.#signal = signal;
  }

  get label(): string {
    return this.#file.label;
  }

  /**
   * @returns fewer bytes than asked for where the file ends; they are what they are until the next call
   * @throws CancelledError, FailedError
   */
  async bytes(position: number, length: number): Promise<Buffer> {
    if (length > WINDOW) {
      const buffer = Buffer.allocUnsafe(length);
      return buffer.subarray(0, await this.#file.read(buffer, position));
    }
    if (position < this.#start || position + length > this.#start + this.#filled) {
      checkCancelled(this.#signal, `read ${this.label}`);
      this.#start = position;
      this.#filled = await this.#file.read(this.#window, position);
    }
    const offset = position - this.#start;
    return this.#window.subarray(offset, Math.min(offset + length, this.#filled));
  }
}
