import type { WorkEvent } from '../content/events.js';
import type { Digest } from '../oci/digest.js';
import { formatBytes } from './format-bytes.js';

interface Transfer {
  readonly size: number;
  sent: number;
}

/** The blobs that are under way, and how many are done, for a person who waits. */
export class Transfers {
  readonly #running = new Map<Digest, Transfer>();
  #done = 0;

  /** Takes in an event about a blob; others change nothing. */
  take(event: WorkEvent): void {
    if (event.kind === 'blob-started') this.#running.set(event.digest, { size: event.size, sent: 0 });
    else if (event.kind === 'blob-done') {
      this.#running.delete(event.digest);
      this.#done += 1;
    } else if (event.kind === 'blob-progress') {
      const transfer = this.#running.get(event.digest);
      if (transfer !== undefined) transfer.sent += event.bytes;
    }
  }

  /** How many are where they belong. */
  get done(): number {
    return this.#done;
  }

  /** A line for each blob under way: `sha256:0366c72f… 12 MB of 31 MB`. */
  lines(): string[] {
    return [...this.#running].map(
      ([digest, { sent, size }]) => `${shortDigest(digest)} ${formatBytes(sent)} of ${formatBytes(size)}`,
    );
  }
}

/** Enough of a digest to tell it from others on a screen. */
export function shortDigest(digest: Digest): string {
  const hex = digest.indexOf(':') + 1;
  return `${digest.slice(0, hex + 12)}…`;
}
