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
