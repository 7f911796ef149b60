import { describe, expect, it, vi } from 'vitest';

import { Budget, charge, runLimits, withBudget } from '../../src/content/budget.js';
import { KeyedSingleFlight, SingleFlight } from '../../src/content/single-flight.js';
import { CancelledError, LimitError } from '../../src/oci/errors.js';

/** Work whose end the test decides. */
function pendingWork() {
  const ends: { resolve: (result: string) => void; reject: (error: Error) => void }[] = [];
  const signals: AbortSignal[] = [];
  const work = (signal: AbortSignal): Promise<string> => {
    signals.push(signal);
    return new Promise((resolve, reject) => ends.push({ resolve, reject }));
  };
  return { work, ends, signals };
}

describe('SingleFlight', () => {
  it('starts with the first call, runs once for all callers, and keeps the result', async () => {
    const { work, ends } = pendingWork();
    const flight = new SingleFlight(work);
    expect(ends).toHaveLength(0);

    const results = [flight.get(), flight.get()];
    expect(flight.result).toBeUndefined();
    ends[0]?.resolve('done');

    expect(await Promise.all([...results, flight.get()])).toEqual(['done', 'done', 'done']);
    expect(flight.result).toBe('done');
    expect(ends).toHaveLength(1);
  });

  it('reports a failure to all who wait, and starts again with the next call', async () => {
    const { work, ends } = pendingWork();
    const flight = new SingleFlight(work);
    const failed = [flight.get(), flight.get()];
    ends[0]?.reject(new Error('broken'));
    for (const result of failed) await expect(result).rejects.toThrow('broken');

    const next = flight.get();
    ends[1]?.resolve('fine');
    expect(await next).toBe('fine');
  });

  it('can keep a failure, but not a cancellation', async () => {
    const work = vi.fn(async (signal: AbortSignal) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      throw new Error(signal.aborted ? 'cancelled' : 'broken');
    });
    const flight = new SingleFlight(work, { keepFailure: true });
    await expect(flight.get(AbortSignal.timeout(1))).rejects.toBeInstanceOf(CancelledError);
    await expect(flight.get()).rejects.toThrow('broken');
    await expect(flight.get()).rejects.toThrow('broken');
    expect(work).toHaveBeenCalledTimes(2);
  });

  it.each([false, true])(
    'does not fail because another call has used up its limit (%s)',
    async (keepFailure) => {
      const flight = new SingleFlight(
        async () => {
          await Promise.resolve();
          charge('requests', 2, () => 'GET /');
          return 'done';
        },
        { keepFailure },
      );
      const call = (requests: number): Promise<string> =>
        withBudget(new Budget(runLimits({ requests })), () => flight.get());
      const [small, other, large, outside] = [call(1), call(1), call(2), flight.get()];
      await expect(small).rejects.toThrow(LimitError);
      await expect(other).rejects.toThrow(LimitError);
      expect(await Promise.all([large, outside])).toEqual(['done', 'done']);
    },
  );

  it('lets a cancelled caller go, and cancels the work when the last one has gone', async () => {
    const { work, ends, signals } = pendingWork();
    const flight = new SingleFlight(work);
    const [first, second] = [new AbortController(), new AbortController()];
    const [one, two] = [flight.get(first.signal), flight.get(second.signal)];

    first.abort();
    await expect(one).rejects.toBeInstanceOf(CancelledError);
    expect(signals[0]?.aborted).toBe(false);

    second.abort();
    await expect(two).rejects.toBeInstanceOf(CancelledError);
    expect(signals[0]?.aborted).toBe(true);
    ends[0]?.reject(new Error('stopped'));
  });

  it('starts abandoned work again, even if it does not end', async () => {
    const { work, ends } = pendingWork();
    const flight = new SingleFlight(work);
    await expect(flight.get(AbortSignal.abort())).rejects.toBeInstanceOf(CancelledError);

    const next = flight.get();
    ends[0]?.resolve('late');
    ends[1]?.resolve('again');

    expect(await next).toBe('again');
    expect(flight.result).toBe('again');
  });
});

describe('KeyedSingleFlight', () => {
  it('runs once for each key', async () => {
    const flights = new KeyedSingleFlight<string>();
    const work = vi.fn((key: string) => Promise.resolve(`of ${key}`));
    const keys = ['a', 'b', 'a'];
    expect(await Promise.all(keys.map((key) => flights.get(key, () => work(key))))).toEqual([
      'of a',
      'of b',
      'of a',
    ]);
    expect(work).toHaveBeenCalledTimes(2);
    expect(flights.results).toEqual(['of a', 'of b']);
  });
});
