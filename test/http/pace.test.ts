import { describe, expect, it } from 'vitest';

import type { HttpEvent } from '../../src/http/message.js';
import { Pace, type Turn } from '../../src/http/pace.js';
import { retryPolicy, type ResponseOutcome, type RetryPolicy } from '../../src/http/retry.js';
import { CancelledError } from '../../src/oci/errors.js';

const { signal } = new AbortController();
const ok: ResponseOutcome = { status: 200, retryAfter: undefined };
const tooMany = (retryAfter?: string): ResponseOutcome => ({ status: 429, retryAfter });

/** A pace whose sleepers wake when `pass` moves its clock. */
function makePace(
  concurrency = 8,
  options: Partial<RetryPolicy> = {},
  most?: (host: string) => number | undefined,
) {
  let time = 1_000_000;
  const sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  const events: HttpEvent[] = [];
  const policy = retryPolicy({
    now: () => time,
    sleep: (milliseconds) =>
      new Promise((wake) => {
        sleepers.push({ at: time + milliseconds, wake });
      }),
    ...options,
  });
  const pace = new Pace({ policy, concurrency, most, onEvent: (event) => events.push(event) });
  const settled = (): Promise<void> => new Promise(setImmediate);
  const turns: Turn[] = [];
  /** Lets so many requests of a host ask for their turn. The turns that they get are added to `turns`. */
  const send = async (count: number, hasBody = false, host = 'a'): Promise<void> => {
    for (let number = 0; number < count; number += 1) {
      void pace
        .of(host)
        .enter(hasBody, signal)
        .then((turn) => turns.push(turn));
    }
    await settled();
  };
  /** Ends the oldest turns with this response. */
  const end = async (count: number, response: ResponseOutcome | undefined, host = 'a'): Promise<void> => {
    for (const turn of turns.splice(0, count)) pace.of(host).leave(turn, response);
    await settled();
  };
  const pass = async (milliseconds: number): Promise<void> => {
    time += milliseconds;
    for (const { at, wake } of sleepers) if (at <= time) wake();
    await settled();
  };
  return { pace, turns, events, send, end, pass, settled };
}

describe('the number of requests at once', () => {
  it('is that of the caller until the first 429', async () => {
    const { turns, send, end } = makePace();
    await send(20);
    expect(turns).toHaveLength(20);
    await end(20, { status: 503, retryAfter: undefined });
    await send(20);
    expect(turns).toHaveLength(20);
  });

  it('is at most that of the host, with and without a 429, and other hosts have none', async () => {
    const { turns, events, send, end } = makePace(8, {}, (host) => (host === 'a' ? 3 : undefined));
    await send(5);
    expect(turns).toHaveLength(3);
    await end(3, ok);
    expect(turns).toHaveLength(2);
    await end(2, ok);
    await send(10, false, 'b');
    expect(turns).toHaveLength(10);
    await end(10, ok, 'b');
    expect(events).toEqual([]);
    await send(3);
    await end(3, tooMany());
    await send(3);
    expect(turns).toHaveLength(1);
  });

  it('is halved by each burst of 429, down to one, and reported when a request waits', async () => {
    const { turns, events, send, end } = makePace();
    for (const [before, after] of [
      [8, 4],
      [4, 2],
      [2, 1],
      [1, 1],
    ] as const) {
      await send(before);
      expect(turns).toHaveLength(before);
      expect(events).toEqual([]);
      await end(before, tooMany());
      await send(before + 1);
      expect(turns).toHaveLength(after);
      expect(events.splice(0)).toEqual([{ kind: 'slowed', host: 'a', concurrency: after }]);
      // Each that ends lets the next one start.
      for (let left = before + 1; left > 0; left -= 1) {
        expect(turns).toHaveLength(Math.min(left, after));
        await end(1, ok);
      }
      events.splice(0);
    }
  });

  it('is not lowered by late responses to requests that were sent before', async () => {
    const { turns, send, end } = makePace();
    await send(8);
    await end(1, tooMany());
    await end(6, ok);
    await end(1, tooMany());
    await send(8);
    expect(turns).toHaveLength(4);
  });

  it('is that of each host', async () => {
    const { turns, send, end } = makePace();
    await send(8);
    await end(8, tooMany());
    await send(8, false, 'b');
    expect(turns).toHaveLength(8);
  });

  it('counts uploads apart, since they wait for the requests that read their content', async () => {
    const { turns, send, end } = makePace(2);
    await send(2);
    await end(2, tooMany());
    await send(2, true);
    await send(2);
    expect(turns.map(({ hasBody }) => hasBody)).toEqual([true, false]);
  });

  it('grows by one for each minute without a 429, until it is the limit of the caller again', async () => {
    const { turns, send, end, pass } = makePace(3);
    await send(3);
    await end(3, tooMany());
    await pass(59_000);
    await send(5);
    expect(turns).toHaveLength(1);
    await pass(1_000);
    await end(1, ok);
    expect(turns).toHaveLength(2);
    await pass(60_000);
    await send(5);
    expect(turns).toHaveLength(7);
  });

  it('is not lower after a failure without a response', async () => {
    const { turns, send, end } = makePace(1);
    await send(1);
    await end(1, undefined);
    await send(3);
    expect(turns).toHaveLength(3);
  });

  it('passes the turn of a cancelled request on', async () => {
    const { pace, turns, send, end, settled } = makePace(2);
    await send(2);
    await end(2, tooMany());
    await send(1);
    const stop = new AbortController();
    const cancelled = pace.of('a').enter(false, stop.signal);
    await send(1);
    // The cancelled request is woken, and then cancelled before it runs.
    for (const turn of turns.splice(0)) pace.of('a').leave(turn, ok);
    stop.abort();
    await expect(cancelled).rejects.toThrow(CancelledError);
    await settled();
    expect(turns).toHaveLength(1);
  });
});

describe('Retry-After', () => {
  it.each([429, 503])('of a %i is kept by all requests to the host, and reported once', async (status) => {
    const { turns, events, send, end, pass } = makePace();
    await send(3);
    await end(3, { status, retryAfter: '10' });
    await pass(2_000);
    await send(2);
    await send(2, true);
    await send(1, false, 'b');
    expect(turns).toHaveLength(1);
    expect(events).toEqual([{ kind: 'paused', host: 'a', status, waitMilliseconds: 8_000 }]);
    await pass(7_999);
    expect(turns).toHaveLength(1);
    await pass(1);
    expect(turns).toHaveLength(5);
    await send(1);
    expect(turns).toHaveLength(6);
    expect(events).toHaveLength(1);
  });

  it('of a later response makes the wait longer, never shorter', async () => {
    const { turns, events, send, end, pass } = makePace();
    await send(3);
    await end(1, tooMany('10'));
    await send(1);
    await end(1, tooMany('30'));
    await end(1, tooMany('5'));
    await pass(10_000);
    expect(turns).toHaveLength(0);
    await pass(20_000);
    expect(turns).toHaveLength(1);
    expect(events.map((event) => event.kind === 'paused' && event.waitMilliseconds)).toEqual([
      10_000, 20_000,
    ]);
  });

  it.each<[string, string | undefined, Partial<RetryPolicy>, number]>([
    ['of more than a minute: for a minute', '240', {}, 60_000],
    ['of more than five minutes: not at all, since nothing is repeated', '301', {}, 0],
    ['of a date', 'Thu, 01 Jan 1970 00:16:50 GMT', {}, 10_000],
    ['that is missing', undefined, {}, 0],
    ['if nothing is repeated', '10', { retries: 0 }, 0],
    ['of more than the time for retries', '10', { retryFor: 5_000 }, 0],
  ])('%s', async (_, retryAfter, options, expected) => {
    const { turns, send, end, pass } = makePace(8, options);
    await send(1);
    await end(1, { status: 503, retryAfter });
    await send(1);
    if (expected > 0) {
      await pass(expected - 1);
      expect(turns).toHaveLength(0);
      await pass(1);
    }
    expect(turns).toHaveLength(1);
  });

  it('of other responses is no wait for others', async () => {
    const { turns, send, end } = makePace();
    await send(1);
    await end(1, { status: 500, retryAfter: '10' });
    await send(1);
    expect(turns).toHaveLength(1);
  });

  it('ends after its time when the clock is set back', async () => {
    const { turns, send, end, pass } = makePace();
    await send(1);
    await end(1, tooMany('10'));
    await pass(-3_600_000);
    await send(1);
    await pass(10_000);
    expect(turns).toHaveLength(1);
  });
});
