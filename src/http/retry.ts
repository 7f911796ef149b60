/** What a try came to: the status and headers of its answer, or why there was none. */
export type TryOutcome =
  { readonly status: number; readonly retryAfter: string | undefined } | { readonly temporary: boolean };

export interface RetryPolicy {
  /** Further tries after the first. */
  readonly retries: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** In [0, 1). */
  readonly random: () => number;
}

const MIN_BACKOFF_CAP_MILLISECONDS = 500;
const MAX_BACKOFF_CAP_MILLISECONDS = 15_000;
const MAX_RETRY_AFTER_MILLISECONDS = 60_000;
/** Who asks for more than this answers nobody meanwhile, however often it is tried. */
const ABANDON_RETRY_AFTER_MILLISECONDS = 5 * 60_000;

/** 499 and 522 come from proxies in front of a registry: client gone, origin timed out. */
const TEMPORARY_STATUSES: ReadonlySet<number> = new Set([408, 429, 499]);

/** May the same request succeed a little later? 501 says that it never will. */
export function isTemporaryStatus(status: number): boolean {
  return TEMPORARY_STATUSES.has(status) || (status >= 500 && status <= 599 && status !== 501);
}

/**
 * How long to wait before the next try: a random time below a cap that doubles from 0.5 s to 15 s ("full jitter", so
 * that clients that failed together do not come back together), or what Retry-After asks where that is longer, at most 60 s.
 * Where it asks for more than five minutes, it is not worth a wait at all.
 * @param tries how many were made
 * @returns milliseconds; undefined where the outcome stands, because it is final, the tries are used up, or the time is too far
 */
export function retryWait(policy: RetryPolicy, tries: number, outcome: TryOutcome): number | undefined {
  const temporary = 'status' in outcome ? isTemporaryStatus(outcome.status) : outcome.temporary;
  if (!temporary || tries > policy.retries) return undefined;
  const cap = Math.min(MAX_BACKOFF_CAP_MILLISECONDS, MIN_BACKOFF_CAP_MILLISECONDS * 2 ** (tries - 1));
  const asked = 'status' in outcome ? retryAfterMilliseconds(outcome.retryAfter, policy.now()) : 0;
  if (asked > ABANDON_RETRY_AFTER_MILLISECONDS) return undefined;
  return Math.max(Math.round(policy.random() * cap), Math.min(asked, MAX_RETRY_AFTER_MILLISECONDS));
}

/** Retry-After (RFC 9110, section 10.2.3): seconds, or an HTTP date. What is neither, or is past, asks for nothing. */
function retryAfterMilliseconds(value: string | undefined, now: number): number {
  const text = value?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = parseHttpDate(text);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}

/** Milliseconds since the epoch of an HTTP date (RFC 9110, section 5.6.7); `NaN` for what is none. */
export function parseHttpDate(text: string): number {
  // Date.parse accepts a lot, "-5" and "1.5" among it; an HTTP date begins with the name of a day.
  return /^[A-Za-z]/.test(text) ? Date.parse(text) : Number.NaN;
}
