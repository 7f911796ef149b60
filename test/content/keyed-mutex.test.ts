import { expect, it } from 'vitest';

import { inTurn } from '../../src/content/keyed-mutex.js';
import { CancelledError } from '../../src/oci/errors.js';

/** Work that goes on until it is released. */
function makeWork(): { readonly work: () => Promise<void>; readonly release: () => void } {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  return { work: () => held, release };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('runs work of one name one after the other, in the order of the calls', async () => {
  const log: string[] = [];
  const work = (name: string) => async () => {
    log.push(`${name} begins`);
    await settle();
    log.push(`${name} ends`);
    return name;
  };
  expect(await Promise.all(['a', 'b'].map((name) => inTurn('one', work(name))))).toEqual(['a', 'b']);
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
});

it('does not let another name wait', async () => {
  const { work, release } = makeWork();
  const blocked = inTurn('two', work);
  expect(await inTurn('three', () => Promise.resolve('free'))).toBe('free');
  release();
  await blocked;
});

it('goes on after work that fails', async () => {
  const failed = inTurn('four', () => Promise.reject(new Error('broken')));
  const next = inTurn('four', () => Promise.resolve('fine'));
  await expect(failed).rejects.toThrow('broken');
  expect(await next).toBe('fine');
});

it('does not begin what was cancelled while it waited', async () => {
  const controller = new AbortController();
  const { work, release } = makeWork();
  const blocked = inTurn('five', work);
  const cancelled = inTurn('five', () => expect.fail('was begun'), controller.signal);
  controller.abort();
  release();
  await blocked;
  await expect(cancelled).rejects.toBeInstanceOf(CancelledError);
});
