import { describe, expect, it } from 'vitest';

import { AuthClient } from '../../../src/auth/requests/auth-client.js';
import { checkTokenServer, resolveRealm } from '../../../src/auth/requests/realm.js';
import { UnauthorizedError } from '../../../src/oci/errors.js';
import type { RegistryHost } from '../../../src/oci/reference.js';
import { having } from '../../support/credentials.js';
import { failureOf } from '../../support/failure.js';
import { startScriptedServer } from '../../support/scripted-server.js';
import { makeTestClient } from '../../support/test-client.js';

const registry = { url: new URL('https://registry.example.com/v2/app/manifests/1') };
const local = { url: new URL('http://registry.corp:5000/v2/'), remoteAddress: '10.0.0.5' };

describe('the token server of a realm', () => {
  it.each([
    ['another host', 'https://auth.example.net/token', 'https://auth.example.net/token'],
    ['a query', 'https://auth.example.net/token?a=b', 'https://auth.example.net/token?a=b'],
    ['a path', '/token', 'https://registry.example.com/token'],
    ['a relative path', 'token', 'https://registry.example.com/v2/app/manifests/token'],
  ])('with %s', (_name, realm, expected) => {
    expect(resolveRealm(realm, registry).href).toBe(expected);
  });

  it('may be at a private address if the registry was reached at one', () => {
    expect(resolveRealm('http://10.0.0.6:5001/token', local).port).toBe('5001');
    expect(() => checkTokenServer(new URL('http://10.0.0.7/token'), local)).not.toThrow();
  });

  it.each([
    ['what the policy rejects', 'https://10.0.0.6/token'],
    ['no URL', 'https://'],
  ])('is not %s', (_name, realm) => {
    expect(() => resolveRealm(realm, registry)).toThrow(UnauthorizedError);
  });

  it('the message names both hosts and nothing secret', () => {
    expect(() => resolveRealm('https://user:secret@auth.example.net/token?key=secret', registry)).toThrow(
      /^rejected the token server https:\/\/auth\.example\.net that registry\.example\.com names: it contains user information$/,
    );
  });

  it('is not a name that resolves to what the policy rejects', async () => {
    const server = await startScriptedServer();
    const challenge = { 'www-authenticate': 'Bearer realm="http://auth.example/token"' };
    server.expect({ method: 'GET', path: '/v2/', answer: { status: 401, headers: challenge } });
    const { client } = makeTestClient({
      lookup: (_name, _options, callback) => callback(null, [{ address: '169.254.169.254', family: 4 }]),
    });
    const credentials = having({ kind: 'basic', username: 'jane', password: 'secret' });
    const auth = new AuthClient({ http: client, credentials });
    const request = { method: 'GET', url: server.url('/v2/'), negotiateScheme: true } as const;
    const error = await failureOf(auth.send(server.host as RegistryHost, request, []), UnauthorizedError);
    expect(error.message).toBe(
      `rejected the token server http://auth.example that ${server.host} names: auth.example resolves to 169.254.169.254, the metadata service of a cloud`,
    );
    expect(error.hint).toContain('No credential was sent there.');
  });
});
