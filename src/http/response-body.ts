import { Readable } from 'node:stream';

import { reportWait, startDeadline } from './deadline.js';

/** Up to this size, the rest of a discarded body is read, to keep the connection. */
const DRAIN_BYTES = 64 * 1024;
const DRAIN_MILLISECONDS = 1000;
/** Fewer bytes than this within the idle limit count as none: otherwise one byte a minute would last for ever. */
const MIN_BYTES = 4 * 1024;

export interface ResponseBodyOptions {
  /** Content-Length. */
  readonly expected: number | undefined;
  /** The limit on a reader's wait for the next {@link MIN_BYTES}. */
  readonly idleMilliseconds: number;
  /** Creates the error that readers get if the body fails, with whether the idle limit was exceeded. */
  readonly broken: (why: string, received: number, timeLimit: boolean) => Error;
  /** Called when a reader has waited for the next bytes for this long: after 5 s, and each time the wait has doubled. */
  readonly onWait?: ((milliseconds: number) => void) | undefined;
  /** Called once, after the last byte or when the body is given up. */
  readonly onDone: (received: number) => void;
}

/**
 * The body of a response. Wraps the message of node, and gives readers an error that names the request. The idle limit
 * applies only while a reader waits, so a reader may be slow.
 */
export class ResponseBody extends Readable {
  readonly #source: Readable;
  readonly #options: ResponseBodyOptions;
  #received = 0;
  #complete = false;
  #stopDeadline: (() => void) | undefined;
  #stopReports: (() => void) | undefined;
  /** The bytes that arrived since the idle limit began anew. */
  #recent = 0;
  /** The time that readers have waited since then, in milliseconds, without the current wait. */
  #waited = 0;
  #waitsSince = 0;

  constructor(source: Readable, options: ResponseBodyOptions) {
    super();
    this.#source = source;
    this.#options = options;
    // A body may fail before it is read. A later reader still gets the error.
    this.on('error', () => {});
    source.on('data', (chunk: Uint8Array) => this.#take(chunk));
    source.once('end', () => this.#end());
    source.on('error', () => this.#fail('the connection was lost'));
    source.once('close', () => this.#fail('the connection was lost'));
    source.pause();
  }

  /** Reads a small rest in the background, and closes the connection for a larger one. */
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
    if (this.#stopDeadline === undefined) {
      const { idleMilliseconds } = this.#options;
      this.#waitsSince = performance.now();
      this.#stopDeadline = startDeadline(Math.max(0, idleMilliseconds - this.#waited), () => {
        const isSilent = this.#recent === 0 || this.#waited < idleMilliseconds / 2;
        const what = isSilent ? 'no data for' : `only ${this.#recent} bytes in`;
        this.#fail(`${what} ${idleMilliseconds / 1000} s`, true);
      });
    }
    const { onWait } = this.#options;
    if (onWait !== undefined) this.#stopReports ??= reportWait(onWait);
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
    this.#recent += chunk.length;
    if (this.#recent >= MIN_BYTES) this.#recent = this.#waited = 0;
    if (!this.push(chunk)) this.#source.pause();
  }

  #end(): void {
    if (this.#complete) return;
    this.#notWaiting();
    const { expected } = this.#options;
    if (expected !== undefined && this.#received !== expected) {
      this.#fail('the response ended');
      return;
    }
    this.#complete = true;
    this.#options.onDone(this.#received);
    this.push(null);
  }

  #fail(why: string, timeLimit = false): void {
    if (!this.#complete) this.destroy(this.#options.broken(why, this.#received, timeLimit));
  }

  #notWaiting(): void {
    this.#stopReports?.();
    this.#stopReports = undefined;
    if (this.#stopDeadline === undefined) return;
    this.#stopDeadline();
    this.#stopDeadline = undefined;
    this.#waited += performance.now() - this.#waitsSince;
  }
}
