import { setTimeout as wait } from 'node:timers/promises';

import { cancelled } from '../oci/errors.js';
import type { HttpResponse } from './message.js';

/** Waits. Rejects with `CancelledError` if the signal fires first. */
export type Sleep = (milliseconds: number, signal?: AbortSignal) => Promise<void>;

/** How often and how long to wait: of one client, and of all its kinds of retries. */
export interface RetryPolicy {
  /** The maximum number of retries after the first try of a request or an upload. */
  readonly retries: number;
  /** The maximum time from the first try to the last one, in milliseconds. */
  readonly retryFor: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly sleep: Sleep;
}

/** A response, as far as it decides about the next try. */
export interface ResponseOutcome {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The Date header, by which a date in `retryAfter` is meant. */
  readonly date?: string | undefined;
}

/** The result of one try: a response, or whether the failure may pass. */
export type TryOutcome = ResponseOutcome | { readonly temporary: boolean };

/** The number of stale connections in a row that do not count as tries. */
export const MAX_STALE_CONNECTIONS = 3;

const DEFAULT_RETRIES = 4;
/**
 * The shortest waits before the first retries, in milliseconds. Those of the default number of retries add up to 10 s, in
 * which a registry or the proxy in front of it restarts.
 */
const MIN_WAITS_MILLISECONDS = [500, 1_500, 3_000, 5_000, 10_000] as const;
/** How much longer a wait may be, as a part of it. Clients that failed together do not return together. */
const JITTER = 0.5;
const MAX_RETRY_AFTER_MILLISECONDS = 60_000;
/** Above this, give up instead of waiting. */
const ABANDON_RETRY_AFTER_MILLISECONDS = 5 * 60_000;
const CATCH_UP_MILLISECONDS: readonly number[] = [250, 1_000];
/** Longer than other clients need from reading a list to writing it. */
const MIN_SETTLE_MILLISECONDS = 250;

/** 499 and 522 come from proxies in front of a registry: client gone, origin timed out. */
const TEMPORARY_STATUSES: ReadonlySet<number> = new Set([408, 429, 499]);

/**
 * Returns a policy with the defaults for what is not given: 4 retries, or any number of them if a time is given; and the
 * system's clock and random numbers.
 */
export function retryPolicy(options: {
  readonly [K in keyof RetryPolicy]?: RetryPolicy[K] | undefined;
}): RetryPolicy {
  const { retries, retryFor } = options;
  return {
    retries: retries ?? (retryFor === undefined ? DEFAULT_RETRIES : Infinity),
    retryFor: retryFor ?? Infinity,
    now: options.now ?? Date.now,
    random: options.random ?? Math.random,
    sleep: options.sleep ?? sleep,
  };
}

/** Reports whether the same request may succeed later. 501 says that it never will. */
export function isTemporaryStatus(status: number): boolean {
  return TEMPORARY_STATUSES.has(status) || (status >= 500 && status <= 599 && status !== 501);
}

/** Reports whether a server that responds with this error may have done what was requested, or be at work on it. */
export function mayHaveBeenHandled(status: number): boolean {
  return status === 499 || (status >= 500 && status !== 501 && status !== 503);
}

/** Returns the outcome of a try that got a response. */
export function responseOutcome({
  status,
  headers,
}: Pick<HttpResponse, 'status' | 'headers'>): ResponseOutcome {
  return { status, retryAfter: headers['retry-after'], date: headers['date'] };
}

/** The tries of one request, one upload or one download: how many were made, and when the next one is due. */
export class Tries {
  readonly #policy: RetryPolicy;
  #startedAt: number;
  #count = 1;

  /** Begins the first try. */
  constructor(policy: RetryPolicy) {
    this.#policy = policy;
    this.#startedAt = policy.now();
  }

  /** The number of the current try, from 1. */
  get count(): number {
    return this.#count;
  }

  /** Begins the first try again, after some progress. */
  restart(): void {
    this.#count = 1;
    this.#startedAt = this.#policy.now();
  }

  /**
   * Returns the wait before the next try, in milliseconds, and counts that try. The wait grows from 0.5 s to 10 s and is
   * longer by a random part, or it is the time of Retry-After if that is longer, but at most 60 s. The last wait is
   * shortened to the end of the policy's time.
   * @returns `undefined` if the outcome is final, the number or the time of the policy is used up, or Retry-After is more
   *   than five minutes or than the rest of the time
   */
  next(outcome: TryOutcome): number | undefined {
    const { retries, retryFor, now, random } = this.#policy;
    const temporary = 'status' in outcome ? isTemporaryStatus(outcome.status) : outcome.temporary;
    const left = retryFor - (now() - this.#startedAt);
    if (!temporary || this.#count > retries || left <= 0) return undefined;
    const requested = 'status' in outcome ? retryAfterMilliseconds(outcome, now()) : 0;
    if (requested > ABANDON_RETRY_AFTER_MILLISECONDS) return undefined;
    const least = Math.min(requested, MAX_RETRY_AFTER_MILLISECONDS);
    if (least > left) return undefined;
    const shortest = MIN_WAITS_MILLISECONDS[this.#count - 1] ?? MIN_WAITS_MILLISECONDS[4];
    this.#count += 1;
    return Math.max(least, Math.min(Math.round(shortest * (1 + JITTER * random())), left));
  }
}

/**
 * Returns how long a response asks all requests to its server to wait, in milliseconds: the time of Retry-After in a 429
 * (RFC 6585, section 4) or a 503 (RFC 9110, section 10.2.3), but at most 60 s. 0 if no request is repeated after that
 * time, since there is nothing to wait for.
 */
export function pauseAfter(response: ResponseOutcome, { retries, retryFor, now }: RetryPolicy): number {
  if ((response.status !== 429 && response.status !== 503) || retries < 1) return 0;
  const requested = retryAfterMilliseconds(response, now());
  const pause = Math.min(requested, MAX_RETRY_AFTER_MILLISECONDS);
  return requested > ABANDON_RETRY_AFTER_MILLISECONDS || pause > retryFor ? 0 : pause;
}

/**
 * Returns the wait before a registry is asked again that does not see yet what was pushed a moment ago (Nexus, and
 * registries whose replicas catch up with one another), in milliseconds. Not for a {@link isTemporaryStatus temporary
 * status}, which the HTTP client has already retried.
 * @param tries number of tries made
 * @returns `undefined` if all tries are made
 */
export function catchUpDelay(tries: number): number | undefined {
  return CATCH_UP_MILLISECONDS[tries - 1];
}

/**
 * Returns the time after which a write is read back that another client may overwrite, in milliseconds. Random, so that
 * clients that met once do not meet again.
 */
export function settleDelay({ random }: RetryPolicy): number {
  return MIN_SETTLE_MILLISECONDS * (1 + random());
}

/** The obsolete format of asctime, which is in UTC without saying so: `Sun Nov  6 08:49:37 1994`. */
const ASCTIME = /^[A-Za-z]{3} [A-Za-z]{3} [ \d]\d [\d:]+ \d{4}$/;

/** Returns milliseconds since the epoch for an HTTP date (RFC 9110, section 5.6.7), or `NaN` for any other text. */
export function parseHttpDate(text: string): number {
  // Date.parse accepts a lot, "-5" and "1.5" among it; an HTTP date begins with the name of a day.
  if (!/^[A-Za-z]/.test(text)) return Number.NaN;
  return Date.parse(ASCTIME.test(text) ? `${text} GMT` : text);
}

/**
 * Returns the milliseconds of Retry-After (RFC 9110, section 10.2.3): seconds, or an HTTP date, which is by the clock of
 * the server and so relative to its Date header. 0 for anything else and for a date in the past.
 */
function retryAfterMilliseconds({ retryAfter, date }: ResponseOutcome, now: number): number {
  const text = retryAfter?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const end = parseHttpDate(text);
  const sent = parseHttpDate(date ?? '');
  return Number.isNaN(end) ? 0 : Math.max(0, end - (Number.isNaN(sent) ? now : sent));
}

/** Waits by a timer. */
export const sleep: Sleep = async (milliseconds, signal) => {
  try {
    await wait(milliseconds, undefined, { signal });
  } catch (error) {
    throw signal?.aborted === true ? cancelled(signal) : error;
  }
};
