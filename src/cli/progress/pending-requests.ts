import type { LockWait, WorkEvent } from '../../content/events.js';
import type { HttpEvent } from '../../http/message.js';

/** The requests that are awaited or about to be repeated, for the message of a command that ran out of time. */
export class PendingRequests {
  /** By method and URL: since when, and why it is repeated. */
  readonly #pending = new Map<string, { readonly method: string; readonly url: string; reason?: string }>();

  /** The lock that is waited for. */
  #lock: LockWait | undefined;

  addWork(event: WorkEvent): void {
    if (event.kind === 'lock-waiting') this.#lock = event.isOver ? undefined : event;
  }

  /** Whether a lock is waited for, and no request. */
  get isLocked(): boolean {
    return this.#lock !== undefined && this.#pending.size === 0;
  }

  add(event: HttpEvent): void {
    if (event.kind === 'waiting' || event.kind === 'response') return;
    if (event.kind === 'paused' || event.kind === 'slowed') return;
    const { method, url } = event;
    const key = `${method} ${url}`;
    if (event.kind === 'bytes') this.#pending.delete(key);
    else if (event.kind === 'request') this.#pending.set(key, { method, url });
    else this.#pending.set(key, { method, url, reason: event.reason });
  }

  /**
   * Returns the oldest request with its registry, and the number of the others; without a request, the lock; `undefined` without
   * either.
   */
  describe(): string | undefined {
    const [first, ...others] = this.#pending.values();
    if (first === undefined) return this.#lock && `waiting for ${lockText(this.#lock)}`;
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

/** A lock and its holder: `the lock FILE.lock of process 123 on HOST`. */
export function lockText({ path, holder }: Pick<LockWait, 'path' | 'holder'>): string {
  const owner = holder === undefined ? 'another program' : `process ${holder.pid} on ${holder.host}`;
  return `the lock ${path}, which ${owner} holds`;
}
