import { describe, expect, it } from 'vitest';

import { AuthClient } from '../../../src/auth/requests/auth-client.js';
import { CancelledError, UnauthorizedError, UnavailableError } from '../../../src/oci/errors.js';
import type { RegistryHost } from '../../../src/oci/reference.js';
import { having } from '../../support/credentials.js';
import { FakeHttp, type FakeAnswer } from '../fake-http.js';
import { A, B, byPath, get, jane, pull, registry, TestRegistry } from '../test-registry.js';

describe('parallel first requests', () => {
  const names = Array.from({ length: 8 }, (_value, index) => `r${index}`);

  it('to a registry with tokens cost one 401 and one token in all', async () => {
    const bench = new TestRegistry();
    const client = bench.client(jane);
    const responses = await Promise.all(names.map((name) => client.send(registry, get(name), [pull(name)])));
    expect(responses.map(({ status }) => status)).toEqual(names.map(() => 200));
    expect(bench.http.sent).toHaveLength(names.length + 2);
    expect(bench.asked).toEqual([names.map((name) => `repository:${name}:pull`)]);
  });

  it('open their connections while the first response is awaited, and those missing while the token is', async () => {
    const bench = new TestRegistry();
    const client = bench.client(jane);
    await Promise.all(names.map((name) => client.send(registry, get(name), [pull(name)])));
    const origin = 'https://registry.example.com';
    expect(bench.http.preconnected).toEqual([
      ...names.map((_, index) => ({ origin, connections: Math.max(1, index), after: 0 })),
      { origin, connections: 8, after: 1 },
    ]);
  });

  it('connect to the URL that responded', async () => {
    const http = new FakeHttp(
      ({ headers }) =>
        headers['authorization'] === undefined
          ? { status: 401, headers: { 'www-authenticate': 'Basic' } }
          : { status: 200 },
      [registry],
    );
    const client = new AuthClient({ http, credentials: having(jane) });
    await Promise.all(names.map((name) => client.send(registry, get(name), [])));
    expect(http.preconnected.at(-1)).toEqual({
      origin: 'http://registry.example.com',
      connections: 8,
      after: 1,
    });
    expect(http.sent).toHaveLength(names.length + 1);
  });

  it('to an open registry are all sent after the first response', async () => {
    const pending: (() => void)[] = [];
    const http = new FakeHttp(async ({ url }) => {
      if (url.pathname === '/v2/r0/manifests/1') await new Promise<void>((resolve) => pending.push(resolve));
      return { status: 404 };
    });
    const client = new AuthClient({ http, credentials: having(undefined) });
    const all = Promise.all(names.map((name) => client.send(registry, get(name), [pull(name)])));
    await new Promise(setImmediate);
    expect(http.sent).toHaveLength(1);
    for (const release of pending) release();
    expect((await all).map(({ status }) => status)).toEqual(names.map(() => 404));
    expect(http.sent).toHaveLength(names.length);
    expect(http.preconnected.at(-1)).toMatchObject({ connections: 7, after: 0 });
  });

  it('are all sent after the first 401 if there is no credential', async () => {
    const pending: (() => void)[] = [];
    const http = new FakeHttp(async ({ url }) => {
      if (url.pathname !== '/v2/r0/manifests/1') await new Promise<void>((resolve) => pending.push(resolve));
      return { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } };
    });
    const client = new AuthClient({ http, credentials: having(undefined) });
    const all = Promise.all(names.map((name) => client.send(registry, get(name), [pull(name)])));
    await new Promise(setImmediate);
    expect(http.sent).toHaveLength(names.length);
    for (const release of pending) release();
    expect((await all).map(({ status }) => status)).toEqual(names.map(() => 401));
  });

  it('to different registries do not wait for each other', async () => {
    const http = new FakeHttp(({ url }) =>
      url.host === registry ? new Promise<FakeAnswer>(() => {}) : { status: 200 },
    );
    const client = new AuthClient({ http, credentials: having(undefined) });
    void client.send(registry, get('a'), []);
    const url = new URL('https://other.example.com/v2/');
    expect((await client.send('other.example.com' as RegistryHost, { method: 'GET', url }, [])).status).toBe(
      200,
    );
  });

  it('to an unreachable registry fail in the time of two, not one by one', async () => {
    const rounds: number[] = [];
    let fail = (): void => {};
    const http = new FakeHttp(async () => {
      await new Promise<void>((resolve) => {
        const before = fail;
        fail = () => {
          before();
          resolve();
        };
      });
      throw new UnavailableError('no route');
    });
    const client = new AuthClient({ http, credentials: having(undefined) });
    const all = Promise.allSettled(names.map((name) => client.send(registry, get(name), [])));
    // Requests that run at the same time take the same time and fail.
    for (let sent = 0; ; sent = http.sent.length) {
      await new Promise(setImmediate);
      if (http.sent.length === sent) break;
      rounds.push(http.sent.length - sent);
      fail();
    }
    expect((await all).map(({ status }) => status)).toEqual(names.map(() => 'rejected'));
    expect(rounds).toEqual([1, names.length - 1]);
  });

  it('continue if the first of them fails', async () => {
    let failures = 1;
    const http = new FakeHttp(() => {
      failures -= 1;
      if (failures >= 0) throw new UnavailableError('no route');
      return { status: 200 };
    });
    const client = new AuthClient({ http, credentials: having(undefined) });
    const all = await Promise.allSettled(names.map((name) => client.send(registry, get(name), [])));
    expect(all.map(({ status }) => status)).toEqual(['rejected', ...names.slice(1).map(() => 'fulfilled')]);
  });

  it('all fail if the token server rejects the login, with few requests to it', async () => {
    const bench = new TestRegistry({ tokenAnswer: () => ({ status: 401 }) });
    const client = bench.client(jane);
    const all = await Promise.allSettled(names.map(() => client.send(registry, get('a'), [pull('a')])));
    for (const result of all)
      expect(result).toMatchObject({ reason: expect.any(UnauthorizedError) as unknown });
    expect(bench.http.log.filter((line) => line === A)).toHaveLength(1);
    expect(bench.asked.length).toBeLessThanOrEqual(3);
  });

  it('succeed each for itself if the token server denies a token for all scopes', async () => {
    const bench = new TestRegistry({
      tokenAnswer: ({ url }) =>
        url.searchParams.has('scope', 'repository:r1:pull') ? { status: 403 } : undefined,
    });
    const client = bench.client(jane);
    const all = await Promise.allSettled(
      names.slice(0, 3).map((name) => client.send(registry, get(name), [pull(name)])),
    );
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('with different credentials share no token', async () => {
    const bench = new TestRegistry();
    const client = new AuthClient({ http: bench.http, credentials: byPath });
    const requests = ['a', 'b', 'a'].map((name) => client.send(registry, get(name), [pull(name), 'aws']));
    await Promise.all(requests);
    expect(bench.asked).toEqual([
      ['repository:a:pull', 'aws'],
      ['repository:b:pull', 'aws'],
    ]);
  });

  it('that are cancelled while waiting do not block the others', async () => {
    const bench = new TestRegistry();
    const client = bench.client();
    const controller = new AbortController();
    const first = client.send(registry, get('a'), [pull('a')]);
    const cancelled = client.send(registry, get('b', { signal: controller.signal }), [pull('b')]);
    const last = client.send(registry, get('c'), [pull('c')]);
    controller.abort();
    await expect(cancelled).rejects.toThrow(CancelledError);
    expect([(await first).status, (await last).status]).toEqual([200, 200]);
    expect(bench.http.log).not.toContain(B);
  });

  it('continue if the first of them is cancelled', async () => {
    const bench = new TestRegistry();
    const client = bench.client();
    const controller = new AbortController();
    const first = client.send(registry, get('a', { signal: controller.signal }), [pull('a')]);
    const second = client.send(registry, get('b'), [pull('b')]);
    controller.abort();
    await expect(first).rejects.toThrow();
    expect((await second).status).toBe(200);
  });
});

it('parallel requests whose token has expired share the request for a new one', async () => {
  const bench = new TestRegistry();
  const client = bench.client();
  await client.send(registry, get('a'), [pull('a')]);
  bench.tokens.clear();
  bench.tokens.set('used', []);
  const before = bench.http.sent.length;
  const responses = await Promise.all(
    Array.from({ length: 5 }, () => client.send(registry, get('a'), [pull('a')])),
  );
  expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  expect(bench.http.sent.length - before).toBe(5 + 1 + 5);
});
