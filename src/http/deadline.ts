/**
 * Calls back after a time in milliseconds. If this process was busy, data that arrived in time is handled first, so that
 * its own delay does not count against the other side.
 * @returns a function that stops the deadline
 */
export function startDeadline(milliseconds: number, onPassed: () => void): () => void {
  let immediate: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => (immediate = setImmediate(onPassed)), milliseconds);
  // The socket keeps the process alive, not the deadline.
  timer.unref();
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}

/** The time limits of this folder, as codes of errors. */
export type TimeLimitCode =
  'MULTIARCH_CONNECT' | 'MULTIARCH_TLS' | 'MULTIARCH_TUNNEL' | 'MULTIARCH_UPLOAD' | 'MULTIARCH_RESPONSE';

/** A time limit, as an error to destroy a socket or stream with. Never leaves `http`. */
export class TimeLimitError extends Error {
  readonly code: TimeLimitCode;

  readonly milliseconds: number;

  constructor(code: TimeLimitCode, milliseconds: number) {
    super(code);
    this.code = code;
    this.milliseconds = milliseconds;
  }

  /** Returns the TimeLimitError among an error and its cause, for got wraps it. */
  static in(error: unknown): TimeLimitError | undefined {
    if (error instanceof TimeLimitError) return error;
    return error instanceof Error && error.cause instanceof TimeLimitError ? error.cause : undefined;
  }
}

/** In milliseconds: a wait for a response is reported after this time. */
const FIRST_REPORT = 5_000;

/**
 * Reports a wait in milliseconds: after 5 s, and again each time it has doubled.
 * @returns a function that ends the wait
 */
export function reportWait(onWait: (milliseconds: number) => void): () => void {
  let timer: NodeJS.Timeout;
  const reportAfter = (waited: number, total: number): void => {
    timer = setTimeout(() => {
      onWait(total);
      reportAfter(total, 2 * total);
    }, total - waited).unref();
  };
  reportAfter(0, FIRST_REPORT);
  return () => clearTimeout(timer);
}

/**
 * Options of every connection. By default node gives each address of a host 250 ms and then gives it up, which fails for
 * registries on another continent.
 */
export const ADDRESS_ATTEMPTS = { autoSelectFamilyAttemptTimeout: 1000 } as const;
