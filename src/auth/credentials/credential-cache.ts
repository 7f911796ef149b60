import { SingleFlight } from '../../content/single-flight.js';
import type { Renewal } from './credential.js';

/** In milliseconds: the age below which a rejected credential is taken for wrong, not for expired. */
export const FRESH = 60_000;

export interface CachedCredential<T> {
  readonly value: T;
  readonly renewal: Renewal;
}

interface Entry<T> {
  readonly task: SingleFlight<T>;
  /** In milliseconds since 1970. */
  fetchedAt: number;
  usableUntil: number;
}

export interface CredentialCacheOptions<T> {
  /** In milliseconds since 1970. */
  readonly now: () => number;
  /** Returns how long a result is reused, in milliseconds. @default without limit */
  readonly lifetime?: (result: T) => number;
  /** How long a failure is reused, in milliseconds. @default without limit */
  readonly failureLifetime?: number;
}

/** Credentials that were fetched, in memory only. Callers that ask for the same one at the same time share a fetch. */
export class CredentialCache<T> {
  readonly #options: CredentialCacheOptions<T>;
  readonly #entries = new Map<string, Entry<T>>();

  constructor(options: CredentialCacheOptions<T>) {
    this.#options = options;
  }

  /** @throws what `fetch` throws, also the cached failure of an earlier fetch; CancelledError */
  async get(
    key: string,
    fetch: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<CachedCredential<T>> {
    const { now } = this.#options;
    const cached = this.#entries.get(key);
    const isUsable = cached !== undefined && now() < cached.usableUntil;
    const entry = isUsable ? cached : this.#fetch(key, fetch);
    const value = await entry.task.get(signal);
    return {
      value,
      renewal: {
        isFresh: () => now() - entry.fetchedAt < FRESH,
        forget: () => {
          if (this.#entries.get(key) === entry) this.#entries.delete(key);
        },
      },
    };
  }

  #fetch(key: string, fetch: (signal: AbortSignal) => Promise<T>): Entry<T> {
    const { now, lifetime = () => Infinity, failureLifetime = Infinity } = this.#options;
    const settle = (usableFor: number): void => {
      entry.fetchedAt = now();
      entry.usableUntil = entry.fetchedAt + usableFor;
    };
    const entry: Entry<T> = {
      fetchedAt: Infinity,
      usableUntil: Infinity,
      task: new SingleFlight(
        async (signal) => {
          try {
            const result = await fetch(signal);
            settle(lifetime(result));
            return result;
          } catch (error) {
            settle(failureLifetime);
            throw error;
          }
        },
        { keepFailure: true },
      ),
    };
    this.#entries.set(key, entry);
    return entry;
  }
}
