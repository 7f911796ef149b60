import type { Readable, Writable } from 'node:stream';

import { untilAborted } from '../content/cancellation.js';
import { FailedError, MultiarchError } from '../oci/errors.js';
import { startDeadline } from './deadline.js';
import type { RequestBody } from './message.js';

/** Small enough that a slow but living connection takes one within the idle limit. */
const pieceBytes = 64 * 1024;

/** Opens a body to be sent. @throws FailedError when it cannot be opened, or its own error when that is one of ours */
export async function openBody(body: RequestBody, signal: AbortSignal): Promise<Readable> {
  try {
    const opening = Promise.resolve(body.open());
    const destroyLate = (stream: Readable): void => {
      if (signal.aborted) stream.destroy();
    };
    opening.then(destroyLate, () => {});
    return await untilAborted(signal, opening);
  } catch (error) {
    throw bodyError(error);
  }
}

/** Sends one opened body into one request. */
export class Upload {
  readonly #body: Readable;
  readonly #size: number;
  readonly #sink: Writable;
  readonly #idleMilliseconds: number;
  readonly #onStall: () => void;
  #wake = (): void => {};
  #sent = 0;
  #finished = false;
  #stopped = false;

  /** @param onStall the server has taken nothing for so long; has to destroy the sink */
  constructor(body: Readable, size: number, sink: Writable, idleMilliseconds: number, onStall: () => void) {
    this.#body = body;
    this.#size = size;
    this.#sink = sink;
    this.#idleMilliseconds = idleMilliseconds;
    this.#onStall = onStall;
    sink.once('close', () => this.stop());
  }

  /** Bytes that the connection has taken so far. */
  get sent(): number {
    return this.#sent;
  }

  /** The whole body was sent. */
  get finished(): boolean {
    return this.#finished;
  }

  /**
   * Sends. Ends without an error when it was stopped, or when the sink fails: the sink tells that itself.
   * @throws FailedError when the body has another size than it says; what the body fails with
   */
  async run(): Promise<void> {
    try {
      for await (const chunk of this.#body as AsyncIterable<Uint8Array>) {
        for (let start = 0; start < chunk.length; start += pieceBytes) {
          const piece = chunk.subarray(start, start + pieceBytes);
          if (this.#sent + piece.length > this.#size) throw wrongSize('more', this.#size);
          await this.#write(piece);
          if (this.#stopped) return;
          this.#sent += piece.length;
        }
      }
    } catch (error) {
      if (this.#stopped) return;
      throw bodyError(error);
    }
    if (this.#stopped) return;
    if (this.#sent < this.#size) throw wrongSize('fewer', this.#size);
    this.#finished = true;
    this.#sink.end();
  }

  /** Sends no more. The connection cannot be used for another request then, unless all was sent before. */
  stop(): void {
    if (this.#finished) return;
    this.#stopped = true;
    this.#body.on('error', () => {});
    this.#body.destroy();
    this.#wake();
  }

  /** Time in which the body itself is slow does not count as a stall: only here do we wait for the server. */
  async #write(piece: Uint8Array): Promise<void> {
    const stopDeadline = startDeadline(this.#idleMilliseconds, this.#onStall);
    try {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#sink.write(piece, () => resolve());
      });
    } finally {
      stopDeadline();
    }
  }
}

function wrongSize(what: 'more' | 'fewer', size: number): FailedError {
  return new FailedError(`The body to send has ${what} than the ${size} bytes that were announced`);
}

function bodyError(error: unknown): MultiarchError {
  if (error instanceof MultiarchError) return error;
  const why = error instanceof Error ? error.message : 'unknown reason';
  return new FailedError(`The body to send could not be read: ${why}`, { cause: error });
}
