import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { failure, json, read, type Answer } from './fake-server.js';

/** The one account of a registry in memory. */
export interface MemoryAccount {
  readonly kind: 'basic' | 'bearer';
  readonly username: string;
  /** Also the refresh token. */
  readonly password: string;
  /** Whether anonymous clients may pull. @default false */
  readonly anonymousPull?: boolean;
}

/** The authentication of a registry in memory: Basic, or a token endpoint that issues opaque tokens for scopes. */
export class MemoryAuth {
  readonly #account: MemoryAccount;
  readonly #realm: string;
  readonly #tokens = new Map<string, readonly string[]>();

  constructor(account: MemoryAccount, realm: string) {
    this.#account = account;
    this.#realm = realm;
  }

  /** Expires all tokens. */
  expireTokens(): void {
    this.#tokens.clear();
  }

  /** Returns the error response to an unauthorized request. */
  check(request: IncomingMessage, url: URL, path: string | undefined): Answer | undefined {
    const auth = this.#account;
    const action = request.method === 'GET' || request.method === 'HEAD' ? 'pull' : 'push';
    const needed = path === undefined ? [] : [`repository:${path}:${action}`];
    const from = url.searchParams.get('from');
    if (from !== null) needed.push(`repository:${from}:pull`);
    const given = request.headers.authorization ?? '';
    const granted =
      auth.kind === 'basic'
        ? this.#grants(given, needed)
        : (this.#tokens.get(given.replace(/^Bearer /, '')) ?? []);
    const known =
      auth.kind === 'basic' ? this.#isAccount(given) : this.#tokens.has(given.replace(/^Bearer /, ''));
    if (needed.every((scope) => granted.includes(scope)) && (known || needed.length > 0)) return undefined;
    const challenge =
      auth.kind === 'basic'
        ? 'Basic realm="memory"'
        : `Bearer realm="${this.#realm}",service="memory",scope="${needed.join(' ').replace(':push', ':pull,push')}"`;
    return {
      ...failure(401, 'UNAUTHORIZED', 'authentication required'),
      headers: { 'www-authenticate': challenge },
    };
  }

  /** The granted scopes for an Authorization header. */
  #grants(authorization: string | undefined, scopes: readonly string[]): readonly string[] {
    const auth = this.#account;
    if (this.#isAccount(authorization)) return scopes;
    return auth.anonymousPull === true ? scopes.filter((scope) => scope.endsWith(':pull')) : [];
  }

  #isAccount(authorization: string | undefined): boolean {
    const { username, password } = this.#account;
    return authorization === `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  }

  /** The token endpoint. */
  async token(request: IncomingMessage, url: URL): Promise<Answer> {
    const form =
      request.method === 'POST' ? new URLSearchParams((await read(request)).toString()) : undefined;
    const requested = (form ?? url.searchParams).getAll('scope').flatMap((scopes) => scopes.split(' '));
    const each = requested.flatMap((scope) => {
      const [type, path, actions = ''] = scope.split(':');
      return actions.split(',').map((action) => `${type}:${path}:${action}`);
    });
    // The refresh token is the password of the account. A wrong login is an error, a missing login is anonymous.
    const { authorization } = request.headers;
    const identified = form !== undefined && form.get('refresh_token') === this.#account.password;
    const granted = identified ? each : this.#grants(authorization, each);
    const wrong = authorization !== undefined && !this.#isAccount(authorization);
    if (wrong || ((authorization !== undefined || form !== undefined) && granted.length < each.length)) {
      return failure(401, 'UNAUTHORIZED', 'incorrect username or password');
    }
    const token = randomUUID();
    this.#tokens.set(token, granted);
    return json(200, { token, access_token: token, expires_in: 300 });
  }
}
