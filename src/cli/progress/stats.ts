import type { WorkEvent } from '../../content/events.js';
import type { HttpEvent } from '../../http/message.js';
import { printable } from '../../oci/errors.js';
import { counted, formatBytes } from '../output/format.js';
import { isRetriedWork } from './event-lines.js';

/** The statistics of a run for `--stats`. */
export class Stats {
  #requests = 0;
  #retries = 0;
  #sent = 0;
  #received = 0;
  /** The last rate limit of each registry, by host. */
  readonly #limits = new Map<string, string>();
  readonly #blobs = { present: 0, mounted: 0, copied: 0 };

  http(event: HttpEvent): void {
    if (event.kind === 'request') this.#requests += 1;
    else if (event.kind === 'retry') this.#retries += 1;
    else if (event.kind === 'response') {
      const { 'ratelimit-remaining': remaining, 'ratelimit-limit': limit } = event.headers ?? {};
      if (remaining !== undefined) this.#limits.set(new URL(event.url).host, rateLimitText(remaining, limit));
    } else if (event.kind === 'bytes') {
      this.#sent += event.sent;
      this.#received += event.received;
    }
  }

  work(event: WorkEvent): void {
    if (event.kind === 'blob-done') this.#blobs[event.outcome] += 1;
    else if (isRetriedWork(event)) this.#retries += 1;
  }

  /** One line: requests, retries, bytes of bodies sent and received, blobs by outcome, and rate limits. */
  text(): string {
    const { present, mounted, copied } = this.#blobs;
    return [
      counted(this.#requests, 'request'),
      counted(this.#retries, 'retry'),
      `${formatBytes(this.#sent)} sent`,
      `${formatBytes(this.#received)} received`,
      `blobs: ${copied} copied, ${mounted} mounted, ${present} present`,
      ...[...this.#limits].map(([host, limit]) => `rate limit of ${host}: ${limit}`),
    ].join(', ');
  }
}

/** Formats the headers `76;w=21600` and `100;w=21600` as `76 of 100 left`. */
function rateLimitText(remaining: string, limit: string | undefined): string {
  const [left] = remaining.split(';');
  const [total] = limit?.split(';') ?? [];
  return printable(total === undefined ? `${left} left` : `${left} of ${total} left`);
}
