import { CancelledError } from './errors.js';

/**
 * The error that a fired signal stands for. The signal's own reason stays out of it: it may be anything.
 * @param action what is not done any more, such as `write sha256:…`
 */
export function cancelled(signal: AbortSignal, action?: string): CancelledError {
  const reason: unknown = signal.reason;
  if (reason instanceof Error && reason.name === 'TimeoutError') {
    const detail = action === undefined ? '' : ` (${action})`;
    return new CancelledError(`Cancelled: the time limit was reached${detail}`);
  }
  return new CancelledError(action === undefined ? 'Cancelled' : `Cancelled: ${action}`);
}
