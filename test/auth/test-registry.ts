import { AuthClient } from '../../src/auth/requests/auth-client.js';
import type { RegistryCredential, CredentialProvider } from '../../src/auth/credentials/credential.js';
import { repositoryScope, type Scope } from '../../src/auth/requests/scope.js';
import type { HttpRequest } from '../../src/http/message.js';
import type { RegistryHost, RepositoryPath } from '../../src/oci/reference.js';
import { found, having } from '../support/credentials.js';
import { FakeHttp, type FakeAnswer, type SentRequest } from './fake-http.js';

export const registry = 'registry.example.com' as RegistryHost;
export const jane: RegistryCredential = { kind: 'basic', username: 'jane', password: 'secret' };
export const basicOfJane = `Basic ${Buffer.from('jane:secret').toString('base64')}`;

const path = (text: string): RepositoryPath => text as RepositoryPath;
export const pull = (name: string): Scope => repositoryScope(path(name), 'pull');
export const push = (name: string): Scope => repositoryScope(path(name), 'pull', 'push');

export function get(name: string, more: Partial<HttpRequest> = {}): HttpRequest {
  const url = new URL(`https://registry.example.com/v2/${name}/manifests/1`);
  return { method: 'GET', url, negotiateScheme: true, ...more };
}

/** Another credential for each repository. */
export const byPath: CredentialProvider = {
  name: 'test',
  find: (_registry, name) => Promise.resolve(found({ kind: 'basic', username: name ?? '', password: 'x' })),
};

interface TestRegistryOptions {
  /** The granted scopes of a token request. @default all */
  readonly grant?: (scopes: readonly string[]) => readonly string[];
  /** Replaces the response of the token server. */
  readonly tokenAnswer?: (request: SentRequest) => FakeAnswer | Promise<FakeAnswer> | undefined;
}

/** A registry with a token server. A request needs `pull` of its repository to read, `push` to write. */
export class TestRegistry {
  readonly http: FakeHttp;
  readonly tokens = new Map<string, readonly string[]>();
  readonly #options: TestRegistryOptions;

  constructor(options: TestRegistryOptions = {}) {
    this.#options = options;
    this.http = new FakeHttp((request) =>
      request.url.host === 'auth.example.com' ? this.#token(request) : this.#serve(request),
    );
  }

  client(credential?: RegistryCredential): AuthClient {
    return new AuthClient({ http: this.http, credentials: having(credential) });
  }

  async #token(request: SentRequest): Promise<FakeAnswer> {
    const special = await this.#options.tokenAnswer?.(request);
    if (special !== undefined) return special;
    const asked = request.url.searchParams.getAll('scope');
    const token = `T${this.tokens.size + 1}`;
    this.tokens.set(token, this.#options.grant?.(asked) ?? asked);
    return { status: 200, body: { token, expires_in: 300 } };
  }

  #serve({ method, url, headers }: SentRequest): FakeAnswer {
    const name = /^\/v2\/(.+)\/manifests\//.exec(url.pathname)?.[1] ?? '';
    const action = method === 'GET' ? 'pull' : 'push';
    const granted = this.tokens.get((headers['authorization'] ?? '').replace('Bearer ', '')) ?? [];
    if (granted.some((scope) => scope.startsWith(`repository:${name}:`) && scope.includes(action))) {
      return { status: 200, body: 'ok' };
    }
    const challenge = `Bearer realm="https://auth.example.com/token",service="reg",scope="repository:${name}:${action}"`;
    return { status: 401, headers: { 'www-authenticate': challenge } };
  }

  /** The scopes of each token request so far. */
  get asked(): readonly (readonly string[])[] {
    return this.http.sent
      .filter(({ url }) => url.host === 'auth.example.com')
      .map(({ url }) => url.searchParams.getAll('scope'));
  }
}

export const TOKEN = 'GET auth.example.com/token';
export const A = 'GET registry.example.com/v2/a/manifests/1';
export const B = 'GET registry.example.com/v2/b/manifests/1';
