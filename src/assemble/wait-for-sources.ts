import type { OnEvent } from '../content/events.js';
import { unlimited, type Limit } from '../content/limit.js';
import type { Descriptor } from '../oci/descriptor.js';
import { NotFoundError } from '../oci/errors.js';

/** A source that may not be there yet. */
export interface AwaitedSource {
  /** How messages call it. */
  readonly label: string;
  /** Asks for it with one request: as `Target.find`. */
  find(): Promise<Descriptor | undefined>;
}

export interface WaitOptions {
  /** How long to wait in all, in milliseconds. */
  readonly patience: number;
  readonly onEvent?: OnEvent | undefined;
  /** @default unlimited */
  readonly limit?: Limit;
  /** Waits so many milliseconds. */
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** Milliseconds that only grow. */
  readonly now: () => number;
}

const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 15_000;

/**
 * Waits until all sources are there: those that are still being pushed by other jobs are asked for again, one request a
 * source and round, at growing intervals. Only what is not found is waited for; anything else is thrown at once.
 *
 * @throws NotFoundError that names what is still missing when the time is over; what the sources throw
 */
export async function waitForSources(sources: readonly AwaitedSource[], options: WaitOptions): Promise<void> {
  const { patience, onEvent, limit = unlimited, sleep, now } = options;
  const end = now() + patience;
  let pause = FIRST_PAUSE;
  for (let awaited = sources; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    const found = await Promise.all(awaited.map((source) => limit(() => isThere(source))));
    awaited = awaited.filter((_, position) => found[position] === false);
    if (awaited.length === 0) return;
    const left = end - now();
    const labels = awaited.map(({ label }) => label);
    if (left <= 0) {
      throw new NotFoundError(`not there after ${patience / 1000} s: ${labels.join(', ')}`, {
        hint: 'Look whether the jobs that push them have failed, or wait longer with --wait.',
      });
    }
    onEvent?.({ kind: 'waiting', sources: labels });
    await sleep(Math.min(pause, left));
  }
}

/** A layout that another job has still to write is not there either. */
async function isThere(source: AwaitedSource): Promise<boolean> {
  try {
    return (await source.find()) !== undefined;
  } catch (error) {
    if (error instanceof NotFoundError) return false;
    throw error;
  }
}
