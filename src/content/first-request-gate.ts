import { untilAborted } from './cancellation.js';

type Role = 'first' | 'through';

interface Waiting<T> {
  readonly item: T;
  readonly wake: (role: Role) => void;
}

/**
 * Lets one request go ahead of all the others to a registry, which wait until its answer shows whether they need to
 * authenticate. So parallel requests to a registry that nobody has spoken to yet cost one refusal instead of one each.
 *
 * @typeParam T what those who wait say about themselves
 */
export class FirstRequestGate<T> {
  #state: 'free' | 'taken' | 'open' = 'free';
  /** By a ticket for each, the longest waiting first. */
  readonly #waiting = new Map<symbol, Waiting<T>>();

  /** What those who wait now have said about themselves. */
  get waiting(): readonly T[] {
    return [...this.#waiting.values()].map(({ item }) => item);
  }

  /**
   * Waits for a turn.
   *
   * @returns `first` for who goes ahead and has to call {@link leave} in the end; `through` once the gate is open
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
      // Cancelled in the very moment that its turn came: the turn goes to the next.
      if (!this.#waiting.delete(ticket)) this.leave();
      throw error;
    }
  }

  /** The answer is known: lets everyone through, now and later. */
  open(): void {
    this.#state = 'open';
    for (const { wake } of this.#waiting.values()) wake('through');
    this.#waiting.clear();
  }

  /** Who went first is done. Where the gate is not open, it was cancelled and nothing is known, so the next goes ahead. */
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
