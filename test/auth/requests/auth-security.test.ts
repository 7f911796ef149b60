import { inspect } from 'node:util';

import { describe, expect, it } from 'vitest';

import { AuthClient } from '../../../src/auth/requests/auth-client.js';
import type { RegistryCredential } from '../../../src/auth/credentials/credential.js';
import { repositoryScope } from '../../../src/auth/requests/scope.js';
import type { HttpClient, HttpRequest } from '../../../src/http/message.js';
import { UnauthorizedError } from '../../../src/oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../../../src/oci/reference.js';
import { having } from '../../support/credentials.js';
import { FakeHttp, type FakeAnswer, type SentRequest } from '../fake-http.js';

const jane: RegistryCredential = { kind: 'basic', username: 'jane', password: 'topsecret' };
const scopes = [repositoryScope('a' as RepositoryPath, 'pull')];
const TOKEN_CHALLENGE = { 'www-authenticate': 'Bearer realm="https://auth.example.com/token"' };

function client(http: FakeHttp, credential: RegistryCredential = jane): AuthClient {
  return new AuthClient({ http, credentials: having(credential) });
}

function request(url: string, more: Partial<HttpRequest> = {}): HttpRequest {
  return { method: 'GET', url: new URL(url), negotiateScheme: true, ...more };
}

/** The destination of each Authorization header. */
function authorized(http: FakeHttp): string[] {
  return http.sent.filter(({ headers }) => 'authorization' in headers).map(({ url }) => url.origin);
}

const basic = ({ headers }: SentRequest): FakeAnswer =>
  'authorization' in headers
    ? { status: 200 }
    : { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } };

describe('CVE-2020-15157: a challenge of another server gets no credential', () => {
  const evil: FakeAnswer = { status: 401, headers: { 'www-authenticate': 'Basic realm="give it to me"' } };

  it('after a redirect', async () => {
    const http = new FakeHttp(({ url }) =>
      url.host === 'evil.example.net'
        ? evil
        : { status: 307, headers: { location: 'https://evil.example.net/blob' } },
    );
    const response = await client(http).send(
      'registry.example.com' as RegistryHost,
      request('https://registry.example.com/v2/a/blobs/x'),
      scopes,
    );
    expect(response.status).toBe(401);
    expect(authorized(http)).toEqual([]);
  });

  it('after a redirect to a token server of its own', async () => {
    const http = new FakeHttp(({ url }) =>
      url.host === 'evil.example.net'
        ? { status: 401, headers: { 'www-authenticate': 'Bearer realm="https://evil.example.net/token"' } }
        : { status: 307, headers: { location: 'https://evil.example.net/blob' } },
    );
    await client(http).send(
      'registry.example.com' as RegistryHost,
      request('https://registry.example.com/v2/a/blobs/x'),
      scopes,
    );
    expect(http.log).toEqual(['GET registry.example.com/v2/a/blobs/x', 'GET evil.example.net/blob']);
  });

  it('after redirects that lead back to another page of the registry', async () => {
    const http = new FakeHttp(({ url }) => {
      if (url.host === 'evil.example.net') {
        return { status: 307, headers: { location: 'https://registry.example.com/user-content/page' } };
      }
      return url.pathname === '/user-content/page'
        ? { status: 401, headers: { 'www-authenticate': 'Bearer realm="https://evil.example.net/token"' } }
        : { status: 307, headers: { location: 'https://evil.example.net/blob' } };
    });
    const response = await client(http).send(
      'registry.example.com' as RegistryHost,
      request('https://registry.example.com/v2/a/blobs/x'),
      scopes,
    );
    expect(response.status).toBe(401);
    expect(http.log).toEqual([
      'GET registry.example.com/v2/a/blobs/x',
      'GET evil.example.net/blob',
      'GET registry.example.com/user-content/page',
    ]);
    expect(authorized(http)).toEqual([]);
  });

  it('for a request that another server chose', async () => {
    const http = new FakeHttp(basic);
    const response = await client(http).send(
      'registry.example.com' as RegistryHost,
      request('https://registry.example.com/v2/a/blobs/uploads/1', { method: 'PUT', isAnonymous: true }),
      scopes,
    );
    expect(response.status).toBe(401);
    expect(authorized(http)).toEqual([]);
  });

  it.each([
    ['another host', 'https://evil.example.net/v2/a/blobs/x'],
    ['another port', 'https://registry.example.com:8443/v2/a/blobs/x'],
    ['a host that begins alike', 'https://registry.example.com.evil.example.net/x'],
    ['a host that ends alike', 'https://evil-registry.example.com/x'],
    ['the user part of a URL', 'https://registry.example.com@evil.example.net/x'],
  ])('on a direct request, as for an upload or foreign layer: %s', async (_name, url) => {
    // The registry has made a challenge before, so the credential is known.
    const http = new FakeHttp(({ headers }) => ('authorization' in headers ? { status: 200 } : evil));
    const auth = client(http);
    const registry = 'registry.example.com' as RegistryHost;
    await auth.send(registry, request('https://registry.example.com/v2/'), scopes);
    expect((await auth.send(registry, request(url), scopes)).status).toBe(401);
    expect(authorized(http)).toEqual(['https://registry.example.com']);
    expect(http.sent).toHaveLength(3);
  });
});

describe('CVE-2026-12566: a registry cannot send the credential to any server', () => {
  it.each([
    'http://auth.example.com/token',
    'https://169.254.169.254/token',
    'https://127.0.0.1/token',
    'https://[::1]:8443/token',
    'https://user:pass@auth.example.com/token',
    'file:///token',
  ])('%s', async (realm) => {
    const http = new FakeHttp(() => ({
      status: 401,
      headers: { 'www-authenticate': `Bearer realm="${realm}"` },
    }));
    const sent = client(http).send(
      'registry.example.com' as RegistryHost,
      request('https://registry.example.com/v2/'),
      scopes,
    );
    await expect(sent).rejects.toThrow(UnauthorizedError);
    expect([http.sent.length, authorized(http).length, http.open]).toEqual([1, 0, 0]);
  });

  it('also not by a redirect of the token server', async () => {
    const http = new FakeHttp(({ url }): FakeAnswer => {
      if (url.host === 'registry.example.com') return { status: 401, headers: TOKEN_CHALLENGE };
      return { status: 302, headers: { location: 'https://169.254.169.254/token' } };
    });
    const sent = client(http).send(
      'registry.example.com' as RegistryHost,
      request('https://registry.example.com/v2/'),
      scopes,
    );
    await expect(sent).rejects.toThrow('rejected the token server https://169.254.169.254');
    expect(http.log).toEqual(['GET registry.example.com/v2/', 'GET auth.example.com/token']);
  });
});

describe('clear text', () => {
  it('never carries a credential unless plain HTTP is allowed', async () => {
    const http = new FakeHttp(basic);
    const sent = request('http://registry.example.com/v2/', { negotiateScheme: false });
    expect((await client(http).send('registry.example.com' as RegistryHost, sent, scopes)).status).toBe(401);
    expect(authorized(http)).toEqual([]);
  });

  it.each([
    ['on this machine', '127.0.0.1:5000', request('http://127.0.0.1:5000/v2/', { negotiateScheme: false })],
    ['if the client has negotiated it', 'registry.example.com', request('https://registry.example.com/v2/')],
  ])('carries a credential %s', async (_name, host, sent) => {
    const http = new FakeHttp(basic, [host]);
    expect((await client(http).send(host as RegistryHost, sent, scopes)).status).toBe(200);
    expect(authorized(http)).toEqual([`http://${host}`]);
  });

  it('after a redirect from HTTPS is not the registry', async () => {
    const http = new FakeHttp((sent) =>
      sent.url.protocol === 'https:'
        ? { status: 307, headers: { location: 'http://registry.example.com/v2/' } }
        : basic(sent),
    );
    const sent = request('https://registry.example.com/v2/', { negotiateScheme: false });
    expect((await client(http).send('registry.example.com' as RegistryHost, sent, scopes)).status).toBe(401);
    expect(authorized(http)).toEqual([]);
  });
});

describe('a token is not leaked', () => {
  it('to the host that the registry redirects to', async () => {
    const http = new FakeHttp(({ url, headers }): FakeAnswer => {
      if (url.host === 'auth.example.com') return { status: 200, body: { token: 'sesame' } };
      if (url.host === 'storage.example.net') return { status: 200 };
      if (!('authorization' in headers)) return { status: 401, headers: TOKEN_CHALLENGE };
      return { status: 307, headers: { location: 'https://storage.example.net/blob' } };
    });
    const sent = client(http).send(
      'registry.example.com' as RegistryHost,
      request('https://registry.example.com/v2/a/blobs/x'),
      scopes,
    );
    expect((await sent).url.host).toBe('storage.example.net');
    expect(authorized(http)).toEqual(['https://auth.example.com', 'https://registry.example.com']);
  });

  it.each<[string, RegistryCredential]>([
    ['user name and password', jane],
    ['refresh token', { kind: 'identity', token: 'topsecret' }],
    ['registry token', { kind: 'bearer', token: 'topsecret' }],
  ])('and neither is the %s by printing the client or its errors', async (_name, credential) => {
    const responses: FakeAnswer[] = [{ status: 200, body: { token: 'sesame' } }];
    const http = new FakeHttp(({ url, headers }): FakeAnswer => {
      if (url.host === 'auth.example.com') return responses.shift() ?? { status: 403, body: 'topsecret' };
      return 'authorization' in headers ? { status: 200 } : { status: 401, headers: TOKEN_CHALLENGE };
    });
    // The fake keeps what was sent, so the client gets only its methods.
    const sender: HttpClient = {
      send: (sent) => http.send(sent),
      preconnect: async () => undefined,
      close() {},
    };
    const auth = new AuthClient({
      http: sender,
      credentials: having(credential),
    });
    const registry = 'registry.example.com' as RegistryHost;
    const get = request('https://registry.example.com/v2/');
    expect((await auth.send(registry, get, scopes)).status).toBe(200);
    // The first token is still cached when the token server denies the second.
    const more = repositoryScope('b' as RepositoryPath, 'pull');
    const failed: unknown = await auth.send(registry, get, [more]).catch((error: unknown) => error);
    expect(failed instanceof UnauthorizedError).toBe(credential.kind !== 'bearer');
    const errors = failed instanceof Error ? [failed] : [];
    const shown = inspect([auth, ...errors], {
      showHidden: true,
      depth: Infinity,
      getters: true,
    });
    expect(shown).not.toMatch(/topsecret|sesame|dG9wc2VjcmV0/);
    expect(JSON.stringify(auth)).toBe('{}');
  });
});

it('a token of one token server is not used for another one that the registry names later', async () => {
  const asked: string[] = [];
  // The registry names another realm, and accepts its tokens, for each repository.
  const realms = new Map([
    ['a', 'one'],
    ['b', 'two'],
  ]);
  const http = new FakeHttp(({ url, headers }): FakeAnswer => {
    if (url.host.endsWith('.auth.example')) {
      asked.push(`${url.host} ${url.searchParams.get('scope')}`);
      // All differ, since a rejected token is forgotten by its value.
      return { status: 200, body: { token: `${url.host}.${asked.length}` } };
    }
    const realm = realms.get(url.pathname.split('/')[2] ?? '');
    const challenge = `Bearer realm="https://${realm}.auth.example/token",service="s"`;
    return headers['authorization']?.startsWith(`Bearer ${realm}.`) === true
      ? { status: 200 }
      : { status: 401, headers: { 'www-authenticate': challenge } };
  });
  const auth = client(http);
  const get = async (name: string): Promise<number> => {
    const url = `https://registry.example.com/v2/${name}/manifests/1`;
    const scope = repositoryScope(name as RepositoryPath, 'pull');
    return (await auth.send('registry.example.com' as RegistryHost, request(url), [scope])).status;
  };
  expect([await get('a'), await get('b')]).toEqual([200, 200]);
  asked.length = 0;
  // From now on this repository uses the second server too, and the first one's token is invalid.
  realms.set('a', 'two');
  http.sent.length = 0;
  expect(await get('a')).toBe(200);
  expect(asked).toEqual(['two.auth.example repository:a:pull']);
  expect(http.sent.map(({ headers }) => headers['authorization']).join()).not.toContain('Bearer one.');
});
