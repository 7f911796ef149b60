/**
 * Calls back after so many milliseconds, unless stopped before. When this process was busy meanwhile, what had arrived in
 * time is looked at first: the other side must not pay for our own slowness.
 * @returns stops it
 */
export function startDeadline(milliseconds: number, onPassed: () => void): () => void {
  let immediate: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => (immediate = setImmediate(onPassed)), milliseconds);
  // Whoever waits keeps the process alive with a socket. The limit on the wait need not.
  timer.unref();
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}

/** Which of our own time limits was reached. */
export type TimeLimitCode = 'MULTIARCH_CONNECT' | 'MULTIARCH_TLS' | 'MULTIARCH_TUNNEL' | 'MULTIARCH_UPLOAD';

/** A time limit of our own, as an error to destroy a socket or stream with. Never leaves this room. */
export class TimeLimitError extends Error {
  readonly code: TimeLimitCode;

  constructor(code: TimeLimitCode) {
    super(code);
    this.code = code;
  }
}

/**
 * For every connection: node allows each address of a host 250 ms and then gives it up for good, which fails for
 * registries on another continent.
 */
export const ADDRESS_ATTEMPTS = { autoSelectFamilyAttemptTimeout: 1000 } as const;
