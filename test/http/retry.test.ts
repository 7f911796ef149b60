import { describe, expect, it } from 'vitest';

import {
  catchUpDelay,
  isTemporaryStatus,
  mayHaveBeenHandled,
  retryPolicy,
  settleDelay,
  Tries,
  type RetryPolicy,
  type TryOutcome,
} from '../../src/http/retry.js';
import { describeVectors, vectorJson } from '../support/vectors.js';

const policy = retryPolicy({ now: () => Date.parse('2026-11-20T12:00:00Z'), random: () => 0.5 });

describe('isTemporaryStatus', () => {
  it.each([408, 429, 499, 500, 502, 503, 504, 507, 522, 599])('%i may pass', (status) => {
    expect(isTemporaryStatus(status)).toBe(true);
  });

  it.each([200, 201, 301, 400, 401, 403, 404, 405, 409, 412, 413, 416, 501])('%i stands', (status) => {
    expect(isTemporaryStatus(status)).toBe(false);
  });
});

describe('the wait before the next try', () => {
  /** The waits after failures that may pass, by a clock that only the waits advance. */
  function waits(options: Partial<RetryPolicy> = {}): (number | undefined)[] {
    let now = 0;
    const tries = new Tries(retryPolicy({ random: () => 0, now: () => now, ...options }));
    const all = Array.from({ length: 9 }, () => {
      const wait = tries.next({ temporary: true });
      now += wait ?? 0;
      return wait;
    });
    return all.slice(0, all.indexOf(undefined) + 1 || 9);
  }
  const next = (outcome: TryOutcome, options: Partial<RetryPolicy> = {}): number | undefined =>
    new Tries({ ...policy, ...options }).next(outcome);

  it('grows from half a second to ten seconds, and is longer by up to a half at random', () => {
    const least = [500, 1500, 3000, 5000, 10_000, 10_000, 10_000];
    expect(waits({ retries: 7 })).toEqual([...least, undefined]);
    expect(waits({ retries: 7, random: () => 1 })).toEqual([...least.map((wait) => wait * 1.5), undefined]);
  });

  it.each([0, 0.5, 0.999])(
    'adds up to ten seconds at least by default, whatever the dice say (%d)',
    (dice) => {
      const all = waits({ random: () => dice });
      expect(all).toHaveLength(5);
      expect(all.reduce<number>((sum, wait) => sum + (wait ?? 0), 0)).toBeGreaterThanOrEqual(10_000);
    },
  );

  it.each<[Partial<RetryPolicy>, (number | undefined)[]]>([
    [{ retries: 0 }, [undefined]],
    [{ retries: 1 }, [500, undefined]],
    [{ retryFor: 0 }, [undefined]],
    [{ retryFor: 1_000 }, [500, 500, undefined]],
    [{ retryFor: 30_000 }, [500, 1500, 3000, 5000, 10_000, 10_000, undefined]],
    [{ retryFor: 33_000 }, [500, 1500, 3000, 5000, 10_000, 10_000, 3000, undefined]],
    [{ retryFor: 30_000, retries: 2 }, [500, 1500, undefined]],
    [{ retryFor: 1_000, retries: 9 }, [500, 500, undefined]],
  ])('%o: %j', (options, expected) => {
    expect(waits(options)).toEqual(expected);
  });

  it('counts the time of the tries, and begins anew after progress', () => {
    let now = 0;
    const tries = new Tries({ ...policy, retryFor: 10_000, now: () => now });
    now = 9_900;
    expect(tries.next({ temporary: true })).toBe(100);
    now = 10_000;
    expect(tries.next({ temporary: true })).toBeUndefined();
    tries.restart();
    expect(tries.count).toBe(1);
    expect(tries.next({ temporary: true })).toBe(625);
  });

  it('does not exist for what will not change', () => {
    expect(next({ temporary: false })).toBeUndefined();
    expect(next({ status: 404, retryAfter: '1' })).toBeUndefined();
    expect(next({ status: 501, retryAfter: undefined })).toBeUndefined();
  });

  it.each([
    ['7', 7000, 'seconds'],
    [' 7 ', 7000, 'seconds with spaces'],
    ['90', 60_000, 'no longer than a minute'],
    ['300', 60_000, 'no longer than a minute'],
    ['0', 625, 'no shorter than the own wait'],
    ['Fri, 20 Nov 2026 12:00:09 GMT', 9000, 'a date'],
    ['Friday, 20-Nov-26 12:00:09 GMT', 9000, 'a date of RFC 850'],
    ['Fri Nov 20 12:00:09 2026', 9000, 'a date of asctime, which is in UTC'],
    ['Fri, 20 Nov 2026 12:05:00 GMT', 60_000, 'a date, no longer than a minute'],
    ['Fri, 20 Nov 2026 11:00:00 GMT', 625, 'a date that is past'],
    ['-5', 625, 'nonsense'],
    ['1.5', 625, 'nonsense'],
    ['soon', 625, 'nonsense'],
    ['', 625, 'nothing'],
  ])('is by Retry-After %j %i ms (%s)', (retryAfter, milliseconds) => {
    expect(next({ status: 429, retryAfter })).toBe(milliseconds);
  });

  it.each([
    ['a clock that is 2 h slow', 'Fri, 20 Nov 2026 10:00:00 GMT', 'Fri, 20 Nov 2026 10:00:09 GMT', 9000],
    ['a clock that is 2 h fast', 'Fri, 20 Nov 2026 14:00:00 GMT', 'Fri, 20 Nov 2026 14:00:09 GMT', 9000],
    ['a past by its own clock', 'Fri, 20 Nov 2026 14:00:00 GMT', 'Fri, 20 Nov 2026 13:59:00 GMT', 625],
    ['a Date that is none', 'yesterday', 'Fri, 20 Nov 2026 12:00:09 GMT', 9000],
    ['no Date', undefined, 'Fri, 20 Nov 2026 12:00:09 GMT', 9000],
  ])('is relative to the Date of a server with %s', (_what, date, retryAfter, milliseconds) => {
    expect(next({ status: 503, retryAfter, date })).toBe(milliseconds);
  });

  it.each([
    '301',
    '21600',
    '99999999999999999999',
    'Fri, 20 Nov 2026 12:05:01 GMT',
    'Sat, 21 Nov 2026 12:00:00 GMT',
  ])('is too long by Retry-After %j', (retryAfter) => {
    expect(next({ status: 429, retryAfter })).toBeUndefined();
    expect(next({ status: 503, retryAfter })).toBeUndefined();
  });

  it('is too long by a Retry-After above the rest of the time', () => {
    expect(next({ status: 429, retryAfter: '20' }, { retryFor: 10_000 })).toBeUndefined();
    expect(next({ status: 429, retryAfter: '8' }, { retryFor: 10_000 })).toBe(8_000);
  });
});

describe('mayHaveBeenHandled', () => {
  it('is known after statuses that reject a request', () => {
    const statuses = [400, 404, 408, 429, 499, 500, 501, 502, 503, 504, 522];
    expect(statuses.filter((status) => mayHaveBeenHandled(status))).toEqual([499, 500, 502, 504, 522]);
  });
});

describe('the other delays', () => {
  it('of a registry that catches up are two', () => {
    expect([1, 2, 3].map((tries) => catchUpDelay(tries))).toEqual([250, 1_000, undefined]);
  });

  it('of a write that is read back is random', () => {
    expect(settleDelay(policy)).toBe(375);
    expect(settleDelay({ ...policy, random: () => 0 })).toBe(250);
  });
});

describeVectors('temporary_errors', () => {
  /** The statuses that the distribution-spec and distribution itself send with these codes. */
  const statusOf: Readonly<Record<string, number>> = {
    BLOB_UPLOAD_INVALID: 404,
    DENIED: 403,
    UNAVAILABLE: 503,
  };

  interface Row {
    readonly codes: readonly string[];
    readonly retry: boolean;
  }

  it.each(vectorJson<{ temporary_errors: Row[] }>('challenges.json').temporary_errors)(
    '$codes: $retry',
    ({ codes, retry }) => {
      // Codes are for the registry folder. Here only statuses count.
      expect(codes.length > 0 && codes.every((code) => isTemporaryStatus(statusOf[code] ?? 0))).toBe(retry);
    },
  );
});
