import { AsyncLocalStorage } from 'node:async_hooks';

import { ArgumentError, LimitError } from '../oci/errors.js';

/** The most that one call reads and sends, so that a small hostile document cannot cause endless work. */
export interface RunLimits {
  /** HTTP requests, including redirects, retries and requests for tokens. @default 50,000 */
  readonly requests: number;
  /**
   * Bytes of metadata: manifests, indexes, configs, lists of referrers, tokens, error responses, and the headers of
   * archives. The bytes of blobs that are copied do not count. @default 268,435,456 (256 MiB)
   */
  readonly metadata: number;
  /** Descriptors in manifests, indexes and lists, and files in archives. @default 1,000,000 */
  readonly entries: number;
}

/** The name of a limit, as in `--limit NAME=VALUE`. */
export type LimitName = keyof RunLimits;

const MIB = 1 << 20;

/** Far above any release: a copy of 1,000 images with one layer each sends 11,003 requests. */
const DEFAULT_RUN_LIMITS: RunLimits = { requests: 50_000, metadata: 256 * MIB, entries: 1_000_000 };

/**
 * Completes limits with the defaults.
 * @throws ArgumentError for a limit that is not a positive integer
 */
export function runLimits(given: Partial<RunLimits> = {}): RunLimits {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || (Number.isSafeInteger(value) && value > 0)) continue;
    throw new ArgumentError(`the limit ${name} takes a whole number of at least 1, not ${value}`);
  }
  const {
    requests = DEFAULT_RUN_LIMITS.requests,
    metadata = DEFAULT_RUN_LIMITS.metadata,
    entries = DEFAULT_RUN_LIMITS.entries,
  } = given;
  return { requests, metadata, entries };
}

/** What the parts of one call have used of its limits together. */
export class Budget {
  readonly #limits: RunLimits;
  readonly #used: Record<LimitName, number> = { requests: 0, metadata: 0, entries: 0 };

  constructor(limits: RunLimits) {
    this.#limits = limits;
  }

  /** @throws LimitError */
  charge(name: LimitName, amount: number, what: () => string): void {
    this.#used[name] += amount;
    const limit = this.#limits[name];
    if (this.#used[name] > limit) throw exceeded(name, limit, what());
  }
}

const current = new AsyncLocalStorage<Budget | undefined>();
const UNLIMITED = new Budget({
  requests: Number.MAX_SAFE_INTEGER,
  metadata: Number.MAX_SAFE_INTEGER,
  entries: Number.MAX_SAFE_INTEGER,
});

/** The budget of the running call; `undefined` outside of calls. */
export function currentBudget(): Budget | undefined {
  return current.getStore();
}

/** Charges to a budget what this work, and everything that it starts, reads and sends. */
export function withBudget<T>(budget: Budget, work: () => T): T {
  return current.run(budget, work);
}

/** For work that does not count, and that no limit stops halfway: tags that move one after the other, waiting. */
export function withoutBudget<T>(work: () => T): T {
  return current.run(UNLIMITED, work);
}

/** For the handlers of the user, whose own calls are not parts of the running one. */
export function outsideOfCall<T>(work: () => T): T {
  return current.run(undefined, work);
}

/**
 * Charges to the budget of the running call. Call it before a request is sent, and when bytes arrive.
 * @param what what is being read or sent, for the message
 * @throws LimitError if that is more than the call may use
 */
export function charge(name: LimitName, amount: number, what: () => string): void {
  current.getStore()?.charge(name, amount, what);
}

const UNITS: Readonly<Record<LimitName, string>> = {
  requests: 'requests',
  metadata: 'bytes of metadata',
  entries: 'entries',
};

function exceeded(name: LimitName, limit: number, what: string): LimitError {
  const raised = name === 'metadata' ? `${Math.ceil((2 * limit) / MIB)}MiB` : 2 * limit;
  return new LimitError(
    `this run needs more than ${limit} ${UNITS[name]}, its limit; it stopped at ${what}`,
    {
      hint: `If you trust the content, raise the limit with --limit ${name}=${raised} (in the library: the option limits).`,
    },
  );
}
