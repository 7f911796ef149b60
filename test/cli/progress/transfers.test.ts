import { beforeEach, describe, expect, it } from 'vitest';

import { shortDigest, Transfers } from '../../../src/cli/progress/transfers.js';
import type { BlobOutcome } from '../../../src/content/events.js';
import { digestOf, type Digest } from '../../../src/oci/digest.js';

const MEGABYTE = 1_000_000;
const named = (word: string): Digest => digestOf(new TextEncoder().encode(word));

let now: number;
let transfers: Transfers;
beforeEach(() => {
  now = 0;
  transfers = new Transfers(() => now);
});

function start(word: string, megabytes: number): void {
  transfers.take({ kind: 'blob-started', digest: named(word), size: megabytes * MEGABYTE });
}

function move(word: string, megabytes: number): void {
  transfers.take({ kind: 'blob-progress', digest: named(word), bytes: megabytes * MEGABYTE });
}

function end(word: string, megabytes: number, outcome: BlobOutcome = 'copied'): void {
  transfers.take({ kind: 'blob-done', digest: named(word), size: megabytes * MEGABYTE, outcome });
}

/** A blob that moves so many megabytes in each of so many seconds. */
function flow(word: string, megabytes: number, seconds: number): void {
  for (let part = 0; part < seconds * 4; part += 1) {
    move(word, megabytes / 4);
    now += 250;
  }
}

describe('a blob', () => {
  it('tells its bytes from the start, its speed when it is known', () => {
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

  it('has no time left when all of it is sent', () => {
    start('a', 4);
    flow('a', 2, 2);
    expect(transfers.lines()).toEqual([`${shortDigest(named('a'))} 4.0 MB of 4.0 MB`]);
  });

  it('has no time left that could be told when it stands still', () => {
    start('a', 31);
    flow('a', 2, 2);
    now += 10_000;
    expect(transfers.lines()).toEqual([`${shortDigest(named('a'))} 4.0 MB of 31 MB, 0 B/s`]);
  });

  it('has neither speed nor time left right after it was taken back', () => {
    start('a', 31);
    flow('a', 5, 4);
    move('a', -20);
    expect(transfers.lines()).toEqual([`${shortDigest(named('a'))} 0 B of 31 MB`]);
    now += 3_000;
    expect(transfers.lines()).toEqual([`${shortDigest(named('a'))} 0 B of 31 MB`]);
    flow('a', 1, 1);
    expect(transfers.lines()).toEqual([`${shortDigest(named('a'))} 1.0 MB of 31 MB, 1.0 MB/s, 30 s left`]);
  });

  it('that nobody started is no blob', () => {
    move('a', 5);
    expect(transfers.lines()).toEqual([]);
    expect(transfers.summary()).toBe('');
  });
});

describe('the summary', () => {
  it('repeats nothing of a single blob', () => {
    expect(transfers.summary()).toBe('');
    start('a', 31);
    flow('a', 5, 2);
    expect(transfers.summary()).toBe('');
    end('a', 31);
    expect(transfers.summary()).toBe('1 blob done');
  });

  it('covers the blobs that are known so far', () => {
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

  it.each(['present', 'mounted'] as const)('leaves out the bytes of a blob that was %s', (outcome) => {
    start('a', 30);
    start('b', 70);
    expect(transfers.summary()).toBe('0 B of 100 MB');
    end('b', 70, outcome);
    expect(transfers.summary()).toBe('1 blob done');
    start('c', 10);
    expect(transfers.summary()).toBe('1 blob done, 0 B of 40 MB');
  });

  it('goes back with a blob that is taken back, and keeps the speed of the network', () => {
    start('a', 30);
    start('b', 70);
    flow('a', 10, 2);
    move('a', -20);
    expect(transfers.summary()).toBe('0 B of 100 MB, 10 MB/s, 10 s left');
  });

  it('has no time left when everything is sent', () => {
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
