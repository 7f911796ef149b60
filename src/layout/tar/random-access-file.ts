import { close, closeSync, constants, fstat, open, read, rmSync, type Stats } from 'node:fs';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';

import { errorCode, fileError } from '../../files/file-error.js';
import { FailedError, InvalidError, MISSING_PATH_HINT, NotFoundError } from '../../oci/errors.js';
import { unpackedHint } from './transport-hints.js';
import { checkCancelled } from '../../content/cancellation.js';

const openDescriptor = promisify(open);
const closeDescriptor = promisify(close);
const readAt = promisify(read);
const statDescriptor = promisify(fstat);

/** The size of stream chunks, in bytes. A stream buffers at most two: one read ahead and one in transit. */
const CHUNK_BYTES = 256 * 1024;

/** An open file that several readers read at arbitrary positions. */
export class RandomAccessFile {
  /** The file's name in messages. */
  readonly label: string;
  /** The size in bytes when the file was opened. */
  readonly size: number;
  readonly #descriptor: number;
  readonly #removeOnClose: string | undefined;
  #readers = 0;
  #streams = 0;
  readonly #unused: (() => void)[] = [];
  #closed = false;

  /**
   * @param descriptor of an open file; owned by this object
   * @param options.removeOnClose the path to remove when the file is closed
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

  /** @throws NotFoundError if the file does not exist; InvalidError if it is not a regular file; FailedError */
  static async open(path: string): Promise<RandomAccessFile> {
    let descriptor: number;
    try {
      // NONBLOCK: opening a pipe without a writer would block. Regular files ignore the flag.
      descriptor = await openDescriptor(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      throw openError(path, error);
    }
    try {
      const { size } = checkIsFile(path, await statDescriptor(descriptor));
      return new RandomAccessFile(descriptor, { label: path, size });
    } catch (error) {
      await closeDescriptor(descriptor);
      throw openError(path, error);
    }
  }

  /**
   * Fills the buffer from a position of the file.
   * @returns the number of bytes read: less than the buffer's length only at the end of the file
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
      this.#closeIfUnused();
    }
  }

  /** Reads a range of the file as a stream. It fails with InvalidError if the file was truncated since it was opened. */
  stream(start: number, size: number): Readable {
    const stream = Readable.from(this.#chunks(start, size), {
      objectMode: false,
      highWaterMark: CHUNK_BYTES,
    });
    this.#streams += 1;
    return stream.once('close', () => {
      this.#streams -= 1;
      if (this.#streams === 0) for (const resolve of this.#unused.splice(0)) resolve();
    });
  }

  /** Waits until no stream of the file is open. */
  async unused(): Promise<void> {
    if (this.#streams > 0) await new Promise<void>((resolve) => this.#unused.push(resolve));
  }

  /** Reads a range of the file into memory. @throws InvalidError if the file was truncated since it was opened */
  async bytes(start: number, size: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(size);
    if ((await this.read(buffer, start)) < size) throw this.#truncatedError();
    return buffer;
  }

  /** Closes the file after the reads in progress have finished. May be called more than once. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closeIfUnused();
  }

  async *#chunks(start: number, size: number): AsyncGenerator<Buffer> {
    const end = start + size;
    for (let position = start; position < end; position += CHUNK_BYTES) {
      yield await this.bytes(position, Math.min(CHUNK_BYTES, end - position));
    }
  }

  /** Defers the close until reads finish: a pending read would hit whatever file reuses the descriptor. */
  #closeIfUnused(): void {
    if (!this.#closed || this.#readers > 0) return;
    closeSync(this.#descriptor);
    if (this.#removeOnClose !== undefined) rmSync(this.#removeOnClose, { force: true });
  }

  #truncatedError(): InvalidError {
    return new InvalidError(`${this.label} was truncated while it was read`, {
      hint: 'Try again when no process writes to it.',
    });
  }
}

function checkIsFile(path: string, found: Stats): Stats {
  if (found.isFile()) return found;
  if (found.isDirectory()) throw directoryError(path);
  throw new InvalidError(`${path} is not a regular file`, {
    hint: 'Write the output of a pipe to a file first: archives are read by random access.',
  });
}

function directoryError(path: string, cause?: unknown): InvalidError {
  return new InvalidError(`${path} is a directory, not an archive`, {
    hint: unpackedHint(path) ?? `Use oci:${path} for an image layout directory.`,
    cause,
  });
}

function openError(path: string, error: unknown): Error {
  const code = errorCode(error);
  if (code === 'ENOENT')
    return new NotFoundError(`no such file: ${path}`, { hint: MISSING_PATH_HINT, cause: error });
  // Windows cannot open directories.
  if (code === 'EISDIR') return directoryError(path, error);
  return fileError('read', path, error, 'choose another file');
}

/** In bytes. Adjacent small entries share a read, and little is wasted for a large one. */
const WINDOW_BYTES = 64 * 1024;

/** Reads small ranges of a file sequentially with few system calls. */
export class ReadAhead {
  readonly #file: RandomAccessFile;
  readonly #signal: AbortSignal | undefined;
  readonly #window = Buffer.allocUnsafe(WINDOW_BYTES);
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
   * @returns the bytes, valid until the next call; fewer than `length` at the end of the file
   * @throws CancelledError, FailedError
   */
  async bytes(position: number, length: number): Promise<Buffer> {
    if (length > WINDOW_BYTES) {
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
