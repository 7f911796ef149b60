import { createHash, generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { TokenAuthority } from './docker-registry.js';
import { mustRun } from './run.js';

export interface TokenUser {
  readonly username: string;
  readonly password: string;
  /** The refresh token of the user. @default none */
  readonly refreshToken?: string;
}

/** A permission for a repository. */
interface TokenGrant {
  /** @default all users, including anonymous ones */
  readonly username?: string;
  /** The path of the repository, or `*` for all. */
  readonly repository: string;
  readonly actions: readonly string[];
}

export interface TokenServerOptions {
  readonly users?: readonly TokenUser[];
  readonly grants?: readonly TokenGrant[];
  /** The delay before each response, in milliseconds. @default 0 */
  readonly delay?: number;
  /** The lifetime of a token, in seconds. @default 300 */
  readonly lifetime?: number;
}

export interface TokenRequestEntry {
  readonly method: string;
  readonly account: string | undefined;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  readonly status: number;
}

interface Access {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

interface Signer {
  readonly key: KeyObject;
  readonly keyId: string;
}

const SERVICE = 'multiarch-test-registry';
const ISSUER = 'multiarch-test-issuer';

/**
 * A token server for a real registry. It signs JWTs for distribution's `auth: token`, for GET requests with user name and
 * password and for POST requests with a refresh token or a password.
 */
export class TokenServer {
  /** The option of `startRegistry`. */
  readonly authority: TokenAuthority;
  /** All token requests so far. */
  readonly requests: TokenRequestEntry[] = [];
  readonly #server: Server;
  readonly #signer: Signer;
  readonly #options: TokenServerOptions;
  readonly #directory: string;

  private constructor(directory: string, server: Server, signer: Signer, options: TokenServerOptions) {
    this.#directory = directory;
    this.#server = server;
    this.#signer = signer;
    this.#options = options;
    this.authority = {
      realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
      service: SERVICE,
      issuer: ISSUER,
      certificateFile: join(directory, 'cert.pem'),
    };
  }

  /** Starts on a free loopback port. Needs openssl for the certificate of the signing key. */
  static async start(options: TokenServerOptions = {}): Promise<TokenServer> {
    const directory = await mkdtemp(join(tmpdir(), 'multiarch-token-'));
    try {
      const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      await writeFile(join(directory, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
      const args = 'req -x509 -new -key key.pem -out cert.pem -subj /CN=multiarch-test-issuer -days 1';
      await mustRun('openssl', args.split(' '), { cwd: directory });
      const server = createServer();
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const started = new TokenServer(
        directory,
        server,
        { key: privateKey, keyId: keyId(publicKey) },
        options,
      );
      server.on('request', (request, response) => {
        void started.#answer(request, response);
      });
      return started;
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Stops the server and removes its files. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [status, body] = await this.#exchange(request);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  async #exchange(request: IncomingMessage): Promise<[number, object]> {
    const url = new URL(request.url ?? '/', this.authority.realm);
    const form = new URLSearchParams(request.method === 'POST' ? await bodyOf(request) : url.search);
    if (this.#options.delay !== undefined) await sleep(this.#options.delay);
    const user = request.method === 'POST' ? this.#userOfForm(form) : this.#userOfHeader(request);
    const scopes = form.getAll('scope').flatMap((scope) => scope.split(' '));
    const status = user === 'unknown' ? 401 : 200;
    this.requests.push({
      method: request.method ?? '',
      account: user === 'unknown' ? undefined : user?.username,
      service: form.get('service') ?? undefined,
      scopes,
      status,
    });
    if (user === 'unknown') return [401, { details: 'incorrect username or password' }];
    const access = scopes.flatMap((scope) => this.#granted(scope, user?.username));
    const { lifetime = 300 } = this.#options;
    const token = this.#sign({ access, lifetime, subject: user?.username ?? '' });
    return [200, { token, access_token: token, expires_in: lifetime, issued_at: new Date().toISOString() }];
  }

  #userOfHeader({ headers }: IncomingMessage): TokenUser | 'unknown' | undefined {
    const { authorization } = headers;
    if (authorization === undefined) return undefined;
    const login = Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString('utf8');
    return this.#user(({ username, password }) => login === `${username}:${password}`);
  }

  #userOfForm(form: URLSearchParams): TokenUser | 'unknown' {
    if (form.get('grant_type') === 'refresh_token') {
      return this.#user(
        ({ refreshToken = '' }) => refreshToken !== '' && form.get('refresh_token') === refreshToken,
      );
    }
    return this.#user(
      ({ username, password }) => form.get('username') === username && form.get('password') === password,
    );
  }

  #user(fits: (user: TokenUser) => boolean): TokenUser | 'unknown' {
    return this.#options.users?.find(fits) ?? 'unknown';
  }

  /** The granted part of a scope. A scope without granted actions is not in the token. */
  #granted(scope: string, username: string | undefined): readonly Access[] {
    const [type = '', name = '', wanted = ''] = scope.split(':');
    const grants = (this.#options.grants ?? []).filter(
      ({ repository, username: whose }) =>
        (repository === '*' || repository === name) && (whose === undefined || whose === username),
    );
    const allowed = new Set(grants.flatMap((grant) => grant.actions));
    const actions = wanted.split(',').filter((action) => allowed.has(action));
    return type === 'repository' && actions.length > 0 ? [{ type, name, actions }] : [];
  }

  #sign({
    access,
    lifetime,
    subject,
  }: {
    access: readonly Access[];
    lifetime: number;
    subject: string;
  }): string {
    const now = Math.floor(Date.now() / 1000);
    const { key, keyId: kid } = this.#signer;
    const parts = [
      { typ: 'JWT', alg: 'RS256', kid },
      {
        iss: ISSUER,
        sub: subject,
        aud: SERVICE,
        // Slightly in the past, as the registry allows no clock skew.
        nbf: now - 10,
        iat: now - 10,
        exp: now + lifetime,
        jti: randomUUID(),
        access,
      },
    ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
    const signed = parts.join('.');
    return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key).toString('base64url')}`;
  }
}

/** The key id of distribution (libtrust): 30 bytes of the SHA-256 of the DER form, in base32, in groups of four. */
function keyId(publicKey: KeyObject): string {
  const digest = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest();
  const bits = [...digest.subarray(0, 30)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const letters = (bits.match(/.{5}/g) ?? []).map(
    (five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[parseInt(five, 2)],
  );
  return (letters.join('').match(/.{4}/g) ?? []).join(':');
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
