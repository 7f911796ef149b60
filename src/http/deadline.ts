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
export type TimeLimitCode = 'MULTIARCH_CONNECT' | 'MULTIARCH_TLS' | 'MULTIARCH_TUNNEL' | 'MULTIARCH_UPLOAD';

/** A time limit, as an error to destroy a socket or stream with. Never leaves `http`. */
export class TimeLimitError extends Error {
  readonly code: TimeLimitCode;

  constructor(code: TimeLimitCode) {
    super(code);
    this.code = code;
  }
}

/**
 * Options of every connection. By default node gives each address of a host 250 ms and then gives it up, which fails for
 * registries on another continent.
 */
export const ADDRESS_ATTEMPTS = { autoSelectFamilyAttemptTimeout: 1000 } as const;
