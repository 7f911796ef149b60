import { setTimeout as wait } from 'node:timers/promises';

import { cancelled } from '../oci/errors.js';

/** Waits. Rejects with `CancelledError` if the signal fires first. */
export type Sleep = (milliseconds: number, signal?: AbortSignal) => Promise<void>;

/** How often and how long to wait: of one client, and of all its kinds of retries. */
export interface RetryPolicy {
  /** Retries after the first try of a request or an upload. */
  readonly retries: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly sleep: Sleep;
}

/** The result of one try: the status and headers of the response, or whether the failure may pass. */
export type TryOutcome =
  { readonly status: number; readonly retryAfter: string | undefined } | { readonly temporary: boolean };

const DEFAULT_RETRIES = 4;
const MIN_BACKOFF_CAP_MILLISECONDS = 500;
const MAX_BACKOFF_CAP_MILLISECONDS = 15_000;
const MAX_RETRY_AFTER_MILLISECONDS = 60_000;
/** Above this, give up instead of waiting. */
const ABANDON_RETRY_AFTER_MILLISECONDS = 5 * 60_000;
const CATCH_UP_MILLISECONDS: readonly number[] = [250, 1_000];
/** Longer than other clients need from reading a list to writing it. */
const MIN_SETTLE_MILLISECONDS = 250;

/** 499 and 522 come from proxies in front of a registry: client gone, origin timed out. */
const TEMPORARY_STATUSES: ReadonlySet<number> = new Set([408, 429, 499]);

/** Returns a policy with the defaults for what is not given: 4 retries, and the system's clock and random numbers. */
export function retryPolicy(options: {
  readonly [K in keyof RetryPolicy]?: RetryPolicy[K] | undefined;
}): RetryPolicy {
  return {
    retries: options.retries ?? DEFAULT_RETRIES,
    now: options.now ?? Date.now,
    random: options.random ?? Math.random,
    sleep: options.sleep ?? sleep,
  };
}

/** Reports whether the same request may succeed later. 501 says that it never will. */
export function isTemporaryStatus(status: number): boolean {
  return TEMPORARY_STATUSES.has(status) || (status >= 500 && status <= 599 && status !== 501);
}

/**
 * Returns the wait before a request or an upload is tried again, in milliseconds: a random time below a cap that doubles
 * from 0.5 s to 15 s ("full jitter", so that clients that failed together do not return together), or the time of
 * Retry-After if that is longer, but at most 60 s.
 * @param tries number of tries made
 * @returns `undefined` if the outcome is final, all tries are made, or Retry-After is more than five minutes
 */
export function retryDelay(policy: RetryPolicy, tries: number, outcome: TryOutcome): number | undefined {
  const temporary = 'status' in outcome ? isTemporaryStatus(outcome.status) : outcome.temporary;
  if (!temporary || tries > policy.retries) return undefined;
  const cap = Math.min(MAX_BACKOFF_CAP_MILLISECONDS, MIN_BACKOFF_CAP_MILLISECONDS * 2 ** (tries - 1));
  const requested = 'status' in outcome ? retryAfterMilliseconds(outcome.retryAfter, policy.now()) : 0;
  if (requested > ABANDON_RETRY_AFTER_MILLISECONDS) return undefined;
  return Math.max(Math.round(policy.random() * cap), Math.min(requested, MAX_RETRY_AFTER_MILLISECONDS));
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

/** Returns milliseconds since the epoch for an HTTP date (RFC 9110, section 5.6.7), or `NaN` for any other text. */
export function parseHttpDate(text: string): number {
  // Date.parse accepts a lot, "-5" and "1.5" among it; an HTTP date begins with the name of a day.
  return /^[A-Za-z]/.test(text) ? Date.parse(text) : Number.NaN;
}

/** Retry-After (RFC 9110, section 10.2.3): seconds or an HTTP date. 0 for anything else and for a date in the past. */
function retryAfterMilliseconds(value: string | undefined, now: number): number {
  const text = value?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = parseHttpDate(text);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}

/** Waits by a timer. */
export const sleep: Sleep = async (milliseconds, signal) => {
  try {
    await wait(milliseconds, undefined, { signal });
  } catch (error) {
    throw signal?.aborted === true ? cancelled(signal) : error;
  }
};
