import { expect, it } from 'vitest';

import { FirstRequestGate } from '../../src/content/first-request-gate.js';
import { CancelledError } from '../../src/oci/errors.js';

it('the first goes ahead, the others wait until the gate opens, and nobody waits after that', async () => {
  const gate = new FirstRequestGate<string>();
  expect(await gate.enter('a', undefined)).toBe('first');
  const others = [gate.enter('b', undefined), gate.enter('c', undefined)];
  expect(gate.waiting).toEqual(['b', 'c']);
  gate.open();
  expect(await Promise.all(others)).toEqual(['through', 'through']);
  gate.leave();
  expect([await gate.enter('d', undefined), gate.waiting]).toEqual(['through', []]);
});

it('when the first is cancelled the next goes ahead, and when all are the gate waits for another first', async () => {
  const gate = new FirstRequestGate<string>();
  await gate.enter('a', undefined);
  const second = gate.enter('b', undefined);
  gate.leave();
  expect(await second).toBe('first');
  gate.leave();
  expect(await gate.enter('c', undefined)).toBe('first');
});

it('a turn that comes in the moment of being cancelled goes to the next', async () => {
  const gate = new FirstRequestGate<string>();
  const controller = new AbortController();
  await gate.enter('a', undefined);
  const second = gate.enter('b', controller.signal);
  const third = gate.enter('c', undefined);
  controller.abort();
  gate.leave();
  await expect(second).rejects.toThrow(CancelledError);
  expect(await third).toBe('first');
});

it('who is cancelled while waiting is no longer counted', async () => {
  const gate = new FirstRequestGate<string>();
  const controller = new AbortController();
  await gate.enter('a', undefined);
  const second = gate.enter('b', controller.signal);
  controller.abort();
  await expect(second).rejects.toThrow(CancelledError);
  expect(gate.waiting).toEqual([]);
});
