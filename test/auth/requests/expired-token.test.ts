import { describe, expect, it } from 'vitest';

import { AuthClient } from '../../../src/auth/requests/auth-client.js';
import type { RegistryCredential } from '../../../src/auth/credentials/credential.js';
import type { HttpMethod, HttpResponse } from '../../../src/http/message.js';
import { having } from '../../support/credentials.js';
import { FakeHttp, type FakeAnswer } from '../fake-http.js';
import { A, get, jane, pull, registry, TOKEN } from '../test-registry.js';

/** Amazon's public registry, which issues the tokens `T1`, `T2` and so on, and accepts one of them. */
class PublicRegistry {
  accepted = 'T1';
  rejection: FakeAnswer = {
    status: 400,
    body: { errors: [{ code: 'DENIED', message: 'Your Authorization Token is invalid.' }] },
  };
  #given = 0;

  readonly http = new FakeHttp(({ url, headers }): FakeAnswer => {
    if (url.host === 'auth.example.com') {
      this.#given += 1;
      return { status: 200, body: { token: `T${this.#given}` } };
    }
    const { authorization } = headers;
    if (authorization === `Bearer ${this.accepted}`) return { status: 200 };
    return authorization === undefined
      ? { status: 401, headers: { 'www-authenticate': 'Bearer realm="https://auth.example.com/token"' } }
      : this.rejection;
  });
}

describe('an expired token at a registry that makes no challenge for it', () => {
  /** Sends one request with the first token, then another when the registry takes the second one only. */
  async function second(
    server: PublicRegistry,
    {
      login,
      method = 'GET',
    }: { readonly login?: RegistryCredential | undefined; readonly method?: HttpMethod } = {},
  ): Promise<HttpResponse> {
    const client = new AuthClient({ http: server.http, credentials: having(login) });
    await client.send(registry, get('a'), [pull('a')]);
    server.accepted = 'T2';
    server.http.sent.length = 0;
    return client.send(registry, get('a', { method }), [pull('a')]);
  }

  it.each([
    ['anonymous', undefined],
    ['of a user', jane],
  ])('is requested again, and the request sent once more: %s', async (_who, login) => {
    const server = new PublicRegistry();
    expect((await second(server, { login })).status).toBe(200);
    expect(server.http.log).toEqual([A, TOKEN, A]);
  });

  it('is requested again also after a HEAD, whose response has no message', async () => {
    const server = new PublicRegistry();
    server.rejection = { status: 400 };
    expect((await second(server, { method: 'HEAD' })).status).toBe(200);
  });

  it('is requested again once', async () => {
    const server = new PublicRegistry();
    const client = new AuthClient({ http: server.http, credentials: having(undefined) });
    server.accepted = 'none';
    const response = await client.send(registry, get('a'), [pull('a')]);
    expect(response.status).toBe(400);
    expect(server.http.log).toEqual([A, TOKEN, A, TOKEN, A]);
  });

  it.each([
    [
      'about the request',
      { status: 400, body: { errors: [{ code: 'NAME_INVALID', message: 'invalid name' }] } },
    ],
    ['about permissions', { status: 403, body: { errors: [{ code: 'DENIED', message: 'not yours' }] } }],
  ])('is not renewed if the error is %s', async (_what, rejection) => {
    const server = new PublicRegistry();
    server.rejection = rejection;
    const response = await second(server);
    expect(response.status).toBe(rejection.status);
    expect(server.http.log).toEqual([A]);
    expect(Buffer.from(await response.bytes(1000)).toString()).toContain(rejection.body.errors[0]?.message);
  });
});
