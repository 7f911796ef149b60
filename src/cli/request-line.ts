import type { HttpEvent } from '../http/message.js';

/** What `--debug` prints of a request, an answer and a retry. URLs come redacted. */
export function requestLine(event: Exclude<HttpEvent, { kind: 'bytes' }>): string {
  switch (event.kind) {
    case 'request':
      return `> ${event.method} ${event.url}${event.attempt > 1 ? ` (try ${event.attempt})` : ''}`;
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
