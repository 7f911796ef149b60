import { Readable } from 'node:stream';

import { startDeadline } from './deadline.js';

/** A rest of this size is read rather than cut off, to keep the connection. */
const DRAIN_BYTES = 64 * 1024;
const DRAIN_MILLISECONDS = 1000;

export interface ResponseBodyOptions {
  /** Content-Length. */
  readonly expected: number | undefined;
  /** How long a reader may wait for the next bytes. */
  readonly idleMilliseconds: number;
  /** Makes the error that readers see out of what the source failed with; `why` where it did not say. */
  readonly broken: (why: string, received: number) => Error;
  /** Told once, when the last byte came or the body was given up. */
  readonly onDone: (received: number) => void;
}

/**
 * The body of an answer. It stands between the reader and the library's stream, whose errors carry the whole request
 * with its credentials. Time counts against the server only while a reader waits, so a reader may be slow.
 */
export class ResponseBody extends Readable {
  readonly #source: Readable;
  readonly #options: ResponseBodyOptions;
  #received = 0;
  #complete = false;
  #stopDeadline: (() => void) | undefined;

  constructor(source: Readable, options: ResponseBodyOptions) {
    super();
    this.#source = source;
    this.#options = options;
    // A body may fail before anyone reads it; whoever reads it later still gets the error.
    this.on('error', () => {});
    source.on('data', (chunk: Uint8Array) => this.#take(chunk));
    source.once('end', () => this.#end());
    source.on('error', () => this.#fail('the connection broke off'));
    source.once('close', () => this.#fail('the connection broke off'));
    source.pause();
  }

  /** Reads a small rest in the background, cuts the connection otherwise. */
  discard(): void {
    if (this.destroyed || this.readableEnded) return;
    const { expected = 0 } = this.#options;
    if (expected - this.#received > DRAIN_BYTES) {
      this.destroy();
      return;
    }
    let rest = 0;
    this.on('data', (chunk: Uint8Array) => {
      rest += chunk.length;
      if (rest > DRAIN_BYTES) this.destroy();
    });
    this.once(
      'close',
      startDeadline(DRAIN_MILLISECONDS, () => this.destroy()),
    );
  }

  override _read(): void {
    if (this.#complete || this.destroyed) return;
    const { idleMilliseconds } = this.#options;
    this.#stopDeadline ??= startDeadline(idleMilliseconds, () =>
      this.#fail(`nothing came for ${idleMilliseconds / 1000} s`),
    );
    this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#notWaiting();
    if (!this.#complete) {
      this.#complete = true;
      this.#source.destroy();
      this.#options.onDone(this.#received);
    }
    callback(error);
  }

  #take(chunk: Uint8Array): void {
    this.#notWaiting();
    this.#received += chunk.length;
    if (!this.push(chunk)) this.#source.pause();
  }

  #end(): void {
    if (this.#complete) return;
    this.#notWaiting();
    const { expected } = this.#options;
    if (expected !== undefined && this.#received !== expected) {
      this.#fail('the answer ended');
      return;
    }
    this.#complete = true;
    this.#options.onDone(this.#received);
    this.push(null);
  }

  #fail(why: string): void {
    if (!this.#complete) this.destroy(this.#options.broken(why, this.#received));
  }

  #notWaiting(): void {
    this.#stopDeadline?.();
    this.#stopDeadline = undefined;
  }
}
