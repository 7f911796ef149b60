import type { WorkEvent } from '../content/events.js';
import type { Digest } from '../oci/digest.js';
import { counted } from './counted.js';
import { formatBytes } from './format-bytes.js';
import { Speed } from './speed.js';
import { formatTimeLeft } from './time-left.js';

interface Transfer {
  readonly size: number;
  readonly speed: Speed;
  sent: number;
}

/** The blobs that are under way, how fast they go, and how many are done, for a person who waits. */
export class Transfers {
  readonly #now: () => number;
  readonly #running = new Map<Digest, Transfer>();
  readonly #speed: Speed;
  #done = 0;
  /** Those that were copied; what was there already, or mounted, cost no time. */
  #copied = 0;
  #copiedBytes = 0;

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#speed = new Speed(now);
  }

  /** Takes in an event about a blob; others change nothing. */
  take(event: WorkEvent): void {
    if (event.kind === 'blob-started') {
      this.#running.set(event.digest, { size: event.size, sent: 0, speed: new Speed(this.#now) });
    } else if (event.kind === 'blob-done') {
      this.#running.delete(event.digest);
      this.#done += 1;
      if (event.outcome !== 'copied') return;
      this.#copied += 1;
      this.#copiedBytes += event.size;
    } else if (event.kind === 'blob-progress') {
      const transfer = this.#running.get(event.digest);
      if (transfer === undefined) return;
      transfer.sent += event.bytes;
      if (event.bytes > 0) {
        transfer.speed.add(event.bytes);
        this.#speed.add(event.bytes);
      } else transfer.speed.reset();
    }
  }

  /**
   * All blobs that are known so far: `2 blobs done, 43 MB of 131 MB, 48 MB/s, 2 s left`. Empty where there is nothing to say that
   * {@link lines} does not.
   */
  summary(): string {
    const running = [...this.#running.values()];
    const parts = this.#done === 0 ? [] : [`${counted(this.#done, 'blob')} done`];
    if (this.#copied + running.length > 1) {
      const sent = running.reduce((sum, transfer) => sum + transfer.sent, this.#copiedBytes);
      const size = running.reduce((sum, transfer) => sum + transfer.size, this.#copiedBytes);
      parts.push(figures(sent, size, this.#speed));
    }
    return parts.join(', ');
  }

  /** A line for each blob under way: `sha256:0366c72f89ab… 12 MB of 31 MB, 24 MB/s, 1 s left`. */
  lines(): string[] {
    return [...this.#running].map(
      ([digest, { sent, size, speed }]) => `${shortDigest(digest)} ${figures(sent, size, speed)}`,
    );
  }
}

function figures(sent: number, size: number, speed: Speed): string {
  const amount = `${formatBytes(sent)} of ${formatBytes(size)}`;
  const { perSecond } = speed;
  if (sent >= size || perSecond === undefined) return amount;
  const left = formatTimeLeft((size - sent) / perSecond);
  return `${amount}, ${formatBytes(perSecond)}/s${left === undefined ? '' : `, ${left} left`}`;
}

/** Enough of a digest to tell it from others on a screen. */
export function shortDigest(digest: Digest): string {
  const hex = digest.indexOf(':') + 1;
  return `${digest.slice(0, hex + 12)}…`;
}
