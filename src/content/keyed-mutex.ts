import { checkCancelled } from './cancellation.js';

/** Runs work with the same key one at a time, in the order of the calls. */
export class KeyedMutex {
  /** For each key, the end of the last work. */
  readonly #tails = new Map<string, Promise<unknown>>();

  /** @throws what the work throws; CancelledError if the signal has fired when its turn comes */
  async run<T>(key: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const previous = this.#tails.get(key) ?? Promise.resolve();
    const result = previous.then(() => {
      checkCancelled(signal);
      return work();
    });
    const tail = Promise.allSettled([result]);
    this.#tails.set(key, tail);
    try {
      return await result;
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}
