import { Readable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { AuthClient } from '../../../src/auth/requests/auth-client.js';
import type { RegistryCredential } from '../../../src/auth/credentials/credential.js';
import { UnauthorizedError } from '../../../src/oci/errors.js';
import type { RegistryHost } from '../../../src/oci/reference.js';
import { failureOf } from '../../support/failure.js';
import { describeVectors, vectorJson } from '../../support/vectors.js';
import { having } from '../../support/credentials.js';
import { FakeHttp, type FakeAnswer } from '../fake-http.js';
import {
  A,
  B,
  TOKEN,
  basicOfJane,
  byPath,
  get,
  jane,
  pull,
  push,
  registry,
  TestRegistry,
} from '../test-registry.js';

describe('a response that denies access', () => {
  const denied = (headers: Record<string, string>): FakeHttp =>
    new FakeHttp(({ url }) =>
      url.pathname === '/token' ? { status: 200, body: { token: 'T' } } : { status: 403, headers },
    );

  it.each([
    ['nothing', undefined, {}, true],
    ['an anonymous token', undefined, { 'www-authenticate': 'Bearer realm="/token"' }, true],
    ['a login', jane, { 'www-authenticate': 'Basic realm="r"' }, undefined],
    ['the token of a login', jane, { 'www-authenticate': 'Bearer realm="/token"' }, undefined],
  ])('to a request with %s', async (_what, credential, headers, isAnonymous) => {
    const client = new AuthClient({ http: denied(headers), credentials: having(credential) });
    expect((await client.send(registry, get('a'), [pull('a')])).isAnonymous).toBe(isAnonymous);
  });
});

describe('one request', () => {
  it('to an open registry is sent once, unchanged', async () => {
    const http = new FakeHttp(() => ({ status: 200, body: 'ok' }));
    const client = new AuthClient({ http, credentials: having(jane) });
    const request = get('a', { headers: { accept: 'x/y' } });
    expect((await client.send(registry, request, [pull('a')])).status).toBe(200);
    expect(http.sent.map(({ headers }) => headers)).toEqual([{ accept: 'x/y' }]);
  });

  it('is sent again with a token after a Bearer challenge', async () => {
    const bench = new TestRegistry();
    const response = await bench
      .client(jane)
      .send(registry, get('a', { headers: { accept: 'x/y' } }), [pull('a')]);
    expect(response.status).toBe(200);
    expect(bench.http.log).toEqual([A, TOKEN, A]);
    expect(bench.http.sent[1]?.headers['authorization']).toBe(basicOfJane);
    expect(bench.http.sent[2]?.headers).toEqual({ accept: 'x/y', authorization: 'Bearer T1' });
    // The 401 was discarded; the other response is left to the caller.
    expect(bench.http.open).toBe(1);
  });

  it('requests its own scopes and those of the challenge, with the repository of the push first', async () => {
    const bench = new TestRegistry();
    await bench.client().send(registry, get('a'), [pull('base'), push('target')]);
    expect(bench.asked).toEqual([
      ['repository:target:pull,push', 'repository:base:pull', 'repository:a:pull'],
    ]);
  });

  it('passes on a scope of an unknown form unchanged', async () => {
    const http = new FakeHttp(({ url, headers }) => {
      if (url.pathname === '/token') return { status: 200, body: { token: 'T' } };
      if (headers['authorization'] === 'Bearer T') return { status: 200 };
      return { status: 401, headers: { 'www-authenticate': 'Bearer realm="/token",scope="aws  a:b"' } };
    });
    const client = new AuthClient({ http, credentials: having(undefined) });
    expect((await client.send(registry, get('a'), [])).status).toBe(200);
    expect(http.sent[1]?.url.href).toBe(
      'https://registry.example.com/token?scope=aws&scope=a%3Ab&client_id=multiarch',
    );
  });

  it('opens its body again for the second request', async () => {
    const bench = new TestRegistry();
    let opened = 0;
    const body = {
      size: 4,
      open: () => {
        opened += 1;
        return Readable.from([Buffer.from('body')]);
      },
    };
    await bench.client().send(registry, get('a', { method: 'PUT', body }), [push('a')]);
    expect(bench.http.sent.map((sent) => sent.body)).toEqual(['body', undefined, 'body']);
    expect(opened).toBe(2);
  });

  it('that is rejected twice returns the second response, without a third request', async () => {
    const bench = new TestRegistry({ grant: () => [] });
    const response = await bench.client().send(registry, get('a'), [pull('a')]);
    expect(response.status).toBe(401);
    expect(bench.http.log).toEqual([A, TOKEN, A]);
  });

  it('returns a 403 without a challenge, and is sent again after a 403 with one', async () => {
    for (const challenged of [false, true]) {
      const http = new FakeHttp(() => ({
        status: 403,
        headers: challenged ? { 'www-authenticate': 'Basic realm="r"' } : {},
      }));
      const client = new AuthClient({ http, credentials: having(jane) });
      expect((await client.send(registry, get('a'), [pull('a')])).status).toBe(403);
      expect(http.sent.map(({ headers }) => headers['authorization'])).toEqual(
        challenged ? [undefined, basicOfJane] : [undefined],
      );
    }
  });

  it('to Docker Hub uses its API host and its token server', async () => {
    const http = new FakeHttp(({ url, headers }) => {
      if (url.host === 'auth.docker.io') return { status: 200, body: { token: 'T' } };
      if (headers['authorization'] !== undefined) return { status: 200 };
      return { status: 401, headers: { 'www-authenticate': 'Bearer realm="https://auth.docker.io/token"' } };
    });
    const servers: string[] = [];
    const client = new AuthClient({
      http,
      credentials: having(undefined),
      onTokenServer: (...server) => servers.push(server.join(': ')),
    });
    const url = new URL('https://registry-1.docker.io/v2/library/alpine/manifests/1');
    for (let round = 0; round < 2; round += 1) {
      expect((await client.send('docker.io' as RegistryHost, { method: 'GET', url }, [])).status).toBe(200);
    }
    expect(servers).toEqual(['docker.io: auth.docker.io']);
  });
});

/** A registry that accepts one Authorization header and otherwise makes this challenge. */
const guarded = (challenge: string, accepted: string): FakeHttp =>
  new FakeHttp(({ headers }) =>
    headers['authorization'] === accepted
      ? { status: 200 }
      : { status: 401, headers: { 'www-authenticate': challenge } },
  );

describe('a credential', () => {
  const BASIC = 'Basic realm="r"';
  const BEARER = 'Bearer realm="https://auth.example.com/token"';

  it.each<[string, string, RegistryCredential, string]>([
    ['by user name and password for Basic', BASIC, jane, basicOfJane],
    ['by a token of its own needs no token server', BEARER, { kind: 'bearer', token: 'R' }, 'Bearer R'],
    ['by a token of its own takes precedence over Basic', BASIC, { kind: 'bearer', token: 'R' }, 'Bearer R'],
    [
      'of a registry token is sent if the challenge names no token server',
      'Bearer',
      { kind: 'bearer', token: 'R' },
      'Bearer R',
    ],
  ])('%s, and ahead of the next request', async (_name, challenge, credential, accepted) => {
    const http = guarded(challenge, accepted);
    const client = new AuthClient({ http, credentials: having(credential) });
    for (let times = 0; times < 2; times += 1) {
      expect((await client.send(registry, get('a'), [pull('a')])).status).toBe(200);
    }
    expect(http.sent.map(({ headers }) => headers['authorization'])).toEqual([undefined, accepted, accepted]);
  });

  it('that is rejected is not sent again with the same request', async () => {
    const http = guarded(BASIC, 'Basic other');
    const client = new AuthClient({ http, credentials: having(jane) });
    for (let times = 0; times < 2; times += 1) {
      expect((await client.send(registry, get('a'), [pull('a')])).status).toBe(401);
    }
    expect(http.sent.map(({ headers }) => headers['authorization'])).toEqual([
      undefined,
      basicOfJane,
      basicOfJane,
    ]);
  });

  it.each<[string, string, RegistryCredential | undefined]>([
    ['Basic without a login', BASIC, undefined],
    ['Bearer without a token server', 'Bearer', jane],
    ['an unknown scheme', 'Negotiate', jane],
  ])('that does not fit the challenge leaves the 401 unread: %s', async (_name, challenge, credential) => {
    const http = guarded(challenge, 'none');
    const client = new AuthClient({ http, credentials: having(credential) });
    expect((await client.send(registry, get('a'), [])).status).toBe(401);
    expect([http.sent.length, http.open]).toEqual([1, 1]);
  });

  it.each<[string, string, RegistryCredential, string]>([
    ['a refresh token for Basic', BASIC, { kind: 'identity', token: 'I' }, 'from test is an identity token'],
    ...['a\nb', 'a\r\nx: y', 'a b', 'ä'].map((token): [string, string, RegistryCredential, string] => [
      `a registry token that is invalid in a header (${JSON.stringify(token)})`,
      'Bearer realm="https://auth.example.com/token"',
      { kind: 'bearer', token },
      'cannot send the registry token for registry.example.com from test: ',
    ]),
  ])('that cannot be used is an error: %s', async (_name, challenge, credential, message) => {
    const http = guarded(challenge, 'none');
    const client = new AuthClient({ http, credentials: having(credential) });
    const error: unknown = await failureOf(client.send(registry, get('a'), []));
    expect(error).toBeInstanceOf(UnauthorizedError);
    expect(String(error)).toContain(message);
    expect([http.sent.length, http.open]).toEqual([1, 0]);
  });

  it('of a refresh token is exchanged at the token server', async () => {
    const bench = new TestRegistry();
    await bench.client({ kind: 'identity', token: 'I' }).send(registry, get('a'), [pull('a')]);
    expect(bench.http.log[1]).toBe('POST auth.example.com/token');
    expect(bench.http.sent[1]?.body).toContain('refresh_token=I');
  });

  it('is looked up for the main repository of the request', async () => {
    const looked: unknown[] = [];
    const bench = new TestRegistry();
    const find = (...asked: unknown[]): Promise<undefined> => {
      looked.push(asked.slice(0, 2));
      return Promise.resolve(undefined);
    };
    const client = new AuthClient({ http: bench.http, credentials: { name: 'test', find } });
    await client.send(registry, get('a'), [push('a'), pull('base')]);
    expect(looked).toEqual([[registry, 'a']]);
  });

  it('gets other tokens than another credential for the same registry', async () => {
    const bench = new TestRegistry();
    const client = new AuthClient({ http: bench.http, credentials: byPath });
    await client.send(registry, get('a'), [pull('a'), pull('b')]);
    // The first token has the scope, but belongs to the other credential.
    await client.send(registry, get('b'), [pull('b')]);
    const accounts = bench.http.sent.map(({ url }) => url.searchParams.get('account'));
    expect(accounts.filter((account) => account !== null)).toEqual(['a', 'b']);
  });
});

describe('a token', () => {
  it('is used for later requests, without another 401', async () => {
    const bench = new TestRegistry();
    const client = bench.client();
    await client.send(registry, get('a'), [push('a')]);
    await client.send(registry, get('a'), [pull('a')]);
    await client.send(registry, get('a', { method: 'PUT' }), [push('a')]);
    expect(bench.http.log.slice(3)).toEqual([A, A.replace('GET', 'PUT')]);
  });

  it('without the scopes of a request is replaced before the request is sent', async () => {
    const bench = new TestRegistry();
    const client = bench.client();
    await client.send(registry, get('a'), [pull('a')]);
    await client.send(registry, get('b'), [pull('b')]);
    expect(bench.http.log.slice(3)).toEqual([TOKEN, B]);
  });

  it('that the registry no longer accepts is replaced, and the request sent once more (ggcr #2333)', async () => {
    const bench = new TestRegistry();
    const client = bench.client();
    await client.send(registry, get('a'), [pull('a')]);
    bench.tokens.clear();
    bench.tokens.set('used', []);
    expect((await client.send(registry, get('a'), [pull('a')])).status).toBe(200);
    expect(bench.http.log.slice(3)).toEqual([A, TOKEN, A]);
    expect(bench.http.sent.at(-1)?.headers['authorization']).toBe('Bearer T2');
  });

  it('is renewed shortly before it expires', async () => {
    const bench = new TestRegistry();
    let time = 0;
    const client = new AuthClient({ http: bench.http, credentials: having(undefined), now: () => time });
    await client.send(registry, get('a'), [pull('a')]);
    time = 269_000;
    await client.send(registry, get('a'), [pull('a')]);
    time = 271_000;
    await client.send(registry, get('a'), [pull('a')]);
    expect(bench.http.log.slice(3)).toEqual([A, TOKEN, A]);
  });

  it('is not shared with another registry that has the same token server', async () => {
    const bench = new TestRegistry();
    const client = bench.client(jane);
    await client.send(registry, get('a'), [pull('a')]);
    const url = new URL('https://other.example.com/v2/a/manifests/1');
    await client.send('other.example.com' as RegistryHost, { method: 'GET', url }, [pull('a')]);
    expect(bench.asked).toHaveLength(2);
    const sent = bench.http.sent.filter((request) => request.url.host === 'other.example.com');
    expect(sent.map(({ headers }) => headers['authorization'])).toEqual([undefined, 'Bearer T2']);
  });

  it('that is not issued is an error, and requested again by the next request', async () => {
    let responses: FakeAnswer[] = [{ status: 401, body: { details: 'wrong password' } }];
    const bench = new TestRegistry({ tokenAnswer: () => responses.shift() });
    const client = bench.client(jane);
    await expect(client.send(registry, get('a'), [pull('a')])).rejects.toThrow(
      'the login for registry.example.com was rejected (token server auth.example.com): wrong password',
    );
    expect(bench.http.open).toBe(0);
    responses = [];
    expect((await client.send(registry, get('a'), [pull('a')])).status).toBe(200);
  });
});

describeVectors('token flow vectors', () => {
  interface Vectors {
    token_flow_rules: { rule: string; source: string }[];
    insufficient_scope_retry: { status: number; header: string | null; retry: boolean }[];
  }
  const vectors = vectorJson<Vectors>('challenges.json');

  it('the rules are those of the tests in this file and in token.test.ts', () => {
    // "that the registry no longer accepts is replaced", above; "falls back to GET on a 404", in token.test.ts.
    expect(vectors.token_flow_rules.map(({ source }) => source)).toEqual([
      expect.stringContaining('issue 2333'),
      expect.stringContaining('Oauth404Fallback'),
    ]);
  });

  it.each(vectors.insufficient_scope_retry)('$status $header', async ({ status, header, retry }) => {
    const http = new FakeHttp(({ url }) =>
      url.host === registry
        ? { status, headers: header === null ? {} : { 'www-authenticate': header } }
        : { status: 200, body: { token: 'T' } },
    );
    const client = new AuthClient({ http, credentials: having(undefined) });
    expect((await client.send(registry, get('a'), [])).status).toBe(status);
    expect(retry).toBe(false);
    // The peer has authenticated with a request to /v2/ before, and decides about a second 401. multiarch makes no such
    // request, so it responds to the first Bearer challenge once, whatever its error.
    const answered = header?.startsWith('Bearer ') === true;
    expect(http.sent).toHaveLength(answered ? 3 : 1);
  });
});
