import { expect, it } from 'vitest';

import { KeyedMutex } from '../../src/content/keyed-mutex.js';
import { CancelledError } from '../../src/oci/errors.js';

const mutex = new KeyedMutex();

/** Work that runs until it is released. */
function makeWork(): { readonly work: () => Promise<void>; readonly release: () => void } {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  return { work: () => held, release };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('runs work with the same key one at a time, in the order of the calls', async () => {
  const log: string[] = [];
  const work = (name: string) => async () => {
    log.push(`${name} begins`);
    await settle();
    log.push(`${name} ends`);
    return name;
  };
  expect(await Promise.all(['a', 'b'].map((name) => mutex.run('one', work(name))))).toEqual(['a', 'b']);
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
});

it('does not make other keys wait', async () => {
  const { work, release } = makeWork();
  const blocked = mutex.run('two', work);
  expect(await mutex.run('three', () => Promise.resolve('free'))).toBe('free');
  release();
  await blocked;
});

it('continues after work that fails', async () => {
  const failed = mutex.run('four', () => Promise.reject(new Error('broken')));
  const next = mutex.run('four', () => Promise.resolve('fine'));
  await expect(failed).rejects.toThrow('broken');
  expect(await next).toBe('fine');
});

it('does not start work that was cancelled while it waited', async () => {
  const controller = new AbortController();
  const { work, release } = makeWork();
  const blocked = mutex.run('five', work);
  const cancelled = mutex.run('five', () => expect.fail('was begun'), controller.signal);
  controller.abort();
  release();
  await blocked;
  await expect(cancelled).rejects.toBeInstanceOf(CancelledError);
});
