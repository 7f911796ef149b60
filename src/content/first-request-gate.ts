import { untilAborted } from './cancellation.js';

type Role = 'first' | 'through';

interface Waiting<T> {
  readonly item: T;
  readonly wake: (role: Role) => void;
}

/**
 * Lets the first request to a registry go ahead while the others wait until its response shows whether they need to
 * authenticate. This way, parallel requests to a new registry cause one 401 response instead of one each.
 *
 * @typeParam T describes a waiting request
 */
export class FirstRequestGate<T> {
  #state: 'free' | 'taken' | 'open' = 'free';
  /** In the order of arrival. */
  readonly #waiting = new Map<symbol, Waiting<T>>();

  /** The requests that wait now. */
  get waiting(): readonly T[] {
    return [...this.#waiting.values()].map(({ item }) => item);
  }

  /**
   * Waits until the gate is open, or this request is the first.
   *
   * @returns `first` for the request that goes ahead, which must call {@link leave} in the end; `through` once the gate
   *   is open
   * @throws CancelledError
   */
  async enter(item: T, signal: AbortSignal | undefined): Promise<Role> {
    if (this.#state === 'open') return 'through';
    if (this.#state === 'free') {
      this.#state = 'taken';
      return 'first';
    }
    const ticket = Symbol('waiting');
    const turn = new Promise<Role>((wake) => {
      this.#waiting.set(ticket, { item, wake });
    });
    try {
      return await (signal === undefined ? turn : untilAborted(signal, turn));
    } catch (error) {
      // Cancelled just after it became the first: pass the role on.
      if (!this.#waiting.delete(ticket)) this.leave();
      throw error;
    }
  }

  /** Lets all requests through, now and later. */
  open(): void {
    this.#state = 'open';
    for (const { wake } of this.#waiting.values()) wake('through');
    this.#waiting.clear();
  }

  /** Ends the first request. If it has not opened the gate, it was cancelled, and the next request becomes the first. */
  leave(): void {
    if (this.#state === 'open') return;
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#state = 'free';
    } else {
      this.#waiting.delete(next[0]);
      next[1].wake('first');
    }
  }
}
