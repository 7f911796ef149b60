import type { HttpClient } from '../../http/message.js';
import { UnauthorizedError } from '../../oci/errors.js';
import type { RegistryHost } from '../../oci/reference.js';
import type { CredentialProvider, FoundCredential } from '../credentials/credential.js';
import { basicAuthorization, bearerAuthorization, isHeaderSafe } from './challenge.js';
import { whatExpired, type ErrorResponse } from './expiry.js';
import type { RegistryChallenge } from './registry-challenge.js';
import { mainRepository, mergeScopes, type Scope } from './scope.js';
import { TokenCache } from './token-cache.js';
import { requestToken } from './token.js';

/** What a request needs authorization for. */
export interface AuthorizationRequest {
  readonly registry: RegistryHost;
  readonly challenge: RegistryChallenge;
  readonly scopes: readonly Scope[];
  readonly signal: AbortSignal | undefined;
}

/** How to meet a challenge: with a header made of the credential, or with a token from the token server. */
export type AuthScheme =
  | { readonly kind: 'header'; readonly found: FoundCredential; readonly header: string }
  | {
      readonly kind: 'token';
      readonly found: FoundCredential | undefined;
      readonly realm: URL;
      readonly service: string | undefined;
    };

export interface Authorization {
  /** The value of the Authorization header. */
  readonly header: string;
  /** The token in it, if a token server issued it. */
  readonly token?: string;
  /** The credential; `undefined` for an anonymous token. */
  readonly found: FoundCredential | undefined;
}

/** Authorizes requests with credentials and the tokens issued for them. Tokens are kept in memory only. */
export class Authorizer {
  readonly #http: HttpClient;
  readonly #credentials: CredentialProvider;
  readonly #now: () => number;
  readonly #tokens: TokenCache;

  /** @param now in milliseconds since 1970 */
  constructor(http: HttpClient, credentials: CredentialProvider, now: () => number) {
    this.#http = http;
    this.#credentials = credentials;
    this.#now = now;
    this.#tokens = new TokenCache(now);
  }

  /** Returns the credential for the main repository of some scopes. @throws what the provider throws */
  credential(
    registry: RegistryHost,
    scopes: readonly Scope[],
    signal: AbortSignal | undefined,
  ): Promise<FoundCredential | undefined> {
    return this.#credentials.find(registry, mainRepository(scopes), signal);
  }

  /**
   * Selects how to meet a challenge; `undefined` if it cannot be met.
   * @throws UnauthorizedError if the credential cannot be used; what the credential provider throws
   */
  async scheme({
    registry,
    challenge,
    scopes,
    signal,
  }: AuthorizationRequest): Promise<AuthScheme | undefined> {
    const found = await this.credential(registry, scopes, signal);
    const credential = found?.reveal();
    if (found !== undefined && credential?.kind === 'bearer') {
      if (!isHeaderSafe(credential.token)) {
        throw new UnauthorizedError(
          `cannot send the registry token for ${registry} from ${found.origin}: it contains a space, a line end or another character that is invalid in a header`,
        );
      }
      return { kind: 'header', found, header: bearerAuthorization(credential.token) };
    }
    if (challenge.kind === 'bearer') {
      const { realm, service } = challenge;
      return realm && { kind: 'token', found, realm, service };
    }
    if (found !== undefined && credential?.kind === 'identity') {
      throw new UnauthorizedError(
        `${registry} requires a user name and a password, and the login for it from ${found.origin} is an identity token`,
        { hint: `Log in with user name and password: multiarch login ${registry}` },
      );
    }
    return found !== undefined && credential?.kind === 'basic'
      ? { kind: 'header', found, header: basicAuthorization(credential) }
      : undefined;
  }

  /**
   * Authorizes a request. If the token server rejects the credential as expired, another one is used.
   * @throws what {@link requestToken} throws
   */
  async authorize(scheme: AuthScheme, request: AuthorizationRequest): Promise<Authorization> {
    try {
      return await this.#authorizeOnce(scheme, request);
    } catch (error) {
      if (!(error instanceof UnauthorizedError) || error.exchange === undefined) throw error;
      const { status } = error.exchange;
      const response: ErrorResponse = { method: 'GET', status, text: error.message };
      const renewed = await this.renew({ found: scheme.found }, response, request);
      if (renewed === undefined) throw error;
      return renewed;
    }
  }

  /**
   * Renews the authorization of a request whose response means that it has expired: forgets the token and, where that is
   * what expired, the credential, and authorizes again.
   *
   * @returns `undefined` if nothing expired, or the provider has no other credential
   * @throws what {@link scheme} and {@link authorize} throw
   */
  async renew(
    { token, found }: Pick<Authorization, 'token' | 'found'>,
    response: ErrorResponse,
    request: AuthorizationRequest,
  ): Promise<Authorization | undefined> {
    const expired = whatExpired(response, { token, renewal: found?.renewal });
    if (expired === undefined) return undefined;
    if (token !== undefined) this.forgetToken(token);
    if (expired === 'credential') found?.renewal?.forget();
    const scheme = await this.scheme(request);
    if (scheme === undefined) return undefined;
    if (expired === 'token') return this.authorize(scheme, request);
    return scheme.found === undefined || scheme.found.equals(found)
      ? undefined
      : this.#authorizeOnce(scheme, request);
  }

  /** Drops a token that the registry rejected. */
  forgetToken(token: string): void {
    this.#tokens.forget(token);
  }

  async #authorizeOnce(scheme: AuthScheme, request: AuthorizationRequest): Promise<Authorization> {
    const { found } = scheme;
    if (scheme.kind === 'header') return { header: scheme.header, found };
    const { registry, signal } = request;
    const { server } = request.challenge;
    const { realm, service } = scheme;
    const scopes = mergeScopes(request.scopes);
    const revealed = found?.reveal();
    // A registry token is sent as a header.
    const credential = revealed?.kind === 'bearer' ? undefined : revealed;
    const needed = { registry, server, realm, service, scopes, credential };
    const token = await this.#tokens.get(
      JSON.stringify([server.url.origin, realm.href, service, credential]),
      scopes,
      (shared) => requestToken(this.#http, { ...needed, signal: shared }, this.#now),
      signal,
    );
    return { header: bearerAuthorization(token), token, found };
  }
}
