import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { failure, json, read, type Answer } from './recording-server.js';

/** The one account of a registry in memory. */
export interface MemoryAccount {
  readonly kind: 'basic' | 'bearer';
  readonly username: string;
  /** Serves as refresh token too. */
  readonly password: string;
  /** Whether who does not log in may read. @default false */
  readonly anonymousPull?: boolean;
}

/** Guards a registry in memory: Basic, or opaque tokens that are bound to scopes and a token endpoint that gives them out. */
export class MemoryAuth {
  readonly #account: MemoryAccount;
  readonly #realm: string;
  readonly #tokens = new Map<string, readonly string[]>();

  constructor(account: MemoryAccount, realm: string) {
    this.#account = account;
    this.#realm = realm;
  }

  /** Makes all tokens given out so far worthless. */
  expireTokens(): void {
    this.#tokens.clear();
  }

  /** The answer to a request that lacks the rights it needs. */
  refuse(request: IncomingMessage, url: URL, path: string | undefined): Answer | undefined {
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

  /** Those of `scopes` that the bearer of this Authorization header gets. */
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
    const asked = (form ?? url.searchParams).getAll('scope').flatMap((scopes) => scopes.split(' '));
    const each = asked.flatMap((scope) => {
      const [type, path, actions = ''] = scope.split(':');
      return actions.split(',').map((action) => `${type}:${path}:${action}`);
    });
    // A refresh token is the account's password in other clothes; a wrong login is refused, no login is anonymous.
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
