import { untilAborted } from './cancellation.js';

/**
 * Work that is done when it is first asked for, and once for all who ask. A caller whose signal fires stops waiting; the
 * work goes on, so whoever owns it has to have a way to stop it. What failed is tried again when it is asked for again.
 */
export class Remembered<T> {
  readonly #work: () => Promise<T>;
  #result: Promise<T> | undefined;

  constructor(work: () => Promise<T>) {
    this.#work = work;
  }

  /** @throws what the work throws, and CancelledError where the caller's signal fires first */
  get(signal?: AbortSignal): Promise<T> {
    const result = (this.#result ??= this.#start());
    return signal === undefined ? result : untilAborted(signal, result);
  }

  #start(): Promise<T> {
    const result = this.#work();
    // Takes the failure too: there may be no caller left to see it.
    result.catch(() => {
      this.#result = undefined;
    });
    return result;
  }
}
