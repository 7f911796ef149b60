import { coversScopes } from './scope.js';
import { SingleFlight } from '../../content/single-flight.js';
import type { Token } from './token.js';

/** In milliseconds: how long before its expiry a token is no longer used, so that it does not expire in transit. */
const RENEW_BEFORE = 30_000;

interface Entry {
  /** See {@link TokenCache.get}. */
  readonly key: string;
  readonly scopes: readonly string[];
  readonly task: SingleFlight<Token>;
  /** Set once it was issued. */
  token?: Token;
  /** In milliseconds since 1970. */
  usableUntil: number;
}

/** The tokens that were issued, in memory only. */
export class TokenCache {
  readonly #now: () => number;
  #entries: readonly Entry[] = [];

  /** @param now in milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Returns a token for at least these scopes: a cached one, one that is being requested, or a new one.
   *
   * @param key what requests must have in common to share a token, apart from the scopes
   * @param fetch requests a new token. Concurrent callers share the request and its failure, which is not cached.
   * @throws what `fetch` throws; CancelledError
   */
  async get(
    key: string,
    scopes: readonly string[],
    fetch: (signal: AbortSignal) => Promise<Token>,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const now = this.#now();
    this.#entries = this.#entries.filter(({ usableUntil }) => now < usableUntil);
    const entry =
      this.#entries.find((candidate) => candidate.key === key && coversScopes(candidate.scopes, scopes)) ??
      this.#add(key, scopes, fetch);
    return (await entry.task.get(signal)).value;
  }

  /**
   * Removes a token that the registry rejected, and the other tokens for the same scopes: when a server loses its keys, all
   * of them are rejected.
   */
  forget(value: string): void {
    const rejected = this.#entries.find(({ token }) => token?.value === value);
    if (rejected === undefined) return;
    const { key, scopes } = rejected;
    this.#entries = this.#entries.filter(
      (entry) => entry.token === undefined || entry.key !== key || !coversScopes(entry.scopes, scopes),
    );
  }

  #add(key: string, scopes: readonly string[], fetch: (signal: AbortSignal) => Promise<Token>): Entry {
    const entry: Entry = {
      key,
      scopes,
      usableUntil: Infinity,
      task: new SingleFlight(async (signal) => {
        signal.addEventListener('abort', () => this.#remove(entry));
        try {
          const token = await fetch(signal);
          const lifetime = token.expiresAt - this.#now();
          entry.usableUntil = token.expiresAt - Math.min(RENEW_BEFORE, lifetime / 4);
          entry.token = token;
          return token;
        } catch (error) {
          this.#remove(entry);
          throw error;
        }
      }),
    };
    this.#entries = [...this.#entries, entry];
    return entry;
  }

  #remove(entry: Entry): void {
    this.#entries = this.#entries.filter((other) => other !== entry);
  }
}
