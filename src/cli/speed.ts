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
