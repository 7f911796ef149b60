import { untilAborted } from '../content/cancellation.js';
import type { HttpEvent } from './message.js';
import { pauseAfter, type ResponseOutcome, type RetryPolicy } from './retry.js';

/** In milliseconds: a host that has not sent a 429 for this long gets one more request at once. */
const RECOVERY = 60_000;
/** In milliseconds: pauses that end this close together are reported as one. */
const SAME_PAUSE = 1_000;
/** In milliseconds: how much too early a timer may fire. */
const TIMER_SLACK = 20;

export interface PaceOptions {
  readonly policy: RetryPolicy;
  /** The number of requests at once that the first 429 halves. */
  readonly concurrency: number;
  /** Returns the most requests at once to a host, with its port if it has one. @default no limit */
  readonly most?: ((host: string) => number | undefined) | undefined;
  readonly onEvent: (event: HttpEvent) => void;
}

/** The right to send one request. */
export interface Turn {
  /** Whether the request has a body, whose source may be read with other requests to the same host. */
  readonly hasBody: boolean;
  /** The number of times that the limit had been lowered when the request was sent. */
  readonly generation: number;
}

interface Pause {
  /** In milliseconds since the epoch. */
  readonly until: number;
  readonly milliseconds: number;
  /** Of the response that asks for it. */
  readonly status: number;
}

/**
 * Paces the requests to each host as its responses ask for.
 *
 * - Fewer at once: a 429 (Too Many Requests) halves the number of requests that wait for a response, down to one. The
 *   requests of one burst halve it once. It grows by one for each minute without a 429, so that a run keeps to the lower
 *   number and a client that lives for long recovers.
 * - Later: all requests wait until the end of the Retry-After of a 429 or 503, not only the one that got it.
 *
 * Until a host sends a 429, the tasks of the caller limit the number, and that of {@link PaceOptions.most}.
 */
export class Pace {
  readonly #options: PaceOptions;
  readonly #hosts = new Map<string, HostPace>();

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** @param host with its port if it has one */
  of(host: string): HostPace {
    const known = this.#hosts.get(host);
    if (known !== undefined) return known;
    const pace = new HostPace(host, this.#options);
    this.#hosts.set(host, pace);
    return pace;
  }
}

/** The pace of one host. */
class HostPace {
  readonly #host: string;
  readonly #options: PaceOptions;
  readonly #most: number;
  /**
   * Requests with and without a body have the limit each: an upload waits for the requests that read its content, which
   * must not wait for it.
   */
  readonly #lanes = { withBody: new Lane(), withoutBody: new Lane() };
  /** Undefined for no limit. */
  #limit: number | undefined;
  /** How often the limit was lowered, and how often that was reported. */
  #lowered = 0;
  #reported = 0;
  #lastTooMany = 0;
  #pause: Pause | undefined;
  #reportedUntil = 0;

  constructor(host: string, options: PaceOptions) {
    this.#host = host;
    this.#options = options;
    this.#most = options.most?.(host) ?? Infinity;
  }

  /** Waits until a request may be sent. @throws CancelledError */
  async enter(hasBody: boolean, signal: AbortSignal): Promise<Turn> {
    const lane = this.#laneOf(hasBody);
    try {
      await this.#waitForPause(signal);
      while (lane.running >= this.#currentLimit()) {
        this.#reportLimit();
        await lane.wait(signal);
        await this.#waitForPause(signal);
      }
    } catch (error) {
      // It may have been woken already.
      lane.wake(this.#currentLimit());
      throw error;
    }
    lane.running += 1;
    return { hasBody, generation: this.#lowered };
  }

  /** Ends a turn. @param response `undefined` for a failure without a response */
  leave({ hasBody, generation }: Turn, response: ResponseOutcome | undefined): void {
    if (response?.status === 429) this.#lower(generation);
    if (response !== undefined) this.#extendPause(response);
    this.#laneOf(hasBody).running -= 1;
    for (const lane of Object.values(this.#lanes)) lane.wake(this.#currentLimit());
  }

  /** Halves the limit, once for all requests that were sent before. */
  #lower(generation: number): void {
    const before = Math.min(this.#currentLimit(), this.#options.concurrency);
    this.#lastTooMany = this.#options.policy.now();
    if (generation !== this.#lowered) return;
    this.#lowered += 1;
    this.#limit = Math.max(1, Math.floor(before / 2));
  }

  #extendPause(response: ResponseOutcome): void {
    const { policy } = this.#options;
    const milliseconds = pauseAfter(response, policy);
    const until = policy.now() + milliseconds;
    if (milliseconds === 0 || until <= (this.#pause?.until ?? 0)) return;
    this.#pause = { until, milliseconds, status: response.status };
  }

  /**
   * Waits once for each pause, so that a clock that is set back does not make a wait longer. The request that got the
   * response has waited for its retry, and so does not wait here.
   */
  async #waitForPause(signal: AbortSignal): Promise<void> {
    const { now, sleep } = this.#options.policy;
    let waited: Pause | undefined;
    while (this.#pause !== undefined && this.#pause !== waited) {
      waited = this.#pause;
      const left = Math.min(waited.until - now(), waited.milliseconds);
      if (left <= 0) continue;
      if (left > TIMER_SLACK) this.#reportPause(waited, left);
      await untilAborted(signal, sleep(left, signal));
    }
    if (this.#pause === waited) this.#pause = undefined;
  }

  #reportPause({ until, status }: Pause, waitMilliseconds: number): void {
    const isReported = until - this.#reportedUntil < SAME_PAUSE;
    this.#reportedUntil = Math.max(until, this.#reportedUntil);
    if (!isReported) this.#options.onEvent({ kind: 'paused', host: this.#host, status, waitMilliseconds });
  }

  #reportLimit(): void {
    if (this.#reported === this.#lowered) return;
    this.#reported = this.#lowered;
    this.#options.onEvent({ kind: 'slowed', host: this.#host, concurrency: this.#currentLimit() });
  }

  #currentLimit(): number {
    if (this.#limit === undefined) return this.#most;
    const minutes = Math.floor((this.#options.policy.now() - this.#lastTooMany) / RECOVERY);
    const limit = this.#limit + Math.max(0, minutes);
    return limit < this.#options.concurrency ? Math.min(limit, this.#most) : this.#most;
  }

  #laneOf(hasBody: boolean): Lane {
    return hasBody ? this.#lanes.withBody : this.#lanes.withoutBody;
  }
}

/** Requests that wait for a response, and those that wait for their turn in the order of arrival. */
class Lane {
  running = 0;
  readonly #waiting = new Map<symbol, () => void>();

  /** Waits until a turn may be free. @throws CancelledError */
  async wait(signal: AbortSignal): Promise<void> {
    const ticket = Symbol('waiting');
    const woken = new Promise<void>((wake) => {
      this.#waiting.set(ticket, wake);
    });
    try {
      await untilAborted(signal, woken);
    } finally {
      this.#waiting.delete(ticket);
    }
  }

  /** Wakes as many as may run. */
  wake(limit: number): void {
    let free = limit - this.running;
    for (const [ticket, wake] of this.#waiting) {
      if (free < 1) return;
      free -= 1;
      this.#waiting.delete(ticket);
      wake();
    }
  }
}
