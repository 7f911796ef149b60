import { describe, expect, it } from 'vitest';

import { CredentialCache } from '../../../src/auth/credentials/credential-cache.js';

/** A cache with a fake clock and numbered results. */
class Fixture {
  now = 0;
  fetched = 0;
  fails = false;
  readonly cache: CredentialCache<string>;

  constructor(options: { readonly lifetime?: () => number; readonly failureLifetime?: number } = {}) {
    this.cache = new CredentialCache({ now: () => this.now, ...options });
  }

  async get(key = 'a'): Promise<string> {
    return (await this.entry(key)).value;
  }

  entry(key = 'a'): ReturnType<CredentialCache<string>['get']> {
    const fetch = async (): Promise<string> => {
      this.fetched += 1;
      if (this.fails) throw new Error(`failure ${this.fetched}`);
      return `p${this.fetched}`;
    };
    return this.cache.get(key, fetch, undefined);
  }
}

describe('CredentialCache', () => {
  it('fetches each key once for all callers', async () => {
    const fixture = new Fixture();
    const keys = ['a', 'b', 'a'];
    expect(await Promise.all(keys.map((key) => fixture.get(key)))).toEqual(['p1', 'p2', 'p1']);
    fixture.now = Number.MAX_SAFE_INTEGER;
    expect(await fixture.get()).toBe('p1');
  });

  it('fetches again after the lifetime', async () => {
    const fixture = new Fixture({ lifetime: () => 1000 });
    await fixture.get();
    fixture.now = 999;
    expect(await fixture.get()).toBe('p1');
    fixture.now = 1000;
    expect(await fixture.get()).toBe('p2');
  });

  it('repeats a failure until its lifetime is over', async () => {
    const fixture = new Fixture({ failureLifetime: 1000 });
    fixture.fails = true;
    await expect(fixture.get()).rejects.toThrow('failure 1');
    fixture.now = 999;
    await expect(fixture.get()).rejects.toThrow('failure 1');
    fixture.now = 1000;
    await expect(fixture.get()).rejects.toThrow('failure 2');
  });

  it('fetches again what is forgotten, unless it was replaced', async () => {
    const fixture = new Fixture();
    const [one, two] = [await fixture.entry(), await fixture.entry()];
    one.renewal.forget();
    expect(await fixture.get()).toBe('p2');
    two.renewal.forget();
    expect(await fixture.get()).toBe('p2');
  });

  it('takes a value for fresh for a minute', async () => {
    const fixture = new Fixture();
    const { renewal } = await fixture.entry();
    fixture.now = 59_999;
    expect(renewal.isFresh()).toBe(true);
    fixture.now = 60_000;
    expect(renewal.isFresh()).toBe(false);
  });
});
