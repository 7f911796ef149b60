import { beforeEach, describe, expect, it } from 'vitest';

import { shortDigest, Speed, Transfers } from '../../../src/cli/progress/transfers.js';
import type { BlobOutcome } from '../../../src/content/events.js';
import { digestOf, type Digest } from '../../../src/oci/digest.js';

const MEGABYTE = 1_000_000;
const named = (name: string): Digest => digestOf(new TextEncoder().encode(name));

let now: number;
let transfers: Transfers;
beforeEach(() => {
  now = 0;
  transfers = new Transfers(() => now);
});

function start(name: string, megabytes: number): void {
  transfers.add({ kind: 'blob-started', digest: named(name), size: megabytes * MEGABYTE });
}

function move(name: string, megabytes: number): void {
  transfers.add({ kind: 'blob-progress', digest: named(name), bytes: megabytes * MEGABYTE });
}

function end(name: string, megabytes: number, outcome: BlobOutcome = 'copied'): void {
  transfers.add({ kind: 'blob-done', digest: named(name), size: megabytes * MEGABYTE, outcome });
}

/** A blob that moves so many megabytes in each of so many seconds. */
function flow(name: string, megabytes: number, seconds: number): void {
  for (let part = 0; part < seconds * 4; part += 1) {
    move(name, megabytes / 4);
    now += 250;
  }
}

describe('a blob', () => {
  it('shows its bytes from the start, and its speed once known', () => {
    const name = shortDigest(named('a'));
    start('a', 31);
    expect(transfers.lines()).toEqual([`${name} 0 B of 31 MB`]);
    move('a', 2);
    now += 999;
    expect(transfers.lines()).toEqual([`${name} 2.0 MB of 31 MB`]);
    move('a', 2);
    now += 1;
    expect(transfers.lines()).toEqual([`${name} 4.0 MB of 31 MB, 4.0 MB/s, 7 s left`]);
    end('a', 31);
    expect(transfers.lines()).toEqual([]);
  });

  it('shows no time left after its last byte', () => {
    start('a', 4);
    flow('a', 2, 2);
    expect(transfers.lines()).toEqual([`${shortDigest(named('a'))} 4.0 MB of 4.0 MB`]);
  });

  it('shows no time left while stalled', () => {
    start('a', 31);
    flow('a', 2, 2);
    now += 10_000;
    expect(transfers.lines()).toEqual([`${shortDigest(named('a'))} 4.0 MB of 31 MB, 0 B/s`]);
  });

  it('shows neither speed nor time left right after a restart', () => {
    start('a', 31);
    flow('a', 5, 4);
    move('a', -20);
    expect(transfers.lines()).toEqual([`${shortDigest(named('a'))} 0 B of 31 MB`]);
    now += 3_000;
    expect(transfers.lines()).toEqual([`${shortDigest(named('a'))} 0 B of 31 MB`]);
    flow('a', 1, 1);
    expect(transfers.lines()).toEqual([`${shortDigest(named('a'))} 1.0 MB of 31 MB, 1.0 MB/s, 30 s left`]);
  });

  it('is ignored if it was not started', () => {
    move('a', 5);
    expect(transfers.lines()).toEqual([]);
    expect(transfers.summary()).toBe('');
  });
});

describe('the summary', () => {
  it('does not repeat the line of a single blob', () => {
    expect(transfers.summary()).toBe('');
    start('a', 31);
    flow('a', 5, 2);
    expect(transfers.summary()).toBe('');
    end('a', 31);
    expect(transfers.summary()).toBe('1 blob done');
  });

  it('covers the blobs known so far', () => {
    start('a', 30);
    start('b', 70);
    for (let second = 0; second < 2; second += 1) {
      move('a', 10);
      move('b', 10);
      now += 1_000;
    }
    expect(transfers.summary()).toBe('40 MB of 100 MB, 20 MB/s, 3 s left');
    end('a', 30);
    expect(transfers.summary()).toBe('1 blob done, 50 MB of 100 MB, 20 MB/s, 3 s left');
    start('c', 100);
    expect(transfers.summary()).toBe('1 blob done, 50 MB of 200 MB, 20 MB/s, 8 s left');
  });

  it.each(['present', 'mounted'] as const)('omits the bytes of a blob that was %s', (outcome) => {
    start('a', 30);
    start('b', 70);
    expect(transfers.summary()).toBe('0 B of 100 MB');
    end('b', 70, outcome);
    expect(transfers.summary()).toBe('1 blob done');
    start('c', 10);
    expect(transfers.summary()).toBe('1 blob done, 0 B of 40 MB');
  });

  it('decreases when a blob restarts, and keeps the total speed', () => {
    start('a', 30);
    start('b', 70);
    flow('a', 10, 2);
    move('a', -20);
    expect(transfers.summary()).toBe('0 B of 100 MB, 10 MB/s, 10 s left');
  });

  it('shows no time left after the last byte', () => {
    start('a', 10);
    start('b', 10);
    flow('a', 10, 1);
    flow('b', 10, 1);
    end('a', 10);
    end('b', 10);
    expect(transfers.summary()).toBe('2 blobs done, 20 MB of 20 MB');
  });
});

it('fits on 80 columns', () => {
  for (let blob = 0; blob < 999; blob += 1) {
    start(`done ${blob}`, 1);
    end(`done ${blob}`, 1);
  }
  start('a', 9_900_000);
  start('b', 9_900_000);
  flow('a', 999, 2);
  for (const line of [`- Working: ${transfers.summary()}`, ...transfers.lines().map((text) => `  ${text}`)]) {
    expect(line.length).toBeLessThan(80);
  }
  expect(transfers.summary()).toMatch(/^999 blobs done, 3\.0 GB of 20 TB, 999 MB\/s, \d h \d+ min left$/);
});

describe('Speed', () => {
  let speed: Speed;
  beforeEach(() => {
    now = 1_000_000;
    speed = new Speed(() => now);
  });

  /** Adds bytes every 100 ms for a time. */
  function addSteadily(bytes: number, milliseconds: number): void {
    for (const until = now + milliseconds; now < until; now += 100) speed.add(bytes);
  }

  it('is unknown before the first byte', () => {
    expect(speed.perSecond).toBeUndefined();
    now += 10_000;
    expect(speed.perSecond).toBeUndefined();
  });

  it('is unknown in the first second', () => {
    addSteadily(100, 900);
    expect(speed.perSecond).toBeUndefined();
    addSteadily(100, 100);
    expect(speed.perSecond).toBe(1_000);
  });

  it.each([2_000, 4_900, 5_000, 60_000])('is steady for a steady flow, after %i ms', (milliseconds) => {
    addSteadily(100, milliseconds);
    const { perSecond = 0 } = speed;
    expect(perSecond).toBeGreaterThanOrEqual(940);
    expect(perSecond).toBeLessThanOrEqual(1_000);
  });

  it('follows a change of the flow within five seconds', () => {
    addSteadily(100, 20_000);
    addSteadily(1_000, 2_500);
    expect(speed.perSecond).toBeGreaterThan(4_000);
    expect(speed.perSecond).toBeLessThan(7_000);
    addSteadily(1_000, 2_500);
    expect(speed.perSecond).toBeGreaterThan(9_400);
  });

  it('falls to 0 when the flow stops', () => {
    addSteadily(100, 10_000);
    now += 2_500;
    expect(speed.perSecond).toBeLessThan(600);
    now += 2_501;
    expect(speed.perSecond).toBe(0);
  });

  it('is unknown again after a reset', () => {
    addSteadily(100, 10_000);
    speed.reset();
    expect(speed.perSecond).toBeUndefined();
    now += 5_000;
    addSteadily(500, 900);
    expect(speed.perSecond).toBeUndefined();
    addSteadily(500, 100);
    expect(speed.perSecond).toBe(5_000);
  });
});
