import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { CleanUp } from '../../src/publish/clean-up.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the time limit for a clean-up', () => {
  it('is half a minute, from its start', () => {
    const cleanUp = new CleanUp(new AbortController().signal);
    vi.advanceTimersByTime(60_000);
    const signal = cleanUp.start();
    vi.advanceTimersByTime(29_999);
    expect(signal.aborted).toBe(false);
    expect(cleanUp.start()).toBe(signal);
    vi.advanceTimersByTime(1);
    expect(signal.aborted).toBe(true);
  });

  it.each(['before', 'while'])('is five seconds once the caller has cancelled %s it runs', (moment) => {
    const caller = new AbortController();
    if (moment === 'before') caller.abort();
    const cleanUp = new CleanUp(caller.signal);
    const signal = cleanUp.start();
    if (moment === 'while') {
      vi.advanceTimersByTime(10_000);
      caller.abort();
    }
    vi.advanceTimersByTime(4_999);
    expect(signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(signal.aborted).toBe(true);
  });

  it('leaves no timer and no listener when it is stopped, and can start again', () => {
    const caller = new AbortController();
    const cleanUp = new CleanUp(caller.signal);
    const first = cleanUp.start();
    cleanUp.stop();
    caller.abort();
    expect(vi.getTimerCount()).toBe(0);
    expect(cleanUp.start()).not.toBe(first);
    cleanUp.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});
