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
  readonly #options: UploadOptions;
  #sink: Writable | undefined;
  /** Ends {@link #sendAll}. */
  #wake = (): void => {};
  #stopDeadline = (): void => {};
  /** Read from the body, and not written yet. At most one chunk is in transit, so that each has the idle limit to itself. */
  readonly #queue: Uint8Array[] = [];
  #inTransit = false;
  /** Bytes read from the body. */
  #read = 0;
  #sent = 0;
  #ended = false;
  #finished = false;
  #stopped = false;

  constructor(body: Readable, options: UploadOptions) {
    this.#body = body;
    this.#options = options;
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
  async run(sink: Writable): Promise<void> {
    this.#sink = sink;
    sink.once('close', () => this.stop());
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
    sink.end();
  }

  /** Stops sending. Unless all was sent before, the connection cannot be used for another request. */
  stop(): void {
    if (this.#finished) return;
    this.#stopped = true;
    this.#stopDeadline();
    this.#queue.length = 0;
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
        else if (this.#sent === this.#read) resolve();
      });
      body.on('data', (chunk: Uint8Array) => {
        if (this.#stopped) return;
        this.#read += chunk.length;
        if (this.#read > this.#options.size) {
          body.pause();
          reject(this.#wrongSize('more'));
          return;
        }
        for (let start = 0; start < chunk.length; start += CHUNK_BYTES) {
          this.#queue.push(chunk.subarray(start, start + CHUNK_BYTES));
        }
        if (!this.#inTransit) this.#writeNext();
        if (this.#read - this.#sent >= HIGH_WATER_MARK) body.pause();
      });
      // The body may have been paused when it was opened.
      body.resume();
    });
  }

  /** The idle limit applies only while a chunk is in transit, so a slow body is no stall. */
  #writeNext(): void {
    const chunk = this.#queue.shift();
    this.#inTransit = chunk !== undefined;
    if (chunk === undefined) return;
    this.#stopDeadline = startDeadline(this.#options.idleMilliseconds, this.#options.onStall);
    this.#sink?.write(chunk, (error) => {
      this.#stopDeadline();
      if (this.#stopped || (error !== null && error !== undefined)) return;
      this.#sent += chunk.length;
      this.#options.onSent?.(chunk.length);
      this.#writeNext();
      if (!this.#ended) this.#body.resume();
      else if (this.#sent === this.#read) this.#wake();
    });
  }

  #wrongSize(what: 'more' | 'fewer'): Error {
    const { size, sizeError } = this.#options;
    return (
      sizeError?.(what) ?? new FailedError(`the request body has ${what} than the announced ${size} bytes`)
    );
  }
}

function bodyError(error: unknown): MultiarchError {
  if (error instanceof MultiarchError) return error;
  const why = error instanceof Error ? error.message : 'unknown reason';
  return new FailedError(`cannot read the request body: ${why}`, { cause: error });
}
