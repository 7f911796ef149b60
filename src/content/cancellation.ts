import { setMaxListeners } from 'node:events';
import type { Readable } from 'node:stream';

import { cancelled } from '../oci/errors.js';

/**
 * @param action what is cancelled, such as `write sha256:…`
 * @throws CancelledError if the signal has fired
 */
export function checkCancelled(signal: AbortSignal | undefined, action?: string): void {
  if (signal?.aborted === true) throw cancelled(signal, action);
}

/**
 * Calls back when the signal fires, or immediately if it has fired already.
 * @returns a function that removes the listener. It must be called, or a long-lived signal accumulates listeners.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback();
    return () => {};
  }
  // Every listener is removed again, so a large number is parallel work and not a leak to warn about.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', callback, { once: true });
  return () => signal.removeEventListener('abort', callback);
}

/**
 * A signal that fires when one of several does. Used instead of `AbortSignal.any`, which leaves something behind in every
 * signal that it is made of: a program that passes one signal to thousands of calls would grow.
 */
export class JoinedSignal {
  readonly signal: AbortSignal;
  readonly #sources: readonly AbortSignal[];
  readonly #controller = new AbortController();
  #holders = 0;
  #stops: readonly (() => void)[] = [];

  constructor(signals: readonly (AbortSignal | undefined)[]) {
    const [first, ...others] = new Set(signals.filter((signal) => signal !== undefined));
    const isOne = first !== undefined && others.length === 0;
    this.signal = isOne ? first : this.#controller.signal;
    this.#sources = first === undefined || isOne ? [] : [first, ...others];
  }

  /**
   * Follows the signals for as long as somebody holds it.
   * @returns a function that ends that, which must be called
   */
  hold(): () => void {
    this.#holders += 1;
    if (this.#holders === 1) {
      this.#stops = this.#sources.map((source) =>
        onAbort(source, () => this.#controller.abort(source.reason)),
      );
    }
    let isHeld = true;
    return () => {
      if (isHeld) this.#holders -= 1;
      isHeld = false;
      if (this.#holders > 0) return;
      for (const stop of this.#stops) stop();
      this.#stops = [];
    };
  }

  /** Holds it during some work. */
  async during<T>(work: (signal: AbortSignal) => Promise<T> | T): Promise<T> {
    const release = this.hold();
    try {
      return await work(this.signal);
    } finally {
      release();
    }
  }
}

/**
 * Waits for the promise or the signal, whichever comes first. A later result is dropped.
 * @throws CancelledError if the signal fires first, and what the promise rejects with
 */
export function untilAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = onAbort(signal, () => reject(cancelled(signal)));
    promise
      .then(resolve, (error: unknown) => reject(signal.aborted ? cancelled(signal) : error))
      .finally(stop);
  });
}

/** Makes a stream fail with `CancelledError` if the signal fires before it ends. */
export function cancelStream<T extends Readable>(
  stream: T,
  signal: AbortSignal | undefined,
  action: string,
): T {
  if (signal === undefined) return stream;
  // The reader may attach later and see the error then. Until that, an unhandled error event would end the process.
  stream.on('error', () => {});
  const stop = onAbort(signal, () => {
    stream.destroy(cancelled(signal, action));
  });
  return stream.once('close', stop);
}
