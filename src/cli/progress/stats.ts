import type { WorkEvent } from '../../content/events.js';
import type { HttpEvent } from '../../http/message.js';
import { printable } from '../../oci/errors.js';
import { counted, formatBytes } from '../output/format.js';

/** Counts what a run did, for `--stats`. */
export class Stats {
  #requests = 0;
  #retries = 0;
  #sent = 0;
  #received = 0;
  /** What each registry that limits requests has said last, by host. */
  readonly #limits = new Map<string, string>();
  readonly #blobs = { present: 0, mounted: 0, copied: 0 };

  http(event: HttpEvent): void {
    if (event.kind === 'request') this.#requests += 1;
    else if (event.kind === 'retry') this.#retries += 1;
    else if (event.kind === 'response') {
      const { 'ratelimit-remaining': remaining, 'ratelimit-limit': limit } = event.headers ?? {};
      if (remaining !== undefined) this.#limits.set(new URL(event.url).host, limitWords(remaining, limit));
    } else if (event.kind === 'bytes') {
      this.#sent += event.sent;
      this.#received += event.received;
    }
  }

  work(event: WorkEvent): void {
    if (event.kind === 'blob-done') this.#blobs[event.outcome] += 1;
  }

  /** One line: requests, retries, bytes of bodies both ways, what became of each blob, and limits (Docker Hub's of pulls). */
  text(): string {
    const { present, mounted, copied } = this.#blobs;
    return [
      counted(this.#requests, 'request'),
      counted(this.#retries, 'retry'),
      `${formatBytes(this.#sent)} sent`,
      `${formatBytes(this.#received)} received`,
      `blobs: ${copied} copied, ${mounted} mounted, ${present} present`,
      ...[...this.#limits].map(([host, words]) => `rate limit of ${host}: ${words}`),
    ].join(', ');
  }
}

/** Of `76;w=21600` and `100;w=21600`: `76 of 100 left`. The window is the same in both. */
function limitWords(remaining: string, limit: string | undefined): string {
  const [left] = remaining.split(';');
  const [all] = limit?.split(';') ?? [];
  return printable(all === undefined ? `${left} left` : `${left} of ${all} left`);
}
