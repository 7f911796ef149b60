import type { HttpResponse } from '../../http/message.js';
import { parseHttpDate } from '../../http/retry.js';
import type { Operation } from '../operation.js';

/**
 * When a limit ends, how high it is, and what may help, from the headers of the answer: Retry-After (RFC 9110, 10.2.3),
 * the times that Docker Hub gives in seconds since 1970, and its `ratelimit-limit: 100;w=21600`.
 *
 * @param now in milliseconds since 1970; counts where the answer has no Date
 */
export function rateLimitHint(
  { headers }: Pick<HttpResponse, 'headers'>,
  attempt: Operation,
  now: number = Date.now(),
): string {
  const [, count, window] = /^(\d+);w=(\d+)$/.exec(headers['ratelimit-limit']?.trim() ?? '') ?? [];
  const limit =
    count === undefined ? '' : ` The limit is ${count} requests in ${formatWait(Number(window))}.`;
  const login = `multiarch login ${attempt.repository.registry}`;
  return `Try again ${againWhen({ headers }, now)}; a login (${login}) may have a higher limit.${limit}`;
}

/** `in 5 h 30 min`, or `later` where the answer does not tell. @param now in milliseconds since 1970 */
export function againWhen({ headers }: Pick<HttpResponse, 'headers'>, now: number = Date.now()): string {
  const end = endOfLimit(headers, now);
  return end === undefined ? 'later' : `in ${formatWait(end)}`;
}

/** In seconds from now; `undefined` where the answer does not tell, or the time is over. */
function endOfLimit(headers: HttpResponse['headers'], now: number): number | undefined {
  const date = Date.parse(headers['date'] ?? '');
  const asked = (Number.isNaN(date) ? now : date) / 1000;
  const after = headers['retry-after']?.trim() ?? '';
  if (/^\d+$/.test(after)) return Number(after) === 0 ? undefined : Number(after);
  const times = [
    parseHttpDate(after) / 1000,
    Number(headers['x-retry-after'] ?? Number.NaN),
    Number(headers['x-ratelimit-reset'] ?? Number.NaN),
  ];
  const end = times.find((time) => time > asked);
  return end === undefined ? undefined : Math.ceil(end - asked);
}

/** `45 s`, `12 min`, `5 h 30 min`. */
function formatWait(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  if (hours === 0) return `${rest} min`;
  return rest === 0 ? `${hours} h` : `${hours} h ${rest} min`;
}
