import { checkCancelled } from '../content/cancellation.js';
import type { PositionalFile } from './positional-file.js';

/** In bytes. Small entries lie close together, and share a read; of a large one, little is read for nothing. */
const WINDOW = 64 * 1024;

/** Reads small pieces of a file, one after the other, with few calls of the file system. */
export class ReadAhead {
  readonly #file: PositionalFile;
  readonly #signal: AbortSignal | undefined;
  readonly #window = Buffer.allocUnsafe(WINDOW);
  #start = 0;
  #filled = 0;

  constructor(file: PositionalFile, signal: AbortSignal | undefined) {
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
