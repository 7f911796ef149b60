import { finished, type Readable, type Writable } from 'node:stream';

import { untilAborted } from '../content/cancellation.js';
import { FailedError, MultiarchError } from '../oci/errors.js';
import { startDeadline } from './deadline.js';
import type { RequestBody } from './message.js';

/** Small enough that a slow but living connection takes one within the idle limit. */
const CHUNK_BYTES = 64 * 1024;
/** So much is handed to the connection before it took any of it: it never waits for the body while there is some. */
const HIGH_WATER_MARK = 512 * 1024;

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

/** How one body is sent. */
export interface UploadOptions {
  /** In bytes. */
  readonly size: number;
  /** How long the server may take nothing. */
  readonly idleMilliseconds: number;
  /** The server has taken nothing for so long; has to destroy the sink. */
  readonly onStall: () => void;
  readonly onSent: RequestBody['onSent'] | undefined;
  readonly sizeError: RequestBody['sizeError'] | undefined;
}

/** Sends one opened body into one request. */
export class Upload {
  readonly #body: Readable;
  readonly #sink: Writable;
  readonly #options: UploadOptions;
  /** Ends {@link #sendAll}. */
  #wake = (): void => {};
  #stopDeadline = (): void => {};
  /** Bytes given to the sink. */
  #given = 0;
  #sent = 0;
  #ended = false;
  #finished = false;
  #stopped = false;

  constructor(body: Readable, sink: Writable, options: UploadOptions) {
    this.#body = body;
    this.#sink = sink;
    this.#options = options;
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
   * @throws the body's error for another size than it says; what the body fails with
   */
  async run(): Promise<void> {
    try {
      await this.#sendAll();
    } catch (error) {
      if (this.#stopped) return;
      this.#stopDeadline();
      throw bodyError(error);
    }
    if (this.#stopped) return;
    if (this.#sent < this.#options.size) throw this.#wrongSize('fewer');
    this.#finished = true;
    this.#sink.end();
  }

  /** Sends no more. The connection cannot be used for another request then, unless all was sent before. */
  stop(): void {
    if (this.#finished) return;
    this.#stopped = true;
    this.#stopDeadline();
    this.#body.on('error', () => {});
    this.#body.destroy();
    this.#wake();
  }

  /** Resolves when the connection has taken all that the body gave, or no more is to be sent. */
  #sendAll(): Promise<void> {
    const body = this.#body;
    return new Promise((resolve, reject) => {
      this.#wake = resolve;
      if (this.#stopped) resolve();
      finished(body, { writable: false }, (error) => {
        this.#ended = true;
        if (error !== null && error !== undefined) reject(error);
        else if (this.#sent === this.#given) resolve();
      });
      body.on('data', (chunk: Uint8Array) => {
        if (this.#stopped) return;
        if (this.#given + chunk.length > this.#options.size) {
          body.pause();
          reject(this.#wrongSize('more'));
          return;
        }
        for (let start = 0; start < chunk.length; start += CHUNK_BYTES) {
          this.#write(chunk.subarray(start, start + CHUNK_BYTES));
        }
        if (this.#given - this.#sent >= HIGH_WATER_MARK) body.pause();
      });
      // Whoever opened it may have looked into it before, and paused it.
      body.resume();
    });
  }

  /** Time in which the body itself is slow does not count as a stall: only while a piece is on its way do we wait for the server. */
  #write(piece: Uint8Array): void {
    if (this.#given === this.#sent) this.#startDeadline();
    this.#given += piece.length;
    this.#sink.write(piece, (error) => {
      if (this.#stopped || (error !== null && error !== undefined)) return;
      this.#sent += piece.length;
      this.#options.onSent?.(piece.length);
      this.#stopDeadline();
      if (this.#sent < this.#given) this.#startDeadline();
      if (!this.#ended) this.#body.resume();
      else if (this.#sent === this.#given) this.#wake();
    });
  }

  #wrongSize(what: 'more' | 'fewer'): Error {
    const { size, sizeError } = this.#options;
    return (
      sizeError?.(what) ??
      new FailedError(`The body to send has ${what} than the ${size} bytes that were announced`)
    );
  }

  #startDeadline(): void {
    this.#stopDeadline = startDeadline(this.#options.idleMilliseconds, this.#options.onStall);
  }
}

function bodyError(error: unknown): MultiarchError {
  if (error instanceof MultiarchError) return error;
  const why = error instanceof Error ? error.message : 'unknown reason';
  return new FailedError(`The body to send could not be read: ${why}`, { cause: error });
}
