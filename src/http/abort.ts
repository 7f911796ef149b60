import { CancelledError } from '../oci/errors.js';

/** The error that an aborted signal stands for. The signal's own reason stays out of it: it may be anything. */
export function cancelled(signal: AbortSignal): CancelledError {
  const reason: unknown = signal.reason;
  const timedOut = reason instanceof Error && reason.name === 'TimeoutError';
  return new CancelledError(timedOut ? 'Cancelled: the time limit was reached' : 'Cancelled');
}

/** @throws CancelledError when the signal has fired */
export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw cancelled(signal);
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
