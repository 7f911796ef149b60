import type { HttpEvent } from '../../http/message.js';

/** The requests that are awaited or about to be repeated, for the message of a command that ran out of time. */
export class PendingRequests {
  /** By method and URL: since when, and why it is repeated. */
  readonly #pending = new Map<string, { readonly method: string; readonly url: string; reason?: string }>();

  add(event: HttpEvent): void {
    if (event.kind === 'waiting' || event.kind === 'response') return;
    if (event.kind === 'paused' || event.kind === 'slowed') return;
    const { method, url } = event;
    const key = `${method} ${url}`;
    if (event.kind === 'bytes') this.#pending.delete(key);
    else if (event.kind === 'request') this.#pending.set(key, { method, url });
    else this.#pending.set(key, { method, url, reason: event.reason });
  }

  /** Returns the oldest request with its registry, and the number of the others; `undefined` without a request. */
  describe(): string | undefined {
    const [first, ...others] = this.#pending.values();
    if (first === undefined) return undefined;
    const { method, url, reason } = first;
    const more = others.length === 0 ? '' : `, and ${others.length} more`;
    return reason === undefined
      ? `waiting for a response from ${requestText(method, url)}${more}`
      : `waiting to repeat a request to ${requestText(method, url)} (${reasonText(reason, method, url)})${more}`;
  }
}

/** The registry and the request: `registry.example.com: GET /v2/app/manifests/1.2`. */
export function requestText(method: string, url: string): string {
  const { host, pathname, search } = new URL(url);
  return `${host}: ${method} ${pathname}${search}`;
}

/** Why a request is repeated, without the request itself. */
export function reasonText(reason: string, method: string, url: string): string {
  const prefix = `${method} ${url}: `;
  return reason.startsWith(prefix) ? reason.slice(prefix.length) : reason;
}
