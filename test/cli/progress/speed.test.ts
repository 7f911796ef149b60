import { beforeEach, expect, it } from 'vitest';

import { Speed } from '../../../src/cli/progress/transfers.js';

let now: number;
let speed: Speed;
beforeEach(() => {
  now = 1_000_000;
  speed = new Speed(() => now);
});

/** So many bytes every 100 ms, for so long. */
function flow(bytes: number, milliseconds: number): void {
  for (const end = now + milliseconds; now < end; now += 100) speed.add(bytes);
}

it('is not known before anything went', () => {
  expect(speed.perSecond).toBeUndefined();
  now += 10_000;
  expect(speed.perSecond).toBeUndefined();
});

it('is not known in the first second', () => {
  flow(100, 900);
  expect(speed.perSecond).toBeUndefined();
  flow(100, 100);
  expect(speed.perSecond).toBe(1_000);
});

it.each([2_000, 4_900, 5_000, 60_000])('is steady where the flow is, after %i ms', (milliseconds) => {
  flow(100, milliseconds);
  const { perSecond = 0 } = speed;
  expect(perSecond).toBeGreaterThanOrEqual(940);
  expect(perSecond).toBeLessThanOrEqual(1_000);
});

it('follows a flow that changes within five seconds', () => {
  flow(100, 20_000);
  flow(1_000, 2_500);
  expect(speed.perSecond).toBeGreaterThan(4_000);
  expect(speed.perSecond).toBeLessThan(7_000);
  flow(1_000, 2_500);
  expect(speed.perSecond).toBeGreaterThan(9_400);
});

it('falls to nothing where nothing goes any more', () => {
  flow(100, 10_000);
  now += 2_500;
  expect(speed.perSecond).toBeLessThan(600);
  now += 2_501;
  expect(speed.perSecond).toBe(0);
});

it('is not known again after a new start', () => {
  flow(100, 10_000);
  speed.reset();
  expect(speed.perSecond).toBeUndefined();
  now += 5_000;
  flow(500, 900);
  expect(speed.perSecond).toBeUndefined();
  flow(500, 100);
  expect(speed.perSecond).toBe(5_000);
});
