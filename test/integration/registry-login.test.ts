import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';

import { AuthClient } from '../../src/auth/requests/auth-client.js';
import type { RegistryCredential } from '../../src/auth/credentials/credential.js';
import { repositoryScope, type RepositoryAction } from '../../src/auth/requests/scope.js';
import { GotClient } from '../../src/http/got-client.js';
import type { HttpEvent, HttpMethod, HttpResponse } from '../../src/http/message.js';
import type { RegistryHost, RepositoryPath } from '../../src/oci/reference.js';
import { startRegistry, type RunningRegistry } from '../support/docker-registry.js';
import { describeIntegration } from '../support/integration.js';
import { run } from '../support/run.js';
import { having } from '../support/credentials.js';
import { TokenServer } from '../support/token-server.js';

const jane: RegistryCredential = { kind: 'basic', username: 'jane', password: 'secret' };

/** Sends to one registry, and writes down what went over the wire. */
class Bench {
  readonly lines: string[] = [];
  readonly #http: GotClient;
  readonly #auth: AuthClient;
  readonly #host: RegistryHost;

  constructor(registry: RunningRegistry, credential?: RegistryCredential) {
    this.#host = registry.host as RegistryHost;
    this.#http = new GotClient({
      userAgent: 'multiarch-test',
      retries: 0,
      onEvent: (event: HttpEvent) => {
        if (event.kind === 'response') this.lines.push(`${event.method} ${event.status}`);
      },
    });
    this.#auth = new AuthClient({ http: this.#http, credentials: having(credential) });
  }

  async send(
    method: HttpMethod,
    repository: string,
    rest: string,
    ...actions: readonly RepositoryAction[]
  ): Promise<HttpResponse> {
    const url = new URL(`https://${this.#host}/v2/${repository}/${rest}`);
    const scope = repositoryScope(repository as RepositoryPath, ...actions);
    const response = await this.#auth.send(this.#host, { method, url, negotiateScheme: true }, [scope]);
    response.discard();
    return response;
  }

  close(): void {
    this.#http.close();
  }
}

describeIntegration('a registry with a token server', ['docker-registry', 'openssl', 'skopeo'], () => {
  let tokens: TokenServer;
  let registry: RunningRegistry;
  const benches: Bench[] = [];
  const open = (credential?: RegistryCredential): Bench => {
    const bench = new Bench(registry, credential);
    benches.push(bench);
    return bench;
  };

  beforeAll(async () => {
    tokens = await TokenServer.start({
      users: [{ username: 'jane', password: 'secret', refreshToken: 'refresh' }],
      grants: [
        { username: 'jane', repository: '*', actions: ['pull', 'push'] },
        { repository: 'public', actions: ['pull'] },
      ],
    });
    registry = await startRegistry({ auth: { token: tokens.authority } });
  });
  beforeEach(() => {
    tokens.requests.length = 0;
  });
  afterAll(async () => {
    for (const bench of benches) bench.close();
    await registry.stop();
    await tokens.stop();
  });

  it.each<[string, RegistryCredential]>([
    ['user name and password', jane],
    ['refresh token', { kind: 'identity', token: 'refresh' }],
  ])('lets in by %s', async (_name, credential) => {
    const bench = open(credential);
    expect((await bench.send('POST', 'app', 'blobs/uploads/', 'pull', 'push')).status).toBe(202);
    expect(tokens.requests).toMatchObject([
      {
        account: 'jane',
        service: 'multiarch-test-registry',
        scopes: ['repository:app:pull,push'],
        status: 200,
      },
    ]);
    expect(bench.lines.slice(1)).toEqual([expect.stringMatching(/^(GET|POST) 200$/), 'POST 202']);
  });

  it('lets everybody read what is public, and nobody else write', async () => {
    const bench = open();
    expect((await bench.send('GET', 'public', 'manifests/none', 'pull')).status).toBe(404);
    expect((await bench.send('POST', 'public', 'blobs/uploads/', 'pull', 'push')).status).toBe(401);
    expect((await bench.send('GET', 'app', 'manifests/none', 'pull')).status).toBe(401);
  });

  it('is asked by twenty at once with one refusal and one token', async () => {
    const bench = open(jane);
    const names = Array.from({ length: 20 }, (_value, index) => `r${index}`);
    const responses = await Promise.all(
      names.map((name) => bench.send('HEAD', name, 'manifests/none', 'pull')),
    );
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([404]));
    expect(bench.lines.toSorted()).toEqual(
      ['GET 200', 'HEAD 401', ...names.map(() => 'HEAD 404')].toSorted(),
    );
    expect(tokens.requests).toHaveLength(1);
  });

  it('says in its own words that the password is wrong', async () => {
    const bench = open({ kind: 'basic', username: 'jane', password: 'wrong' });
    await expect(bench.send('GET', 'app', 'manifests/none', 'pull')).rejects.toThrow(
      /^the login for 127\.0\.0\.1:\d+ was rejected \(token server 127\.0\.0\.1:\d+\): incorrect username or password$/,
    );
  });

  it('takes its tokens from other clients too', async () => {
    const words = [
      'list-tags',
      '--tls-verify=false',
      '--creds',
      'jane:secret',
      `docker://${registry.host}/app`,
    ];
    const { stderr } = await run('skopeo', words);
    // It is let in, and told that there is nothing.
    expect(stderr).toMatch(/404|name unknown/);
    expect(tokens.requests).toMatchObject([
      { account: 'jane', scopes: ['repository:app:pull'], status: 200 },
    ]);
  });
});

describeIntegration('a registry with Basic authentication', ['docker-registry', 'htpasswd'], () => {
  let registry: RunningRegistry;
  beforeAll(async () => {
    registry = await startRegistry({ auth: { htpasswd: [{ username: 'jane', password: 'secret' }] } });
  });
  afterAll(() => registry.stop());

  it.each<[string, RegistryCredential | undefined, number, readonly string[]]>([
    ['lets in by user name and password', jane, 202, ['POST 401', 'POST 202']],
    ['keeps out who has none', undefined, 401, ['POST 401']],
    ['keeps out a wrong password', { ...jane, password: 'wrong' }, 401, ['POST 401', 'POST 401']],
  ])('%s', async (_name, credential, status, lines) => {
    const bench = new Bench(registry, credential);
    expect((await bench.send('POST', 'app', 'blobs/uploads/', 'pull', 'push')).status).toBe(status);
    expect(bench.lines).toEqual(lines);
    bench.close();
  });
});
