import { untilAborted } from './cancellation.js';

/**
 * One piece of work that several callers wait for. A caller that is cancelled stops waiting and leaves the work to the
 * others; when the last one has gone, the work is cancelled too.
 */
export class SharedTask<T> {
  readonly #work: Promise<T>;
  readonly #controller = new AbortController();
  #callers = 0;
  #settled = false;

  constructor(start: (signal: AbortSignal) => Promise<T>) {
    this.#work = start(this.#controller.signal);
    const settle = (): void => {
      this.#settled = true;
    };
    // Takes the failure too: it is each caller's to see in `join`, and there may be no caller left.
    this.#work.then(settle, settle);
  }

  /** Whether all callers went before the end, so that nobody should join any more. */
  get abandoned(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Waits for the result. @throws what the work throws, and CancelledError where the caller's signal fires */
  async join(signal: AbortSignal | undefined): Promise<T> {
    this.#callers += 1;
    try {
      return await (signal === undefined ? this.#work : untilAborted(signal, this.#work));
    } finally {
      this.#callers -= 1;
      if (this.#callers === 0 && !this.#settled) this.#controller.abort();
    }
  }
}
