import { describe, expect, it } from 'vitest';

import { waitForSources, type AwaitedSource } from '../../src/assemble/wait-for-sources.js';
import type { WorkEvent } from '../../src/content/events.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import { InvalidError, NotFoundError, RateLimitedError, UnauthorizedError } from '../../src/oci/errors.js';
import { image } from '../support/drafts.js';

const { descriptor } = image('there', 'linux/amd64');

/** A source that exists from a time on, in milliseconds, and the times of the requests. */
interface Arrival extends AwaitedSource {
  readonly asked: number[];
}

/** A clock that only the waits move. */
function start() {
  let time = 0;
  const pauses: number[] = [];
  const events: WorkEvent[] = [];
  const arrival = (label: string, from: number, answer = absent): Arrival => {
    const asked: number[] = [];
    const find = async (): Promise<Descriptor | undefined> => {
      asked.push(time);
      return time >= from ? descriptor : answer();
    };
    return { label, asked, find };
  };
  const wait = (sources: readonly AwaitedSource[], timeout: number): Promise<void> =>
    waitForSources(sources, {
      timeout,
      now: () => time,
      sleep: async (milliseconds) => {
        pauses.push(milliseconds);
        time += milliseconds;
      },
      onEvent: (event) => events.push(event),
    });
  return { arrival, wait, pauses, events };
}

async function absent(): Promise<undefined> {
  return undefined;
}

describe('waitForSources', () => {
  it('does not wait for existing sources', async () => {
    const { arrival, wait, pauses, events } = start();
    const sources = [arrival('a', 0), arrival('b', 0)];
    await wait(sources, 60_000);
    expect(sources.map(({ asked }) => asked)).toEqual([[0], [0]]);
    expect({ pauses, events }).toEqual({ pauses: [], events: [] });
  });

  it('repeats the requests for missing sources at increasing intervals', async () => {
    const { arrival, wait, pauses, events } = start();
    const [there, soon, late] = [arrival('there', 0), arrival('soon', 2_000), arrival('late', 40_000)];
    await wait([there, soon, late], 60_000);
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    expect(there.asked).toEqual([0]);
    expect(soon.asked).toEqual([0, 1_000, 3_000]);
    expect(late.asked).toEqual([0, 1_000, 3_000, 7_000, 15_000, 30_000, 45_000]);
    expect(events.slice(0, 3)).toEqual([
      { kind: 'waiting', sources: ['soon', 'late'] },
      { kind: 'waiting', sources: ['soon', 'late'] },
      { kind: 'waiting', sources: ['late'] },
    ]);
  });

  it.each([
    [0, [0]],
    [500, [0, 500]],
    [5_000, [0, 1_000, 3_000, 5_000]],
  ])('times out after %i ms, with a last request at the end', async (timeout, asked) => {
    const { arrival, wait } = start();
    const [there, never, other] = [arrival('a', 0), arrival('b', Infinity), arrival('c', Infinity)];
    const waiting = wait([there, never, other], timeout);
    await expect(waiting).rejects.toThrow(`still not found after ${timeout / 1000}s: b, c`);
    await expect(waiting).rejects.toThrow(NotFoundError);
    expect(never.asked).toEqual(asked);
  });

  it('waits for a layout that does not exist either', async () => {
    const { arrival, wait } = start();
    const missing = arrival('oci:later:1', 1_000, () => Promise.reject(new NotFoundError('no such layout')));
    await wait([missing], 60_000);
    expect(missing.asked).toEqual([0, 1_000]);
  });

  it.each([
    new UnauthorizedError('denied'),
    new InvalidError('not a manifest'),
    new RateLimitedError('too many'),
    new TypeError('a fault'),
  ])('does not wait after other errors: %s', async (error) => {
    const { arrival, wait, pauses } = start();
    const refused = arrival('b', Infinity, async () => {
      throw error;
    });
    await expect(wait([arrival('a', Infinity), refused], 60_000)).rejects.toBe(error);
    expect({ asked: refused.asked, pauses }).toEqual({ asked: [0], pauses: [] });
  });
});
