import type { WorkEvent } from '../../content/events.js';
import type { HttpEvent } from '../../http/message.js';
import { printable } from '../../oci/errors.js';

/** What `--debug` prints of a request, an answer and a retry. URLs come redacted. */
export function requestLine(event: Exclude<HttpEvent, { kind: 'bytes' }>): string {
  switch (event.kind) {
    case 'request':
      return [
        `> ${event.method} ${event.url}`,
        ...(event.attempt > 1 ? [`(try ${event.attempt})`] : []),
        ...(event.proxy === undefined ? [] : [`through ${event.proxy}`]),
      ].join(' ');
    case 'response':
      return `< ${event.status} ${event.method} ${event.url} (${Math.round(event.milliseconds)} ms)`;
    case 'retry':
      return `! ${event.method} ${event.url}: ${event.reason}; again in ${Math.round(event.waitMilliseconds)} ms`;
  }
}

/** Why nothing happens for a while: what went wrong, and when it is tried again. */
export function waitLine({ url, reason, waitMilliseconds }: Extract<HttpEvent, { kind: 'retry' }>): string {
  return `${new URL(url).host}: ${reason}; trying again in ${Math.round(waitMilliseconds / 1000)} s`;
}

/** What `--debug` prints, once for each registry, of the login that is used there. Helpers and files may say anything. */
export function loginLine({
  registry,
  username,
  origin: place,
}: Extract<WorkEvent, { kind: 'login' }>): string {
  if (place === undefined) return `= ${registry}: anonymous`;
  return `= ${registry}: ${username === undefined ? 'a token' : printable(username)} from ${printable(place)}`;
}
