import { onAbort } from '../content/cancellation.js';

/** The time limit for the clean-up after a failure, in milliseconds. */
const LIMIT = 30_000;
/** The rest of it after a cancellation, in milliseconds: a supervisor kills a process soon after it has asked it to stop. */
const LIMIT_AFTER_CANCELLATION = 5_000;

/**
 * The time limit for what follows a failure, which also runs after a cancellation. It is short once the caller has
 * cancelled.
 */
export class CleanUp {
  readonly #caller: AbortSignal | undefined;
  #end: AbortController | undefined;
  #stop: (() => void) | undefined;

  /** @param caller the signal of the call */
  constructor(caller: AbortSignal | undefined) {
    this.#caller = caller;
  }

  /** Starts the time limit, unless it is running. {@link stop} must follow. */
  start(): AbortSignal {
    if (this.#end !== undefined) return this.#end.signal;
    const end = new AbortController();
    const timers = [setTimeout(() => end.abort(), LIMIT)];
    const shorten = (): void => {
      timers.push(setTimeout(() => end.abort(), LIMIT_AFTER_CANCELLATION));
    };
    const stopListening = this.#caller === undefined ? undefined : onAbort(this.#caller, shorten);
    this.#end = end;
    this.#stop = () => {
      stopListening?.();
      for (const timer of timers) clearTimeout(timer);
    };
    return end.signal;
  }

  /** Stops the time limit, so that the next start begins anew. */
  stop(): void {
    this.#stop?.();
    this.#end = undefined;
    this.#stop = undefined;
  }
}
