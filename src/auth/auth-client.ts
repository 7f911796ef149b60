import type { HttpClient, HttpRequest, HttpResponse } from '../http/message.js';
import { UnauthorizedError } from '../oci/errors.js';
import type { RegistryHost } from '../oci/reference.js';
import { basicAuthorization, bearerAuthorization } from './authorization.js';
import type { CredentialProvider } from './credential.js';
import { FirstRequestGate } from './first-request-gate.js';
import { challengeIn, mayAuthenticate, type RegistryChallenge } from './registry-challenge.js';
import { mainRepository, mergeScopes, type Scope } from './scope.js';
import { TokenCache } from './token-cache.js';
import { requestToken, type TokenCredential } from './token.js';

/** What is known of one registry in this run. */
interface Session {
  readonly registry: RegistryHost;
  readonly gate: FirstRequestGate<readonly Scope[]>;
  /** The last challenge it made; none, and no request carries credentials. */
  challenge?: RegistryChallenge;
}

/** How a request can be authenticated: by a header that is at hand, or by a token that has to be asked for. */
type Means =
  | { readonly kind: 'header'; readonly header: string }
  | { readonly kind: 'token'; readonly realm: URL; readonly credential: TokenCredential | undefined };

interface Authorization {
  /** The value of the Authorization header. */
  readonly header: string;
  /** The token in it, where it came from a token server. */
  readonly token?: string;
}

/**
 * Sends requests to registries and answers their challenges, with the credentials of a chain or without any.
 *
 * The first request to a registry goes alone; others wait until its answer shows whether they have to authenticate.
 * Credentials and tokens go to the registry that they belong to and to its token server, and live in memory only.
 */
export class AuthClient {
  readonly #http: HttpClient;
  readonly #credentials: CredentialProvider;
  readonly #now: () => number;
  readonly #tokens: TokenCache;
  readonly #sessions = new Map<string, Session>();

  /** @param options `now` in milliseconds since 1970, default the system's clock */
  constructor(options: {
    readonly http: HttpClient;
    readonly credentials: CredentialProvider;
    readonly now?: () => number;
  }) {
    this.#http = options.http;
    this.#credentials = options.credentials;
    this.#now = options.now ?? Date.now;
    this.#tokens = new TokenCache(this.#now);
  }

  /**
   * Sends a request to a registry. A 401, or a 403 with a challenge, is answered with the credentials that there are, and
   * the request is sent again, once; what comes then is returned as it is. So is a challenge that cannot be met, and
   * any answer to a request that goes elsewhere than to this registry, which never carries credentials.
   *
   * @param scopes what the request needs; the repository that it is mainly about first
   * @throws what {@link HttpClient.send} throws; UnauthorizedError, RateLimitedError, UnavailableError, FailedError where the
   *   token server gives no token
   */
  async send(registry: RegistryHost, request: HttpRequest, scopes: readonly Scope[]): Promise<HttpResponse> {
    if (!mayAuthenticate(registry, request)) return this.#http.send(request);
    const session = this.#session(registry);
    const role = await session.gate.enter(scopes, request.signal);
    if (role === 'through') return this.#exchange(session, request, scopes);
    try {
      return await this.#exchange(session, request, scopes);
    } finally {
      session.gate.leave();
    }
  }

  #session(registry: RegistryHost): Session {
    const known = this.#sessions.get(registry);
    if (known !== undefined) return known;
    const session: Session = { registry, gate: new FirstRequestGate() };
    this.#sessions.set(registry, session);
    return session;
  }

  async #exchange(session: Session, request: HttpRequest, scopes: readonly Scope[]): Promise<HttpResponse> {
    const used = await this.#authorizeAhead(session, scopes, request.signal);
    const response = await this.#http.send(withAuthorization(request, used));
    try {
      const challenge = challengeIn(request, response);
      if (challenge === undefined) {
        session.gate.open();
        return response;
      }
      session.challenge = challenge;
      if (used?.token !== undefined) this.#tokens.forget(used.token);
      const means = await this.#prepare(session, challenge, scopes, request.signal);
      // The same login again would get the same answer.
      if (means === undefined || (means.kind === 'header' && means.header === used?.header)) {
        session.gate.open();
        return response;
      }
      // Before the token is asked for, so that the connection is free for the requests that follow.
      response.discard();
      const renewed = await this.#authorizeAll(session, challenge, means, scopes, request.signal);
      return await this.#http.send(withAuthorization(request, renewed));
    } catch (error) {
      response.discard();
      throw error;
    }
  }

  /** With what the registry has asked for before, so that it does not have to ask again. */
  async #authorizeAhead(
    session: Session,
    scopes: readonly Scope[],
    signal: AbortSignal | undefined,
  ): Promise<Authorization | undefined> {
    const { challenge } = session;
    if (challenge === undefined) return undefined;
    const means = await this.#means(session.registry, challenge, scopes, signal);
    return means && this.#authorize(session, challenge, means, scopes, signal);
  }

  /** Finds the means for the challenged request, while connections open for those that wait at the gate. */
  #prepare(
    session: Session,
    challenge: RegistryChallenge,
    scopes: readonly Scope[],
    signal: AbortSignal | undefined,
  ): Promise<Means | undefined> {
    const waiting = session.gate.waiting.length;
    if (waiting > 0) this.#http.preconnect(challenge.registryUrl, waiting + 1);
    return this.#means(session.registry, challenge, scopes, signal);
  }

  /**
   * Authorizes the challenged request and, with the same token, all that wait at the gate. It opens whatever comes of it:
   * they know the challenge now.
   */
  async #authorizeAll(
    session: Session,
    challenge: RegistryChallenge,
    means: Means,
    scopes: readonly Scope[],
    signal: AbortSignal | undefined,
  ): Promise<Authorization> {
    const needed = challenge.kind === 'bearer' ? [...scopes, ...challenge.scopes] : scopes;
    try {
      const others = await this.#waitingScopes(session, means, signal);
      try {
        return await this.#authorize(session, challenge, means, [...needed, ...others], signal);
      } catch (error) {
        // Some token servers give nothing at all where one of the scopes is denied, and that one may be another's.
        if (others.length === 0 || !(error instanceof UnauthorizedError)) throw error;
        return await this.#authorize(session, challenge, means, needed, signal);
      }
    } finally {
      session.gate.open();
    }
  }

  /** The scopes of those at the gate who have the same credential, so that one token serves them too. */
  async #waitingScopes(
    session: Session,
    means: Means,
    signal: AbortSignal | undefined,
  ): Promise<readonly Scope[]> {
    if (means.kind !== 'token') return [];
    const each = await Promise.all(
      session.gate.waiting.map(async (scopes) => {
        const theirs = await this.#credentials.find(session.registry, mainRepository(scopes), signal);
        return JSON.stringify(theirs) === JSON.stringify(means.credential) ? scopes : [];
      }),
    );
    return each.flat();
  }

  async #means(
    registry: RegistryHost,
    challenge: RegistryChallenge,
    scopes: readonly Scope[],
    signal: AbortSignal | undefined,
  ): Promise<Means | undefined> {
    const credential = await this.#credentials.find(registry, mainRepository(scopes), signal);
    if (credential?.kind === 'bearer')
      return { kind: 'header', header: bearerAuthorization(credential.token) };
    if (challenge.kind === 'basic') {
      return credential?.kind === 'basic'
        ? { kind: 'header', header: basicAuthorization(credential) }
        : undefined;
    }
    const { realm } = challenge;
    return realm && { kind: 'token', realm, credential };
  }

  async #authorize(
    session: Session,
    challenge: RegistryChallenge,
    means: Means,
    scopes: readonly Scope[],
    signal: AbortSignal | undefined,
  ): Promise<Authorization> {
    if (means.kind === 'header') return { header: means.header };
    const { realm, credential } = means;
    const { registryUrl } = challenge;
    const service = challenge.kind === 'bearer' ? challenge.service : undefined;
    const merged = mergeScopes(scopes);
    const token = await this.#tokens.get(
      JSON.stringify([registryUrl.origin, realm.href, service, credential]),
      merged,
      (shared) =>
        requestToken(
          this.#http,
          {
            registry: session.registry,
            registryUrl,
            realm,
            service,
            scopes: merged,
            credential,
            signal: shared,
          },
          this.#now,
        ),
      signal,
    );
    return { header: bearerAuthorization(token), token };
  }
}

function withAuthorization(request: HttpRequest, authorization: Authorization | undefined): HttpRequest {
  if (authorization === undefined) return request;
  return { ...request, headers: { ...request.headers, authorization: authorization.header } };
}
