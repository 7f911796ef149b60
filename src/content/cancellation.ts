import { setMaxListeners } from 'node:events';
import type { Readable } from 'node:stream';

import { cancelled } from '../oci/errors.js';

/**
 * @param action what is not done any more, such as `write sha256:…`
 * @throws CancelledError when the caller's signal has fired
 */
export function checkCancelled(signal: AbortSignal | undefined, action?: string): void {
  if (signal?.aborted === true) throw cancelled(signal, action);
}

/**
 * Calls back when the signal fires, at once when it has fired already.
 * @returns ends it; must be called, or a long-lived signal collects listeners
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback();
    return () => {};
  }
  // Each of them is ended: so many at once are work, and no leak that Node.js should warn of.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', callback, { once: true });
  return () => signal.removeEventListener('abort', callback);
}

/**
 * Waits for the promise, but no longer than until the signal fires; what the promise does after that is dropped.
 * @throws CancelledError when the signal fires first, and what the promise rejects with
 */
export function untilAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = onAbort(signal, () => reject(cancelled(signal)));
    promise
      .then(resolve, (error: unknown) => reject(signal.aborted ? cancelled(signal) : error))
      .finally(stop);
  });
}

/** Makes a stream fail with `CancelledError` when the caller's signal fires before its end. */
export function cancelStream<T extends Readable>(
  stream: T,
  signal: AbortSignal | undefined,
  action: string,
): T {
  if (signal === undefined) return stream;
  // Its reader may come later, and finds the error then; one that nobody listens to would end the process.
  stream.on('error', () => {});
  const stop = onAbort(signal, () => {
    stream.destroy(cancelled(signal, action));
  });
  return stream.once('close', stop);
}
