import { describe, expect, it } from 'vitest';

import { TokenCache } from '../../../src/auth/requests/token-cache.js';
import type { Token } from '../../../src/auth/requests/token.js';
import { CancelledError } from '../../../src/oci/errors.js';

const pull = ['repository:a:pull'];
const push = ['repository:a:pull,push'];

/** A cache with a fake clock, and a token server that numbers its tokens. */
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

/** A token server that responds when the test says so. */
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

describe('a cached token', () => {
  it('is used again for the same scopes, and for fewer', async () => {
    const bench = new Bench();
    expect([
      await bench.get(push),
      await bench.get(push),
      await bench.get(pull),
      await bench.get([]),
    ]).toEqual(['T1', 'T1', 'T1', 'T1']);
  });

  it('is not used for more scopes, or another key', async () => {
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

  it('that is forgotten is not used again, and others are', async () => {
    const bench = new Bench();
    await bench.get(pull);
    await bench.get(pull, 'other');
    bench.cache.forget('T1');
    expect([await bench.get(pull), await bench.get(pull, 'other')]).toEqual(['T3', 'T2']);
  });
});

describe('a token that is being requested', () => {
  it('that was rejected is replaced, not by another one for the same scopes', async () => {
    const bench = new Bench();
    await bench.get(pull);
    await bench.get(push);
    await bench.get(pull, 'other');
    bench.cache.forget('T1');
    expect(await bench.get(pull)).toBe('T4');
    expect(await bench.get(pull, 'other')).toBe('T3');
    // Requests that were sent with the old token, too.
    bench.cache.forget('T1');
    expect(await bench.get(pull)).toBe('T4');
  });

  it('is shared by all callers for the same scopes or fewer', async () => {
    const { cache } = new Bench();
    const slow = new Slow();
    const asked = [push, push, pull].map((scopes) => cache.get('key', scopes, slow.fetch, undefined));
    slow.calls[0]?.answer('T');
    expect(await Promise.all(asked)).toEqual(['T', 'T', 'T']);
    expect(slow.calls).toHaveLength(1);
  });

  it('fails for all callers, and is requested again by later ones', async () => {
    const bench = new Bench();
    const slow = new Slow();
    const asked = [pull, pull].map((scopes) => bench.cache.get('key', scopes, slow.fetch, undefined));
    slow.calls[0]?.fail(new Error('no'));
    expect(await Promise.allSettled(asked)).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
    expect(await bench.get(pull)).toBe('T1');
  });

  it('is kept for the others if one caller is cancelled', async () => {
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

  it('is cancelled with its last caller, and requested again later', async () => {
    const bench = new Bench();
    const slow = new Slow();
    const controller = new AbortController();
    const asked = [pull, pull].map((scopes) => bench.cache.get('key', scopes, slow.fetch, controller.signal));
    controller.abort();
    expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(slow.calls[0]?.signal.aborted).toBe(true);
    expect(await bench.get(pull)).toBe('T1');
  });

  it('is requested again after it was cancelled, even if it has not ended', async () => {
    const bench = new Bench();
    const controller = new AbortController();
    const asked = bench.cache.get('key', pull, () => new Promise(() => {}), controller.signal);
    controller.abort();
    await expect(asked).rejects.toThrow(CancelledError);
    expect(await bench.get(pull)).toBe('T1');
  });
});
