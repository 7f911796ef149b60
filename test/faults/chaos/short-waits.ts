import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';

/**
 * Runs work in whose process each `setTimeout` of `node:timers/promises` takes a part of its time, as the waits before a retry
 * do. Modules that have read the function before keep the real one.
 *
 * @param share of the time, below 1
 */
export async function withShortWaits<T>(share: number, work: () => Promise<T>): Promise<T> {
  const wait = timers.setTimeout;
  timers.setTimeout = (milliseconds = 0, value, options) => wait(milliseconds * share, value, options);
  syncBuiltinESMExports();
  try {
    return await work();
  } finally {
    timers.setTimeout = wait;
    syncBuiltinESMExports();
  }
}
