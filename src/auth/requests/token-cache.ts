import { coversScopes } from './scope.js';
import { SharedTask } from '../../content/shared-task.js';
import type { Token } from './token.js';

/** In milliseconds: how long before its end a token is no longer used, so that it does not expire on the way. */
const RENEW_BEFORE = 30_000;

interface Entry {
  /** For whom and from where; see {@link TokenCache.get}. */
  readonly key: string;
  readonly scopes: readonly string[];
  readonly task: SharedTask<Token>;
  /** Once it is there. */
  token?: Token;
  /** In milliseconds since 1970: the last moment that it is used. */
  usableUntil: number;
}

/** The tokens of this run, in memory only. */
export class TokenCache {
  readonly #now: () => number;
  #entries: readonly Entry[] = [];

  /** @param now in milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * A token that was asked for with these scopes, or more: one that is here, one that is on its way, or a new one.
   *
   * @param key all that two requests must have in common to share a token, apart from the scopes
   * @param fetch asks for a new token. It is called once for all who want the same at the same time; a failure is theirs,
   *   and is not remembered.
   * @throws what `fetch` throws; CancelledError
   */
  async get(
    key: string,
    scopes: readonly string[],
    fetch: (signal: AbortSignal) => Promise<Token>,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const now = this.#now();
    this.#entries = this.#entries.filter(({ usableUntil, task }) => now < usableUntil && !task.abandoned);
    const entry =
      this.#entries.find((candidate) => candidate.key === key && coversScopes(candidate.scopes, scopes)) ??
      this.#add(key, scopes, fetch);
    return (await entry.task.join(signal)).value;
  }

  /** Never gives this token out again: the registry does not take it. */
  forget(value: string): void {
    this.#entries = this.#entries.filter(({ token }) => token?.value !== value);
  }

  #add(key: string, scopes: readonly string[], fetch: (signal: AbortSignal) => Promise<Token>): Entry {
    const entry: Entry = {
      key,
      scopes,
      usableUntil: Infinity,
      task: new SharedTask(async (signal) => {
        try {
          const token = await fetch(signal);
          const lifetime = token.expiresAt - this.#now();
          entry.usableUntil = token.expiresAt - Math.min(RENEW_BEFORE, lifetime / 4);
          entry.token = token;
          return token;
        } catch (error) {
          this.#entries = this.#entries.filter((other) => other !== entry);
          throw error;
        }
      }),
    };
    this.#entries = [...this.#entries, entry];
    return entry;
  }
}
