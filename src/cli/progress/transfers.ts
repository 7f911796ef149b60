import type { WorkEvent } from '../../content/events.js';
import type { Digest } from '../../oci/digest.js';
import { counted, formatBytes, formatTimeLeft } from '../output/format.js';

interface Transfer {
  readonly size: number;
  readonly speed: Speed;
  sent: number;
}

/** The running transfers of blobs with their speed, and the number of finished ones. */
export class Transfers {
  readonly #now: () => number;
  readonly #running = new Map<Digest, Transfer>();
  readonly #speed: Speed;
  #done = 0;
  /** Excludes blobs that were already present or mounted, which take no time. */
  #copied = 0;
  #copiedBytes = 0;

  /** @param now a monotonic clock in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#speed = new Speed(now);
  }

  /** Records an event about a blob; ignores others. */
  add(event: WorkEvent): void {
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
   * The total of the blobs known so far: `2 blobs done, 43 MB of 131 MB, 48 MB/s, 2 s left`. Empty if it would only repeat
   * {@link lines}.
   */
  summary(): string {
    const running = [...this.#running.values()];
    const parts = this.#done === 0 ? [] : [`${counted(this.#done, 'blob')} done`];
    if (this.#copied + running.length > 1) {
      const sent = running.reduce((sum, transfer) => sum + transfer.sent, this.#copiedBytes);
      const size = running.reduce((sum, transfer) => sum + transfer.size, this.#copiedBytes);
      parts.push(amountText(sent, size, this.#speed));
    }
    return parts.join(', ');
  }

  /** A line for each running transfer: `sha256:0366c72f89ab… 12 MB of 31 MB, 24 MB/s, 1 s left`. */
  lines(): string[] {
    return [...this.#running].map(
      ([digest, { sent, size, speed }]) => `${shortDigest(digest)} ${amountText(sent, size, speed)}`,
    );
  }
}

function amountText(sent: number, size: number, speed: Speed): string {
  const amount = `${formatBytes(sent)} of ${formatBytes(size)}`;
  const { perSecond } = speed;
  if (sent >= size || perSecond === undefined) return amount;
  const left = formatTimeLeft((size - sent) / perSecond);
  return `${amount}, ${formatBytes(perSecond)}/s${left === undefined ? '' : `, ${left} left`}`;
}

/** The start of a digest, for display. */
export function shortDigest(digest: Digest): string {
  const hex = digest.indexOf(':') + 1;
  return `${digest.slice(0, hex + 12)}…`;
}

/** In milliseconds: long enough for a stable figure, short enough to follow changes of the network. */
const WINDOW = 5_000;

/** In milliseconds: the bytes of this time are counted as one sample. */
const BUCKET = 250;

/** In milliseconds: before this, the speed is that of buffers rather than of the network. */
const MIN_TIME = 1_000;

/** The transfer speed over the last few seconds. */
export class Speed {
  readonly #now: () => number;
  readonly #buckets: { readonly at: number; bytes: number }[] = [];
  #since: number | undefined;

  /** @param now a monotonic clock in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Records transferred bytes. */
  add(bytes: number): void {
    const now = this.#now();
    this.#since ??= now;
    const last = this.#buckets.at(-1);
    if (last !== undefined && now - last.at < BUCKET) last.bytes += bytes;
    else this.#buckets.push({ at: now, bytes });
    while ((this.#buckets[0]?.at ?? now) < now - WINDOW) this.#buckets.shift();
  }

  /** Discards the samples, as after an interruption. */
  reset(): void {
    this.#buckets.length = 0;
    this.#since = undefined;
  }

  /** In bytes per second; `undefined` if measured for too short a time. */
  get perSecond(): number | undefined {
    const now = this.#now();
    const since = Math.max(this.#since ?? now, now - WINDOW);
    if (now - since < MIN_TIME) return undefined;
    const bytes = this.#buckets.reduce((sum, bucket) => (bucket.at < since ? sum : sum + bucket.bytes), 0);
    return (bytes * 1000) / (now - since);
  }
}
