import { describe, expect, it } from 'vitest';

import { TokenCache } from '../../../src/auth/requests/token-cache.js';
import type { Token } from '../../../src/auth/requests/token.js';
import { CancelledError } from '../../../src/oci/errors.js';

const pull = ['repository:a:pull'];
const push = ['repository:a:pull,push'];

/** A cache with a clock that the test moves, and a token server that numbers its tokens. */
class Bench {
  time = 0;
  readonly cache = new TokenCache(() => this.time);
  /** Seconds that the next tokens live. */
  lifetime = 300;
  fetched = 0;

  get(scopes: readonly string[], key = 'key', signal?: AbortSignal): Promise<string> {
    return this.cache.get(key, scopes, () => this.fetch(), signal);
  }

  async fetch(): Promise<Token> {
    this.fetched += 1;
    return { value: `T${this.fetched}`, expiresAt: this.time + this.lifetime * 1000 };
  }
}

/** A token server that answers when the test says so. */
class Slow {
  readonly calls: { signal: AbortSignal; answer: (token: string) => void; fail: (error: Error) => void }[] =
    [];
  readonly fetch = (signal: AbortSignal): Promise<Token> =>
    new Promise((resolve, reject) => {
      this.calls.push({
        signal,
        answer: (value) => {
          resolve({ value, expiresAt: 1e9 });
        },
        fail: reject,
      });
      signal.addEventListener('abort', () => {
        reject(new CancelledError('Cancelled'));
      });
    });
}

describe('a token that is here', () => {
  it('serves again for the same scopes, and for fewer', async () => {
    const bench = new Bench();
    expect([
      await bench.get(push),
      await bench.get(push),
      await bench.get(pull),
      await bench.get([]),
    ]).toEqual(['T1', 'T1', 'T1', 'T1']);
  });

  it('does not serve for more scopes, or where anything else differs', async () => {
    const bench = new Bench();
    expect([await bench.get(pull), await bench.get(push), await bench.get(pull, 'other')]).toEqual([
      'T1',
      'T2',
      'T3',
    ]);
  });

  it.each([
    [300, 270],
    [3600, 3570],
    [60, 45],
  ])('of %i seconds is renewed after %i', async (lifetime, used) => {
    const bench = new Bench();
    bench.lifetime = lifetime;
    await bench.get(pull);
    bench.time = used * 1000 - 1;
    expect(await bench.get(pull)).toBe('T1');
    bench.time = used * 1000;
    expect(await bench.get(pull)).toBe('T2');
  });

  it('that is forgotten is not given again, and others are', async () => {
    const bench = new Bench();
    await bench.get(pull);
    await bench.get(pull, 'other');
    bench.cache.forget('T1');
    expect([await bench.get(pull), await bench.get(pull, 'other')]).toEqual(['T3', 'T2']);
  });
});

describe('a token that is on its way', () => {
  it('serves all who ask meanwhile, for the same scopes or fewer', async () => {
    const { cache } = new Bench();
    const slow = new Slow();
    const asked = [push, push, pull].map((scopes) => cache.get('key', scopes, slow.fetch, undefined));
    slow.calls[0]?.answer('T');
    expect(await Promise.all(asked)).toEqual(['T', 'T', 'T']);
    expect(slow.calls).toHaveLength(1);
  });

  it('fails for all who wait, and is asked for anew by who comes later', async () => {
    const bench = new Bench();
    const slow = new Slow();
    const asked = [pull, pull].map((scopes) => bench.cache.get('key', scopes, slow.fetch, undefined));
    slow.calls[0]?.fail(new Error('no'));
    expect(await Promise.allSettled(asked)).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
    expect(await bench.get(pull)).toBe('T1');
  });

  it('goes on for the others when one who waits is cancelled', async () => {
    const { cache } = new Bench();
    const slow = new Slow();
    const controller = new AbortController();
    const cancelled = cache.get('key', pull, slow.fetch, controller.signal);
    const other = cache.get('key', pull, slow.fetch, undefined);
    controller.abort();
    await expect(cancelled).rejects.toThrow(CancelledError);
    expect(slow.calls[0]?.signal.aborted).toBe(false);
    slow.calls[0]?.answer('T');
    expect(await other).toBe('T');
  });

  it('is given up when the last who waits is cancelled, and asked for anew later', async () => {
    const bench = new Bench();
    const slow = new Slow();
    const controller = new AbortController();
    const asked = [pull, pull].map((scopes) => bench.cache.get('key', scopes, slow.fetch, controller.signal));
    controller.abort();
    expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(slow.calls[0]?.signal.aborted).toBe(true);
    expect(await bench.get(pull)).toBe('T1');
  });

  it('is asked for anew after it was given up, even if it still does not end', async () => {
    const bench = new Bench();
    const controller = new AbortController();
    const asked = bench.cache.get('key', pull, () => new Promise(() => {}), controller.signal);
    controller.abort();
    await expect(asked).rejects.toThrow(CancelledError);
    expect(await bench.get(pull)).toBe('T1');
  });
});
