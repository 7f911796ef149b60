import { checkCancelled } from './cancellation.js';

/** Runs work with the same key one at a time, in the order of the calls. */
export class KeyedMutex {
  /** For each key, the end of the last work. */
  readonly #tails = new Map<string, Promise<unknown>>();

  /** @throws what the work throws; CancelledError if the signal has fired when its turn comes */
  async run<T>(key: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const result = runAfter(this.#tails.get(key), work, signal);
    const tail = Promise.allSettled([result]);
    this.#tails.set(key, tail);
    try {
      return await result;
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}

async function runAfter<T>(
  previous: Promise<unknown> | undefined,
  work: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  await previous;
  checkCancelled(signal);
  return work();
}
