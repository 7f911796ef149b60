import { inspect } from 'node:util';

import { describe, expect, it } from 'vitest';

import type { RegistryCredential } from '../../../src/auth/credentials/credential.js';
import {
  parseTokenResponse,
  requestToken,
  type Token,
  type TokenCredential,
} from '../../../src/auth/requests/token.js';
import {
  FailedError,
  InvalidError,
  MultiarchError,
  RateLimitedError,
  UnauthorizedError,
  UnavailableError,
} from '../../../src/oci/errors.js';
import type { RegistryHost } from '../../../src/oci/reference.js';
import { failureOf } from '../../support/failure.js';
import { describeVectors, vectorJson } from '../../support/vectors.js';
import { FakeHttp, type FakeAnswer, type SentRequest } from '../fake-http.js';

const basic: TokenCredential = { kind: 'basic', username: 'jane', password: 'p:ss"w/rd' };
const identity: TokenCredential = { kind: 'identity', token: 'refresh+me/now' };
const good: FakeAnswer = { status: 200, body: { token: 'T1', expires_in: 300 } };

interface Asked {
  readonly registry?: string;
  readonly realm?: string;
  readonly service?: string | undefined;
  readonly scopes?: readonly string[];
  readonly credential?: TokenCredential | undefined;
}

function ask(http: FakeHttp, asked: Asked = {}): Promise<Token> {
  return requestToken(
    http,
    {
      registry: (asked.registry ?? 'registry.example.com') as RegistryHost,
      server: { url: new URL('https://registry.example.com/v2/') },
      realm: new URL(asked.realm ?? 'https://auth.example.com/token'),
      service: 'service' in asked ? asked.service : 'registry.example.com',
      scopes: asked.scopes ?? ['repository:app:pull,push', 'repository:base:pull'],
      credential: asked.credential,
      signal: new AbortController().signal,
    },
    () => 1_000_000,
  );
}

async function failure(
  answer: FakeAnswer,
  credential?: TokenCredential,
  registry?: string,
): Promise<MultiarchError> {
  return failureOf(
    ask(new FakeHttp(() => answer), { credential, ...(registry !== undefined && { registry }) }),
    MultiarchError,
  );
}

describe('a token by GET', () => {
  it('names the service, each scope and the client, and no account if anonymous', async () => {
    const http = new FakeHttp(() => good);
    expect(await ask(http)).toEqual({ value: 'T1', expiresAt: 1_300_000 });
    expect(http.sent[0]?.url.href).toBe(
      'https://auth.example.com/token?service=registry.example.com&scope=repository%3Aapp%3Apull%2Cpush&scope=repository%3Abase%3Apull&client_id=multiarch',
    );
    expect(http.sent[0]?.headers['authorization']).toBeUndefined();
    expect(http.open).toBe(0);
  });

  it('sends user name and password in the header, and the user name as account', async () => {
    const http = new FakeHttp(() => good);
    await ask(http, { credential: basic });
    expect(http.sent[0]?.url.searchParams.get('account')).toBe('jane');
    expect(http.sent[0]?.headers['authorization']).toBe(
      `Basic ${Buffer.from('jane:p:ss"w/rd').toString('base64')}`,
    );
    expect(decodeURIComponent(http.sent[0]?.url.search ?? '')).not.toContain(basic.password);
  });

  it("keeps the realm's own query byte for byte", async () => {
    const http = new FakeHttp(() => good);
    await ask(http, { realm: 'https://auth.example.com/t?a=%20b~&c', service: undefined, scopes: [] });
    expect(http.sent[0]?.url.search).toBe('?a=%20b~&c&client_id=multiarch');
  });
});

describe('a token by refresh token', () => {
  it('is a POST of the OAuth2 form, and the refresh token is in the body only', async () => {
    const http = new FakeHttp(() => ({ status: 200, body: { access_token: 'T2', expires_in: 3600 } }));
    expect((await ask(http, { credential: identity })).value).toBe('T2');
    expect(http.log).toEqual(['POST auth.example.com/token']);
    const [sent] = http.sent;
    expect(Object.fromEntries(new URLSearchParams(sent?.body))).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'refresh+me/now',
      service: 'registry.example.com',
      client_id: 'multiarch',
      scope: 'repository:app:pull,push repository:base:pull',
    });
    expect(sent?.headers).toEqual({
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
    });
  });

  it.each([400, 401, 404, 405])('falls back to GET on a %i', async (status) => {
    const http = new FakeHttp(({ method }) => (method === 'POST' ? { status } : good));
    expect((await ask(http, { credential: identity })).value).toBe('T1');
    expect(http.log).toEqual(['POST auth.example.com/token', 'GET auth.example.com/token']);
    expect(http.sent[1]?.url.href).not.toContain('refresh');
    expect(http.open).toBe(0);
  });

  it('does not fall back if the server has failed', async () => {
    const http = new FakeHttp(() => ({ status: 503 }));
    await expect(ask(http, { credential: identity })).rejects.toThrow(UnavailableError);
    expect(http.log).toEqual(['POST auth.example.com/token']);
  });

  it('reports the rejection of the refresh token, not that of the anonymous request', async () => {
    const http = new FakeHttp(({ method }) =>
      method === 'POST'
        ? { status: 400, body: { error: 'invalid_grant', error_description: 'refresh token has expired' } }
        : { status: 401, body: { details: 'login required' } },
    );
    await expect(ask(http, { credential: identity })).rejects.toThrow(
      'invalid_grant: refresh token has expired',
    );
    expect(http.open).toBe(0);
  });
});

const redirect =
  (location: string, status = 307) =>
  ({ url }: SentRequest): FakeAnswer =>
    url.host === 'auth.example.com' ? { status, headers: { location } } : good;

describe('a redirect of the token server', () => {
  it('is followed to another host, without the password', async () => {
    const http = new FakeHttp(redirect('https://login.example.net/token'));
    await ask(http, { credential: basic });
    expect(http.sent.map(({ url, headers }) => [url.host, 'authorization' in headers])).toEqual([
      ['auth.example.com', true],
      ['login.example.net', false],
    ]);
  });

  it.each([
    'http://login.example.net/',
    'https://127.0.0.1/',
    'https://169.254.169.254/',
    'https://u@login.example.net/',
  ])('is rejected to %s (ggcr #2292)', async (location) => {
    const http = new FakeHttp(redirect(location));
    await expect(ask(http)).rejects.toThrow(UnauthorizedError);
    expect(http.log).toEqual(['GET auth.example.com/token']);
  });

  it('never sends a refresh token to another host, since it is in the body', async () => {
    const http = new FakeHttp(redirect('https://login.example.net/token', 308));
    await expect(ask(http, { credential: identity })).rejects.toThrow(
      'token server auth.example.com redirects to login.example.net, but the login is for auth.example.com only',
    );
    expect(http.log).toEqual(['POST auth.example.com/token']);
  });

  it('sends a refresh token to another path of the same server', async () => {
    const http = new FakeHttp(({ url }) =>
      url.pathname === '/token' ? { status: 307, headers: { location: '/oauth2/token' } } : good,
    );
    await ask(http, { credential: identity });
    expect(http.sent[1]?.body).toContain('refresh_token=');
  });
});

const parse = (body: unknown): Token =>
  parseTokenResponse(
    Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    'auth.example.com',
    5000,
  );

describe("a token server's response", () => {
  it.each<[string, object, Token]>([
    ['token', { token: 'A', expires_in: 90 }, { value: 'A', expiresAt: 95_000 }],
    ['access_token', { access_token: 'B', expires_in: 90 }, { value: 'B', expiresAt: 95_000 }],
    ['both', { token: 'A', access_token: 'B' }, { value: 'A', expiresAt: 65_000 }],
    ['an empty token beside one', { token: '', access_token: 'B' }, { value: 'B', expiresAt: 65_000 }],
    ['no lifetime: 60 seconds', { token: 'A' }, { value: 'A', expiresAt: 65_000 }],
    ['a short lifetime: 60 seconds', { token: 'A', expires_in: 1 }, { value: 'A', expiresAt: 65_000 }],
    ['a lifetime below zero: 60 seconds', { token: 'A', expires_in: -1 }, { value: 'A', expiresAt: 65_000 }],
    ['a lifetime that is no number', { token: 'A', expires_in: '900' }, { value: 'A', expiresAt: 65_000 }],
    [
      'a clock that is years behind',
      { token: 'A', expires_in: 90, issued_at: '2001-01-01T00:00:00Z' },
      { value: 'A', expiresAt: 95_000 },
    ],
  ])('with %s', (_name, body, expected) => {
    expect(parse(body)).toEqual(expected);
  });

  it.each<[string, unknown]>([
    ['nothing', ''],
    ['no JSON', 'secret-but-not-json'],
    ['a list', []],
    ['null', 'null'],
    ['no token', { expires_in: 3 }],
    ['an empty token', { token: '' }],
    ['a number as token', { token: 7 }],
    ['a token that would end the header', { token: 'A\r\nX-Injected: 1' }],
  ])('with %s is an error that does not quote it', (_name, body) => {
    expect(() => parse(body)).toThrow(FailedError);
    expect(() => parse(body)).toThrow('token server auth.example.com: the response contains no usable token');
  });

  it('is not read beyond 64 KiB', async () => {
    const http = new FakeHttp(() => ({ status: 200, body: { token: 'A', filler: 'x'.repeat(64 * 1024) } }));
    await expect(ask(http)).rejects.toThrow(InvalidError);
  });

  describeVectors('token response vectors', () => {
    const { token_response: rows } = vectorJson<{
      token_response: { body: string; error?: boolean; token?: string; expires_unix?: number }[];
    }>('challenges.json');

    it.each(rows)('$body', ({ body, error, token, expires_unix: expires }) => {
      // The peer counts from `issued_at`, multiarch from now: here both are the same.
      const now = Date.parse('2018-01-01T10:00:02Z');
      const read = (): Token => parseTokenResponse(Buffer.from(body), 'auth.example.com', now);
      if (error === true) expect(read).toThrow(FailedError);
      else {
        expect(read().value).toBe(token);
        expect(read().expiresAt).toBe(expires === undefined ? now + 100_000 : expires * 1000);
      }
    });
  });
});

describe('a token server that gives no token', () => {
  it.each<[number, TokenCredential | undefined, unknown, string]>([
    [
      401,
      undefined,
      UnauthorizedError,
      'not logged in to registry.example.com (token server auth.example.com): HTTP status 401',
    ],
    [
      403,
      basic,
      UnauthorizedError,
      'the login for registry.example.com was rejected (token server auth.example.com): HTTP status 403',
    ],
    [
      429,
      basic,
      RateLimitedError,
      'too many requests for a token for registry.example.com (token server auth.example.com): HTTP status 429',
    ],
    [
      500,
      basic,
      UnavailableError,
      'no token for registry.example.com (token server auth.example.com): HTTP status 500',
    ],
    [
      204,
      undefined,
      UnavailableError,
      'no token for registry.example.com (token server auth.example.com): HTTP status 204',
    ],
  ])('%i with %j', async (status, credential, type, message) => {
    const error = await failure({ status }, credential);
    expect(error).toBeInstanceOf(type);
    expect(error.message).toBe(message);
    expect(error.exchange).toMatchObject({ method: 'GET', status, url: 'https://auth.example.com/token' });
  });

  it('hints at the login, by the name the user knows the registry by', async () => {
    expect((await failure({ status: 401 })).hint).toBe('Log in with: multiarch login registry.example.com');
    expect((await failure({ status: 401 }, basic)).hint).toContain('multiarch login registry.example.com');
  });

  it.each([404, 405, 410, 413, 416, 422])('is not about the login for a %i', async (status) => {
    for (const credential of [undefined, basic]) {
      const error = await failure({ status }, credential);
      expect(error.kind).toBe('failed');
      expect(error.message).toBe(
        `no token for registry.example.com (token server auth.example.com): HTTP status ${status}`,
      );
      expect(error.hint).toContain('Check the address of the token server');
    }
  });

  it.each<[string, FakeAnswer]>([
    ['403', { status: 403, body: { errors: [{ code: 'DENIED', message: 'access forbidden' }] } }],
    ['insufficient_scope', { status: 401, body: { error: 'insufficient_scope' } }],
    ['invalid_scope', { status: 400, body: { error: 'invalid_scope' } }],
  ])('hints at the scope that the account lacks: %s', async (_what, answer) => {
    const { hint = '' } = await failure(answer, basic);
    expect(hint).toContain('repository:app:pull,push');
    expect(hint).not.toContain('user name and password');
  });

  it.each([
    [
      'registry.example.com',
      'The login has expired; log in again with: multiarch login registry.example.com',
    ],
    [
      'public.ecr.aws',
      /^Log in again: aws ecr-public .*; or go on without a login: multiarch logout public\.ecr\.aws$/,
    ],
  ])('hints at a login that has expired, whatever the status: %s', async (registry, hint) => {
    for (const status of [400, 401, 403]) {
      const body = { errors: [{ code: 'DENIED', message: 'Your authorization token has expired.' }] };
      expect((await failure({ status, body }, basic, registry)).hint).toMatch(hint);
    }
  });

  it.each<[string, string | object, string]>([
    [
      "the registry's form",
      {
        errors: [
          { code: 'DENIED', message: 'no' },
          { code: 'X', message: '' },
        ],
      },
      'DENIED: no; X',
    ],
    [
      "OAuth's form",
      { error: 'invalid_scope', error_description: 'unknown scope' },
      'invalid_scope: unknown scope',
    ],
    ["Docker Hub's form", { details: 'incorrect username or password' }, 'incorrect username or password'],
    ['plain text', 'go\n\taway\u001b[31m\u202e', 'go away [31m'],
    ['the text of a page for a browser', '<html>go <b>away</b></html>', 'go away'],
    ['JSON that says nothing', '{"errors":[null,{"code":1}]}', 'HTTP status 401'],
    ['a long text', 'x'.repeat(500), `${'x'.repeat(400)}…`],
    ['more than 64 KiB', 'x'.repeat(70_000), 'HTTP status 401'],
  ])('is quoted: %s', async (_name, body, text) => {
    const { message } = await failure({ status: 401, body });
    expect(message).toBe(`not logged in to registry.example.com (token server auth.example.com): ${text}`);
  });

  it.each<[string, RegistryCredential, string]>([
    ['password', basic, 'p:ss"w/rd'],
    ['Authorization header', basic, Buffer.from('jane:p:ss"w/rd').toString('base64')],
    ['refresh token in a form', identity, 'refresh%2Bme%2Fnow'],
    ['refresh token', identity, 'refresh+me/now'],
  ])('and repeats our %s, does not make us repeat it', async (_name, credential, secret) => {
    for (const body of [`bad login ${secret}`, { errors: [{ code: secret, message: `x ${secret}` }] }]) {
      const error = await failure({ status: 403, body }, credential as TokenCredential);
      expect(error.message).toContain('REDACTED');
      expect(inspect(error, { showHidden: true, depth: 9 })).not.toContain(secret);
    }
  });

  it('nor does a password that is no Unicode text get in the way', async () => {
    const credential: TokenCredential = { kind: 'basic', username: 'jane', password: 'a b\ud800' };
    const { message } = await failure({ status: 403, body: 'no: a+b%EF%BF%BD' }, credential);
    expect(message).toMatch(/: no: REDACTED$/);
  });

  it('nor a part of it, where one secret stands inside another', async () => {
    const credential: TokenCredential = { kind: 'basic', username: 'jane', password: 'am' };
    const header = Buffer.from('jane:am').toString('base64');
    const { message } = await failure({ status: 403, body: `bad login ${header}` }, credential);
    expect(header).toContain('am');
    expect(message).toMatch(/: bad login REDACTED$/);
  });

  it('even where the length limit would cut the secret in two', async () => {
    const { message } = await failure({ status: 403, body: `${'x'.repeat(393)} p:ss"w/rd` }, basic);
    expect(message).not.toContain('p:ss');
  });
});
