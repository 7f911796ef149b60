import type { WorkEvent } from '../content/events.js';
import type { HttpEvent } from '../http/message.js';
import { counted } from './counted.js';
import { formatBytes } from './format-bytes.js';

/** Counts what a run did, for `--stats`. */
export class Stats {
  #requests = 0;
  #retries = 0;
  #sent = 0;
  #received = 0;
  readonly #blobs = { present: 0, mounted: 0, copied: 0 };

  http(event: HttpEvent): void {
    if (event.kind === 'request') this.#requests += 1;
    else if (event.kind === 'retry') this.#retries += 1;
    else if (event.kind === 'bytes') {
      this.#sent += event.sent;
      this.#received += event.received;
    }
  }

  work(event: WorkEvent): void {
    if (event.kind === 'blob-done') this.#blobs[event.outcome] += 1;
  }

  /** One line: requests, retries, bytes of bodies both ways, and what became of each blob. */
  text(): string {
    const { present, mounted, copied } = this.#blobs;
    return [
      counted(this.#requests, 'request'),
      counted(this.#retries, 'retry'),
      `${formatBytes(this.#sent)} sent`,
      `${formatBytes(this.#received)} received`,
      `blobs: ${copied} copied, ${mounted} mounted, ${present} present`,
    ].join(', ');
  }
}
