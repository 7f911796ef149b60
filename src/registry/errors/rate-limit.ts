import type { HttpResponse } from '../../http/message.js';
import { parseHttpDate } from '../../http/retry.js';
import type { Operation } from '../operation.js';

/**
 * Returns when a rate limit ends, the limit and what may help, from the headers of a response: Retry-After (RFC 9110,
 * section 10.2.3), Docker Hub's times in seconds since the epoch, and its `ratelimit-limit: 100;w=21600`.
 *
 * @param now in milliseconds since the epoch; used if the response has no Date
 */
export function rateLimitHint(
  { headers }: Pick<HttpResponse, 'headers'>,
  operation: Operation,
  now: number = Date.now(),
): string {
  const [, count, window] = /^(\d+);w=(\d+)$/.exec(headers['ratelimit-limit']?.trim() ?? '') ?? [];
  const limit =
    count === undefined ? '' : ` The limit is ${count} requests in ${formatWait(Number(window))}.`;
  const login = `multiarch login ${operation.repository.registry}`;
  return `Try again ${againWhen({ headers }, now)}; a login (${login}) may have a higher limit.${limit}`;
}

/** Returns `in 5 h 30 min`, or `later` if the response names no time. @param now in milliseconds since the epoch */
export function againWhen({ headers }: Pick<HttpResponse, 'headers'>, now: number = Date.now()): string {
  const end = endOfLimit(headers, now);
  return end === undefined ? 'later' : `in ${formatWait(end)}`;
}

/** In seconds from now; `undefined` if the response names no time or a past one. */
function endOfLimit(headers: HttpResponse['headers'], now: number): number | undefined {
  const date = Date.parse(headers['date'] ?? '');
  const sent = (Number.isNaN(date) ? now : date) / 1000;
  const after = headers['retry-after']?.trim() ?? '';
  if (/^\d+$/.test(after)) return Number(after) === 0 ? undefined : Number(after);
  const times = [
    parseHttpDate(after) / 1000,
    Number(headers['x-retry-after'] ?? Number.NaN),
    Number(headers['x-ratelimit-reset'] ?? Number.NaN),
  ];
  const end = times.find((time) => time > sent);
  return end === undefined ? undefined : Math.ceil(end - sent);
}

/** `45 s`, `12 min`, `5 h 30 min`. */
function formatWait(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  if (hours === 0) return `${rest} min`;
  return rest === 0 ? `${hours} h` : `${hours} h ${rest} min`;
}
