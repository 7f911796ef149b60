import { LimitError } from '../oci/errors.js';
import { currentBudget, type Budget } from './budget.js';
import { untilAborted } from './cancellation.js';

interface Flight<T> {
  readonly work: Promise<T>;
  readonly stop: AbortController;
  /** What the work is charged to: the budget of its first caller. */
  readonly budget: Budget | undefined;
  callers: number;
  isSettled: boolean;
}

/**
 * Work that starts with the first call and runs once for all callers; its result is kept. A caller whose signal fires
 * stops waiting and leaves the work to the others. When the last one has left, the work's own signal fires, and the next
 * call starts the work again.
 */
export class SingleFlight<T> {
  readonly #start: (signal: AbortSignal) => Promise<T>;
  readonly #keepFailure: boolean;
  #flight: Flight<T> | undefined;
  #result: T | undefined;

  /** @param options.keepFailure report a failure to later callers too, instead of starting again. @default false */
  constructor(
    work: (signal: AbortSignal) => Promise<T>,
    { keepFailure = false }: { readonly keepFailure?: boolean } = {},
  ) {
    this.#start = work;
    this.#keepFailure = keepFailure;
  }

  /** The result, once the work has succeeded. */
  get result(): T | undefined {
    return this.#result;
  }

  /** Waits for the result. @throws what the work throws, and CancelledError if the caller's signal fires first */
  async get(signal?: AbortSignal): Promise<T> {
    const flight = (this.#flight ??= this.#launch());
    try {
      return await this.#wait(flight, signal);
    } catch (error) {
      // The limit of another call is not a limit of this one, which starts the work again.
      if (!(error instanceof LimitError) || flight.budget === currentBudget()) throw error;
      this.#drop(flight);
      return this.get(signal);
    }
  }

  async #wait(flight: Flight<T>, signal: AbortSignal | undefined): Promise<T> {
    flight.callers += 1;
    try {
      return await (signal === undefined ? flight.work : untilAborted(signal, flight.work));
    } finally {
      flight.callers -= 1;
      if (flight.callers === 0 && !flight.isSettled) {
        flight.stop.abort();
        this.#drop(flight);
      }
    }
  }

  #launch(): Flight<T> {
    const stop = new AbortController();
    const flight = {
      work: this.#start(stop.signal),
      stop,
      budget: currentBudget(),
      callers: 0,
      isSettled: false,
    };
    void this.#settle(flight);
    return flight;
  }

  /** Handles a rejection too, because every caller may have left. */
  async #settle(flight: Flight<T>): Promise<void> {
    try {
      const result = await flight.work;
      if (this.#flight === flight) this.#result = result;
    } catch {
      if (!this.#keepFailure) this.#drop(flight);
    } finally {
      flight.isSettled = true;
    }
  }

  #drop(flight: Flight<T>): void {
    if (this.#flight === flight) this.#flight = undefined;
  }
}

/** A {@link SingleFlight} for each key. */
export class KeyedSingleFlight<T> {
  readonly #flights = new Map<string, SingleFlight<T>>();

  /** The results so far. */
  get results(): readonly T[] {
    return Array.from(this.#flights.values(), ({ result }) => result).filter(
      (result) => result !== undefined,
    );
  }

  /** @param work the same for every call with this key. @throws as {@link SingleFlight.get} */
  get(key: string, work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const flight = this.#flights.get(key) ?? new SingleFlight(work);
    this.#flights.set(key, flight);
    return flight.get(signal);
  }
}
