import { finished, type Readable, type Writable } from 'node:stream';

import { untilAborted } from '../content/cancellation.js';
import { FailedError, MultiarchError } from '../oci/errors.js';
import { startDeadline } from './deadline.js';
import type { RequestBody } from './message.js';

/** Small enough that a slow connection accepts one within the idle limit. */
const CHUNK_BYTES = 64 * 1024;
/** The limit of bytes that the connection has not accepted yet. */
const HIGH_WATER_MARK = 512 * 1024;

/** Opens a body to be sent. @throws FailedError if it cannot be opened, or its own MultiarchError */
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

/** The options of one {@link Upload}. */
export interface UploadOptions {
  /** In bytes. */
  readonly size: number;
  /** The limit on the time in which the server accepts no bytes. */
  readonly idleMilliseconds: number;
  /** Called after that time. Must destroy the sink. */
  readonly onStall: () => void;
  readonly onSent: RequestBody['onSent'] | undefined;
  readonly sizeError: RequestBody['sizeError'] | undefined;
}

/** Sends an opened body in one request. */
export class Upload {
  readonly #body: Readable;
  readonly #sink: Writable;
  readonly #options: UploadOptions;
  /** Ends {@link #sendAll}. */
  #wake = (): void => {};
  #stopDeadline = (): void => {};
  /** Bytes written to the sink. */
  #written = 0;
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

  /** Bytes that the connection has accepted so far. */
  get sent(): number {
    return this.#sent;
  }

  /** Whether the whole body was sent. */
  get finished(): boolean {
    return this.#finished;
  }

  /**
   * Sends the body. Returns without an error if it was stopped or the sink fails, which reports its own error.
   * @throws the error of a body of another size than announced; what the body fails with
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

  /** Stops sending. Unless all was sent before, the connection cannot be used for another request. */
  stop(): void {
    if (this.#finished) return;
    this.#stopped = true;
    this.#stopDeadline();
    this.#body.on('error', () => {});
    this.#body.destroy();
    this.#wake();
  }

  /** Resolves when the connection has accepted the whole body, or sending was stopped. */
  #sendAll(): Promise<void> {
    const body = this.#body;
    return new Promise((resolve, reject) => {
      this.#wake = resolve;
      if (this.#stopped) resolve();
      finished(body, { writable: false }, (error) => {
        this.#ended = true;
        if (error !== null && error !== undefined) reject(error);
        else if (this.#sent === this.#written) resolve();
      });
      body.on('data', (chunk: Uint8Array) => {
        if (this.#stopped) return;
        if (this.#written + chunk.length > this.#options.size) {
          body.pause();
          reject(this.#wrongSize('more'));
          return;
        }
        for (let start = 0; start < chunk.length; start += CHUNK_BYTES) {
          this.#write(chunk.subarray(start, start + CHUNK_BYTES));
        }
        if (this.#written - this.#sent >= HIGH_WATER_MARK) body.pause();
      });
      // The body may have been paused when it was opened.
      body.resume();
    });
  }

  /** The idle limit applies only while a chunk is in transit, so a slow body is no stall. */
  #write(chunk: Uint8Array): void {
    if (this.#written === this.#sent) this.#startDeadline();
    this.#written += chunk.length;
    this.#sink.write(chunk, (error) => {
      if (this.#stopped || (error !== null && error !== undefined)) return;
      this.#sent += chunk.length;
      this.#options.onSent?.(chunk.length);
      this.#stopDeadline();
      if (this.#sent < this.#written) this.#startDeadline();
      if (!this.#ended) this.#body.resume();
      else if (this.#sent === this.#written) this.#wake();
    });
  }

  #wrongSize(what: 'more' | 'fewer'): Error {
    const { size, sizeError } = this.#options;
    return (
      sizeError?.(what) ?? new FailedError(`the request body has ${what} than the announced ${size} bytes`)
    );
  }

  #startDeadline(): void {
    this.#stopDeadline = startDeadline(this.#options.idleMilliseconds, this.#options.onStall);
  }
}

function bodyError(error: unknown): MultiarchError {
  if (error instanceof MultiarchError) return error;
  const why = error instanceof Error ? error.message : 'unknown reason';
  return new FailedError(`cannot read the request body: ${why}`, { cause: error });
}
