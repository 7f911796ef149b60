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
