import { describe, expect, it } from 'vitest';

import {
  isTemporaryStatus,
  catchUpDelay,
  retryDelay,
  retryPolicy,
  settleDelay,
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

describe('retryDelay', () => {
  it('waits at random below a cap that doubles from half a second to 15 seconds', () => {
    const caps = Array.from({ length: 8 }, (_, index) =>
      retryDelay({ ...policy, retries: 10, random: () => 1 }, index + 1, { temporary: true }),
    );
    expect(caps).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
    expect(retryDelay({ ...policy, random: () => 0 }, 3, { temporary: true })).toBe(0);
    expect(retryDelay({ ...policy, random: () => 0.25 }, 3, { temporary: true })).toBe(500);
  });

  it('gives up after the last try', () => {
    expect(retryDelay(policy, 4, { temporary: true })).toBeTypeOf('number');
    expect(retryDelay(policy, 5, { temporary: true })).toBeUndefined();
    expect(retryDelay({ ...policy, retries: 0 }, 1, { temporary: true })).toBeUndefined();
  });

  it('leaves alone what will not change', () => {
    expect(retryDelay(policy, 1, { temporary: false })).toBeUndefined();
    expect(retryDelay(policy, 1, { status: 404, retryAfter: '1' })).toBeUndefined();
    expect(retryDelay(policy, 1, { status: 501, retryAfter: undefined })).toBeUndefined();
  });

  it.each([
    ['7', 7000, 'seconds'],
    [' 7 ', 7000, 'seconds with spaces'],
    ['90', 60_000, 'no longer than a minute'],
    ['300', 60_000, 'no longer than a minute'],
    ['0', 250, 'no shorter than the random wait'],
    ['Fri, 20 Nov 2026 12:00:09 GMT', 9000, 'a date'],
    ['Fri, 20 Nov 2026 12:05:00 GMT', 60_000, 'a date, no longer than a minute'],
    ['Fri, 20 Nov 2026 11:00:00 GMT', 250, 'a date that is past'],
    ['-5', 250, 'nonsense'],
    ['1.5', 250, 'nonsense'],
    ['soon', 250, 'nonsense'],
    ['', 250, 'nothing'],
  ])('Retry-After %j makes it %i ms (%s)', (retryAfter, milliseconds) => {
    expect(retryDelay(policy, 1, { status: 429, retryAfter })).toBe(milliseconds);
  });

  it.each([
    '301',
    '21600',
    '99999999999999999999',
    'Fri, 20 Nov 2026 12:05:01 GMT',
    'Sat, 21 Nov 2026 12:00:00 GMT',
  ])('Retry-After %j is too long to wait', (retryAfter) => {
    expect(retryDelay(policy, 1, { status: 429, retryAfter })).toBeUndefined();
    expect(retryDelay(policy, 1, { status: 503, retryAfter })).toBeUndefined();
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
