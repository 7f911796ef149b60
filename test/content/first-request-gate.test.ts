import { expect, it } from 'vitest';

import { FirstRequestGate } from '../../src/content/first-request-gate.js';
import { CancelledError } from '../../src/oci/errors.js';

it('lets the first go ahead; the others wait until the gate opens, and later ones do not wait', async () => {
  const gate = new FirstRequestGate<string>();
  expect(await gate.enter('a', undefined)).toBe('first');
  const others = [gate.enter('b', undefined), gate.enter('c', undefined)];
  expect(gate.waiting).toEqual(['b', 'c']);
  gate.open();
  expect(await Promise.all(others)).toEqual(['through', 'through']);
  gate.leave();
  expect([await gate.enter('d', undefined), gate.waiting]).toEqual(['through', []]);
});

it('lets the next go ahead if the first is cancelled, and waits for another first if all are', async () => {
  const gate = new FirstRequestGate<string>();
  await gate.enter('a', undefined);
  const second = gate.enter('b', undefined);
  gate.leave();
  expect(await second).toBe('first');
  gate.leave();
  expect(await gate.enter('c', undefined)).toBe('first');
});

it('passes the role on if its request is cancelled at that moment', async () => {
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

it('does not count a request that was cancelled while waiting', async () => {
  const gate = new FirstRequestGate<string>();
  const controller = new AbortController();
  await gate.enter('a', undefined);
  const second = gate.enter('b', controller.signal);
  controller.abort();
  await expect(second).rejects.toThrow(CancelledError);
  expect(gate.waiting).toEqual([]);
});
