import type { Readable } from 'node:stream';

import { CancelledError } from '../oci/errors.js';

/**
 * @param action what is not done any more, such as `write sha256:…`
 * @throws CancelledError when the caller's signal has fired
 */
export function checkCancelled(signal: AbortSignal | undefined, action: string): void {
  if (signal?.aborted === true) throw cancelled(signal, action);
}

/** Makes a stream fail with `CancelledError` when the caller's signal fires before its end. */
export function cancelStream<T extends Readable>(
  stream: T,
  signal: AbortSignal | undefined,
  action: string,
): T {
  if (signal === undefined) return stream;
  const cancel = (): void => {
    stream.destroy(cancelled(signal, action));
  };
  if (signal.aborted) {
    cancel();
    return stream;
  }
  signal.addEventListener('abort', cancel, { once: true });
  return stream.once('close', () => {
    signal.removeEventListener('abort', cancel);
  });
}

function cancelled(signal: AbortSignal, action: string): CancelledError {
  const reason: unknown = signal.reason;
  const late = reason instanceof Error && reason.name === 'TimeoutError';
  return new CancelledError(
    late ? `Cancelled: the time limit was reached (${action})` : `Cancelled: ${action}`,
  );
}
