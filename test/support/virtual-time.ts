import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';

import { vi } from 'vitest';

/** Work that ends by itself: file system, connections, writes, host names, compression. Idle sockets do not. */
const BUSY = /^(?:FSReq|CloseReq|FileHandle|TCPConnectWrap|WriteWrap|ShutdownWrap|GetAddrInfo|Zlib)/;

/** The number of turns of the event loop without such work after which only a timer can continue. */
const QUIET_TURNS = 100;

/** In milliseconds of real time: when nothing has moved for so long and no timer is left, nothing will. */
const MAX_IDLE = 5_000;

/** Milliseconds of real time. */
const realNow = performance.now.bind(performance);
const realSetTimeout = setTimeout;

/**
 * Runs work whose timers take no time: when nothing else moves, the next timer fires. The clocks of the process show the time
 * that they would have taken. Servers in this process see the same clock.
 *
 * @returns the result, and the time that passed on that clock, in milliseconds
 */
export async function inVirtualTime<T>(
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly milliseconds: number }> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
  const realSleep = timers.setTimeout;
  timers.setTimeout = virtualSleep;
  syncBuiltinESMExports();
  const start = Date.now();
  const state = { isRunning: true };
  try {
    const running = work().finally(() => (state.isRunning = false));
    running.catch(() => {});
    let moved = realNow();
    while (state.isRunning) {
      await untilQuiet(() => state.isRunning);
      if (vi.getTimerCount() > 0) moved = realNow();
      else if (realNow() - moved > MAX_IDLE) throw new Error('the work waits for what no timer ends');
      if (state.isRunning) vi.advanceTimersToNextTimer();
    }
    return { result: await running, milliseconds: Date.now() - start };
  } finally {
    vi.useRealTimers();
    timers.setTimeout = realSleep;
    syncBuiltinESMExports();
  }
}

async function untilQuiet(isRunning: () => boolean): Promise<void> {
  for (let turns = 0; turns < QUIET_TURNS && isRunning(); turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    // Looking is slower than a turn.
    if (turns % 10 === 9 && process.getActiveResourcesInfo().some((name) => BUSY.test(name))) {
      await new Promise((resolve) => realSetTimeout(resolve, 1));
      turns = 0;
    }
  }
}

/** `setTimeout` of `node:timers/promises`, by the timers of this process. */
const virtualSleep = <T>(
  milliseconds = 0,
  value?: T,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<T> =>
  new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve(value as T);
    }, milliseconds);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', stop, { once: true });
  });
