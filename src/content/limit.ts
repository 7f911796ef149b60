import { checkCancelled, JoinedSignal } from './cancellation.js';
import type { ReadOptions } from './source.js';

/** Runs tasks, a limited number at a time. For single reads and writes only: a task that waits for another can deadlock. */
export type Limit = <T>(task: () => Promise<T>) => Promise<T>;

/** Runs every task at once. */
export const unlimited: Limit = (task) => task();

export interface TaskOptions extends ReadOptions {
  /** @default unlimited */
  readonly limit?: Limit | undefined;
}

/**
 * Waits until all of these promises have settled, so that nothing is still running when a failure is reported.
 * @throws the first failure in the order of the array
 */
export async function allOf<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/** Tasks that succeed or fail together: the first failure cancels the others. */
export class TaskGroup {
  /** Fires when the caller's signal does, and on the first failure. */
  readonly signal: AbortSignal;
  readonly #limit: Limit;
  readonly #stop = new AbortController();
  readonly #release: () => void;
  #failure: { readonly reason: unknown } | undefined;

  constructor({ limit = unlimited, signal }: TaskOptions = {}) {
    this.#limit = limit;
    const joined = new JoinedSignal([signal, this.#stop.signal]);
    this.signal = joined.signal;
    this.#release = joined.hold();
  }

  /** Runs a single read or write under the limit. @throws what it throws, CancelledError once the signal has fired */
  run<T>(task: () => Promise<T>): Promise<T> {
    return this.#limit(() => this.guard(task));
  }

  /** As {@link run}, for work that is made of tasks and therefore must not count against the limit. */
  async guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      checkCancelled(this.signal);
      return await work();
    } catch (error) {
      this.#failure ??= { reason: error };
      this.#stop.abort();
      throw error;
    }
  }

  /**
   * Waits until all of this work has settled. Must be called in the end: the caller's signal is not followed afterwards.
   * @throws the failure that came first and cancelled the others
   */
  async all<T>(work: readonly Promise<T>[]): Promise<T[]> {
    await Promise.allSettled(work);
    this.#release();
    if (this.#failure !== undefined) throw this.#failure.reason;
    return Promise.all(work);
  }
}
