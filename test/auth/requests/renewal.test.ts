import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';

import { describe, expect, it } from 'vitest';

import { AuthClient } from '../../../src/auth/requests/auth-client.js';
import { FoundCredential, type CredentialProvider } from '../../../src/auth/credentials/credential.js';
import { dockerConfig } from '../../../src/auth/credentials/file-providers.js';
import { FakeHttp, type FakeAnswer, type SentRequest } from '../fake-http.js';
import { installHelper } from '../helper-program.js';
import { get, pull, registry } from '../test-registry.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

/** A provider whose credential expires: the password is `p1`, then `p2`, and so on, up to the last one. */
class Renewing implements CredentialProvider {
  readonly name = 'test';
  fetched = 0;
  #current: FoundCredential | undefined;

  constructor(readonly last = Infinity) {}

  find(): Promise<FoundCredential> {
    this.#current ??= this.#fetch();
    return Promise.resolve(this.#current);
  }

  #fetch(): FoundCredential {
    this.fetched += 1;
    const password = `p${Math.min(this.fetched, this.last)}`;
    const found: FoundCredential = new FoundCredential(
      { kind: 'basic', username: 'AWS', password },
      {
        provider: 'test',
        origin: 'test',
        renewal: {
          isFresh: () => false,
          forget: () => {
            if (this.#current === found) this.#current = undefined;
          },
        },
      },
    );
    return found;
  }
}

const passwordIn = ({ headers }: SentRequest): string | undefined =>
  Buffer.from((headers['authorization'] ?? '').replace('Basic ', ''), 'base64')
    .toString()
    .split(':')[1];
const CHALLENGE: FakeAnswer = { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } };
const EXPIRED: FakeAnswer = {
  status: 403,
  body: { errors: [{ code: 'DENIED', message: 'Your authorization token has expired' }] },
};
const DENIED: FakeAnswer = { status: 403, body: { errors: [{ code: 'DENIED', message: 'not yours' }] } };

/** A registry with Basic authentication that accepts one password, and has this response for others. */
const taking = (accepted: string | (() => string), rejection: FakeAnswer): FakeHttp =>
  new FakeHttp((request) => {
    const password = passwordIn(request);
    if (password === undefined) return CHALLENGE;
    return password === (typeof accepted === 'string' ? accepted : accepted())
      ? { status: 200, body: 'ok' }
      : rejection;
  });

describe('an expired credential', () => {
  it('is fetched again, and the request sent once more, after a 403 with that message', async () => {
    const http = taking('p2', EXPIRED);
    const provider = new Renewing();
    const client = new AuthClient({ http, credentials: provider });
    expect((await client.send(registry, get('a'), [pull('a')])).status).toBe(200);
    expect(http.sent.map(passwordIn)).toEqual([undefined, 'p1', 'p2']);
    expect((await client.send(registry, get('a'), [pull('a')])).status).toBe(200);
    expect([provider.fetched, http.sent.length]).toEqual([2, 4]);
  });

  it('is fetched again also later', async () => {
    let accepted = 'p1';
    const http = taking(() => accepted, EXPIRED);
    const client = new AuthClient({ http, credentials: new Renewing() });
    await client.send(registry, get('a'), [pull('a')]);
    accepted = 'p2';
    expect((await client.send(registry, get('a'), [pull('a')])).status).toBe(200);
    expect(http.sent.map(passwordIn)).toEqual([undefined, 'p1', 'p1', 'p2']);
  });

  it('is fetched once for all requests that were rejected together', async () => {
    let accepted = 'p1';
    const http = taking(() => accepted, EXPIRED);
    const provider = new Renewing();
    const client = new AuthClient({ http, credentials: provider });
    await client.send(registry, get('a'), [pull('a')]);
    accepted = 'p2';
    const responses = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => client.send(registry, get(name), [pull(name)])),
    );
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(provider.fetched).toBe(2);
  });

  it('is fetched again with its token, after a 400 with that message', async () => {
    const http = new FakeHttp((request): FakeAnswer => {
      const { url, headers } = request;
      if (url.host === 'auth.example.com')
        return { status: 200, body: { token: `T-${passwordIn(request)}` } };
      if (headers['authorization'] === 'Bearer T-p2') return { status: 200 };
      if (headers['authorization'] !== undefined) return { ...EXPIRED, status: 400 };
      return {
        status: 401,
        headers: { 'www-authenticate': 'Bearer realm="https://auth.example.com/token"' },
      };
    });
    const client = new AuthClient({ http, credentials: new Renewing() });
    expect((await client.send(registry, get('a'), [pull('a')])).status).toBe(200);
    expect(http.sent).toHaveLength(5);
  });

  it('is fetched again if the token server rejects it', async () => {
    const http = new FakeHttp((request): FakeAnswer => {
      const { url, headers } = request;
      if (url.host === 'auth.example.com') {
        return passwordIn(request) === 'p2'
          ? { status: 200, body: { token: 'T' } }
          : { ...EXPIRED, status: 401 };
      }
      if (headers['authorization'] === 'Bearer T') return { status: 200 };
      return {
        status: 401,
        headers: { 'www-authenticate': 'Bearer realm="https://auth.example.com/token"' },
      };
    });
    const client = new AuthClient({ http, credentials: new Renewing() });
    expect((await client.send(registry, get('a'), [pull('a')])).status).toBe(200);
  });

  it('is not fetched a third time', async () => {
    const http = taking('never', EXPIRED);
    const provider = new Renewing();
    const client = new AuthClient({ http, credentials: provider });
    expect((await client.send(registry, get('a'), [pull('a')])).status).toBe(403);
    expect(http.sent.map(passwordIn)).toEqual([undefined, 'p1', 'p2']);
  });

  it('is not sent again if the provider has no other, and the response can still be read', async () => {
    const http = taking('never', EXPIRED);
    const client = new AuthClient({ http, credentials: new Renewing(1) });
    const response = await client.send(registry, get('a'), [pull('a')]);
    expect(http.sent.map(passwordIn)).toEqual([undefined, 'p1']);
    expect(Buffer.from(await response.bytes(1000)).toString()).toContain('has expired');
    const chunks: unknown[] = [];
    for await (const chunk of response.body) chunks.push(chunk);
    expect(chunks).toHaveLength(1);
    expect(http.open).toBe(0);
  });

  it('is not fetched again after another message', async () => {
    const http = taking('never', DENIED);
    const provider = new Renewing();
    const client = new AuthClient({ http, credentials: provider });
    const response = await client.send(registry, get('a'), [pull('a')]);
    expect([response.status, provider.fetched, http.open]).toEqual([403, 1, 0]);
    expect(Buffer.from(await response.bytes(1000)).toString()).toContain('not yours');
    expect(response.headerValues('x-none')).toEqual([]);
    await expect(response.bytes(3)).rejects.toThrow('longer than the allowed 3 bytes');
  });
});

describe("a helper's credential", () => {
  /** A registry that accepts only the helper's second password. */
  async function bench(): Promise<{ http: FakeHttp; client: AuthClient; pass: () => void }> {
    const home = await temporaryDirectory();
    const counted = `echo x >> '${home}/count'
printf '{"Username":"AWS","Secret":"p%s"}' "$(wc -l < '${home}/count' | tr -d ' ')"`;
    const { env } = await installHelper(home, 'vault', counted);
    await writeFile(join(home, 'config.json'), '{"credsStore":"vault"}');
    let now = 0;
    const environment = {
      env: { ...env, DOCKER_CONFIG: home },
      homeDirectory: home,
      platform: process.platform,
    };
    const credentials = dockerConfig(environment, () => now);
    const http = taking('p2', CHALLENGE);
    return { http, client: new AuthClient({ http, credentials }), pass: () => (now += 60_000) };
  }

  it('is fetched again if it is rejected after a minute', async () => {
    const { http, client, pass } = await bench();
    await client.send(registry, get('a'), [pull('a')]);
    pass();
    expect((await client.send(registry, get('a'), [pull('a')])).status).toBe(200);
    expect(http.sent.map(passwordIn)).toEqual([undefined, 'p1', 'p1', 'p2']);
  });

  it('is not fetched again if it is rejected at once', async () => {
    const { http, client } = await bench();
    await client.send(registry, get('a'), [pull('a')]);
    expect((await client.send(registry, get('a'), [pull('a')])).status).toBe(401);
    expect(http.sent.map(passwordIn)).toEqual([undefined, 'p1', 'p1']);
  });
});
