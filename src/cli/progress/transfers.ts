import type { WorkEvent } from '../../content/events.js';
import type { Digest } from '../../oci/digest.js';
import { counted, formatBytes, formatTimeLeft } from '../output/format.js';

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

/** Long enough to be calm, short enough to follow a network that changes. In milliseconds. */
const WINDOW = 5_000;

/** What comes within this many milliseconds is counted as one. */
const BUCKET = 250;

/** Before so many milliseconds, a speed says more about buffers than about the network. */
const KNOWN_AFTER = 1_000;

/** How fast bytes went over the last few seconds. */
export class Speed {
  readonly #now: () => number;
  readonly #buckets: { readonly at: number; bytes: number }[] = [];
  #since: number | undefined;

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** So many more bytes went. */
  add(bytes: number): void {
    const now = this.#now();
    this.#since ??= now;
    const last = this.#buckets.at(-1);
    if (last !== undefined && now - last.at < BUCKET) last.bytes += bytes;
    else this.#buckets.push({ at: now, bytes });
    while ((this.#buckets[0]?.at ?? now) < now - WINDOW) this.#buckets.shift();
  }

  /** Starts anew: what went so far says nothing about what follows. */
  reset(): void {
    this.#buckets.length = 0;
    this.#since = undefined;
  }

  /** In bytes a second; `undefined` while it is too early to tell. */
  get perSecond(): number | undefined {
    const now = this.#now();
    const since = Math.max(this.#since ?? now, now - WINDOW);
    if (now - since < KNOWN_AFTER) return undefined;
    const bytes = this.#buckets.reduce((sum, bucket) => (bucket.at < since ? sum : sum + bucket.bytes), 0);
    return (bytes * 1000) / (now - since);
  }
}
