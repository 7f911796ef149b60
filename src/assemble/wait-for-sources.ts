import type { OnEvent } from '../content/events.js';
import { unlimited, type Limit } from '../content/limit.js';
import type { Descriptor } from '../oci/descriptor.js';
import { NotFoundError } from '../oci/errors.js';

/** A source that may not exist yet. */
export interface AwaitedSource {
  /** Its name in messages. */
  readonly label: string;
  /** Looks for the source with one request, as `Target.find`. */
  find(): Promise<Descriptor | undefined>;
}

export interface WaitOptions {
  /** The total time to wait, in milliseconds. */
  readonly timeout: number;
  readonly onEvent?: OnEvent | undefined;
  /** @default unlimited */
  readonly limit?: Limit;
  /** Waits for a time in milliseconds. */
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** Returns a monotonic time in milliseconds. */
  readonly now: () => number;
}

const MIN_PAUSE = 1_000;
const MAX_PAUSE = 15_000;

/**
 * Waits until all sources exist, for example because other jobs still push them. Sends one request for each missing
 * source, at increasing intervals. Errors other than "not found" are thrown at once.
 *
 * @throws NotFoundError that names the sources still missing after the timeout; errors of the sources
 */
export async function waitForSources(sources: readonly AwaitedSource[], options: WaitOptions): Promise<void> {
  const { timeout, onEvent, limit = unlimited, sleep, now } = options;
  const end = now() + timeout;
  let pause = MIN_PAUSE;
  for (let awaited = sources; ; pause = Math.min(pause * 2, MAX_PAUSE)) {
    const found = await Promise.all(awaited.map((source) => limit(() => exists(source))));
    awaited = awaited.filter((_, position) => found[position] === false);
    if (awaited.length === 0) return;
    const left = end - now();
    const labels = awaited.map(({ label }) => label);
    if (left <= 0) {
      throw new NotFoundError(`still not found after ${timeout / 1000}s: ${labels.join(', ')}`, {
        hint: 'Check whether the jobs that push them failed, or raise --wait.',
      });
    }
    onEvent?.({ kind: 'waiting', sources: labels });
    await sleep(Math.min(pause, left));
  }
}

/** Reports whether a source exists. A layout that does not exist yet throws instead of returning nothing. */
async function exists(source: AwaitedSource): Promise<boolean> {
  try {
    return (await source.find()) !== undefined;
  } catch (error) {
    if (error instanceof NotFoundError) return false;
    throw error;
  }
}
