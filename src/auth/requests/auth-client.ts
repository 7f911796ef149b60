/**
 * Authorizes requests: challenges, scopes, tokens and their cache (distribution-spec, "Token Authentication").
 *
 * Offers auth-client, challenge, expired-authorization, scope, secret-redactor.
 * @module auth/requests
 */
import type { HttpClient, HttpRequest, HttpResponse } from '../../http/message.js';
import { UnauthorizedError } from '../../oci/errors.js';
import type { RegistryHost } from '../../oci/reference.js';
import { basicAuthorization, bearerAuthorization, isHeaderSafe } from './authorization.js';
import type { CredentialProvider, FoundCredential, ErrorResponse } from '../credentials/credential.js';
import { isExpiredAuthorization } from './expired-authorization.js';
import { FirstRequestGate } from '../../content/first-request-gate.js';
import { BufferedResponse } from './buffered-response.js';
import { challengeIn, mayAuthenticate, type RegistryChallenge } from './registry-challenge.js';
import { mainRepository, mergeScopes, type Scope } from './scope.js';
import { SecretRedactor } from './secret-redactor.js';
import { TokenCache } from './token-cache.js';
import { requestToken } from './token.js';

/** What is known of one registry in this run. */
interface Session {
  readonly registry: RegistryHost;
  readonly gate: FirstRequestGate<readonly Scope[]>;
  /** All that it was sent, as it may repeat what it was sent before. */
  readonly secrets: SecretRedactor;
  /** The last challenge it made; none, and no request carries credentials. */
  challenge?: RegistryChallenge;
}

/** How a request can be authenticated: by a header that is at hand, or by a token that has to be asked for. */
type AuthScheme =
  | { readonly kind: 'header'; readonly found: FoundCredential; readonly header: string }
  | { readonly kind: 'token'; readonly found: FoundCredential | undefined; readonly realm: URL };

interface Authorization {
  /** The value of the Authorization header. */
  readonly header: string;
  /** The token in it, where it came from a token server. */
  readonly token?: string;
  /** The login that is behind it. */
  readonly found: FoundCredential | undefined;
}

interface Exchanged {
  readonly response: HttpResponse;
  /** What the request was sent with, the last time. */
  readonly used: Authorization | undefined;
}

/** The statuses of a refused login: not all registries say 401 where it has run out. */
const REFUSALS: ReadonlySet<number> = new Set([400, 401, 403]);

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
   * any answer to a request that goes elsewhere than to this registry, which never carries credentials. A login that has run
   * out is fetched anew where its link can do that, and the request is sent once more.
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
    } catch (error) {
      // One by one, each would find out for itself that there is no answer, and take the time of all its tries for it.
      if (request.signal?.aborted !== true) session.gate.open();
      throw error;
    } finally {
      session.gate.leave();
    }
  }

  #session(registry: RegistryHost): Session {
    const known = this.#sessions.get(registry);
    if (known !== undefined) return known;
    const session: Session = { registry, gate: new FirstRequestGate(), secrets: new SecretRedactor() };
    this.#sessions.set(registry, session);
    return session;
  }

  async #exchange(session: Session, request: HttpRequest, scopes: readonly Scope[]): Promise<HttpResponse> {
    const exchanged = await this.#meetChallenge(session, request, scopes);
    try {
      const response = await this.#renewLogin(session, request, scopes, exchanged);
      return session.secrets.isEmpty || isContent(request, response)
        ? response
        : await BufferedResponse.of(response, session.secrets);
    } catch (error) {
      exchanged.response.discard();
      throw error;
    }
  }

  async #meetChallenge(session: Session, request: HttpRequest, scopes: readonly Scope[]): Promise<Exchanged> {
    const used = await this.#authorizeAhead(session, scopes, request.signal);
    const response = await this.#sendAuthorized(session, request, used);
    try {
      const challenge = challengeIn(request, response);
      if (challenge === undefined) {
        session.gate.open();
        return { response, used };
      }
      session.challenge = challenge;
      if (used?.token !== undefined) this.#tokens.forget(used.token);
      const means = await this.#prepare(session, challenge, scopes, request.signal);
      // The same login again would get the same answer.
      if (means === undefined || (means.kind === 'header' && means.header === used?.header)) {
        session.gate.open();
        return { response, used };
      }
      // Before the token is asked for, so that the connection is free for the requests that follow.
      response.discard();
      const renewed = await this.#authorizeAll(session, challenge, means, scopes, request.signal);
      return { response: await this.#sendAuthorized(session, request, renewed), used: renewed };
    } catch (error) {
      response.discard();
      throw error;
    }
  }

  /** Where the answer says that the login or the token has run out: fetches another, and sends the request once more with it. */
  async #renewLogin(
    session: Session,
    request: HttpRequest,
    scopes: readonly Scope[],
    { response, used }: Exchanged,
  ): Promise<HttpResponse> {
    const { registry, challenge } = session;
    const renewal = used?.found?.renewal;
    const canRenew = renewal !== undefined || used?.token !== undefined;
    if (challenge === undefined || !canRenew || !REFUSALS.has(response.status)) return response;
    const answer = await BufferedResponse.of(response);
    const refusal: ErrorResponse = { method: request.method, status: answer.status, text: answer.text };
    const isLogin = renewal?.expired(refusal) === true;
    if (!isLogin && !(used?.token !== undefined && saysTokenExpired(refusal))) return answer;
    if (isLogin) renewal.forget();
    if (used?.token !== undefined) this.#tokens.forget(used.token);
    const means = await this.#means(registry, challenge, scopes, request.signal);
    if (means === undefined || (isLogin && sameLogin(means.found, used?.found))) return answer;
    const renewed = await this.#authorize(registry, challenge, means, scopes, request.signal);
    return this.#sendAuthorized(session, request, renewed);
  }

  #sendAuthorized(
    { secrets }: Session,
    request: HttpRequest,
    authorization: Authorization | undefined,
  ): Promise<HttpResponse> {
    if (authorization === undefined) return this.#http.send(request);
    const { header, token, found } = authorization;
    secrets.addLogin(found?.reveal());
    if (token !== undefined) secrets.addToken(token);
    return this.#http.send({ ...request, headers: { ...request.headers, authorization: header } });
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
    return means && this.#authorize(session.registry, challenge, means, scopes, signal);
  }

  /** Finds the means for the challenged request, while connections open for those that wait at the gate. */
  #prepare(
    session: Session,
    challenge: RegistryChallenge,
    scopes: readonly Scope[],
    signal: AbortSignal | undefined,
  ): Promise<AuthScheme | undefined> {
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
    means: AuthScheme,
    scopes: readonly Scope[],
    signal: AbortSignal | undefined,
  ): Promise<Authorization> {
    const needed = challenge.kind === 'bearer' ? [...scopes, ...challenge.scopes] : scopes;
    try {
      const others = await this.#waitingScopes(session, means, signal);
      try {
        return await this.#authorize(session.registry, challenge, means, [...needed, ...others], signal);
      } catch (error) {
        // Some token servers give nothing at all where one of the scopes is denied, and that one may be another's.
        if (others.length === 0 || !(error instanceof UnauthorizedError)) throw error;
        return await this.#authorize(session.registry, challenge, means, needed, signal);
      }
    } finally {
      session.gate.open();
    }
  }

  /** The scopes of those at the gate who have the same credential, so that one token serves them too. */
  async #waitingScopes(
    session: Session,
    means: AuthScheme,
    signal: AbortSignal | undefined,
  ): Promise<readonly Scope[]> {
    if (means.kind !== 'token') return [];
    const each = await Promise.all(
      session.gate.waiting.map(async (scopes) => {
        const theirs = await this.#credentials.find(session.registry, mainRepository(scopes), signal);
        return sameLogin(theirs, means.found) ? scopes : [];
      }),
    );
    return each.flat();
  }

  async #means(
    registry: RegistryHost,
    challenge: RegistryChallenge,
    scopes: readonly Scope[],
    signal: AbortSignal | undefined,
  ): Promise<AuthScheme | undefined> {
    const found = await this.#credentials.find(registry, mainRepository(scopes), signal);
    const credential = found?.reveal();
    if (found !== undefined && credential?.kind === 'bearer') {
      if (!isHeaderSafe(credential.token)) {
        throw new UnauthorizedError(
          `The registry token for ${registry} from ${found.origin} cannot be sent: it holds a space, a line end or another character that no header takes`,
        );
      }
      return { kind: 'header', found, header: bearerAuthorization(credential.token) };
    }
    if (challenge.kind === 'basic') {
      if (found !== undefined && credential?.kind === 'identity') {
        throw new UnauthorizedError(
          `${registry} takes a user name and a password, and the login for it from ${found.origin} is an identity token`,
          { hint: `Log in with user name and password: multiarch login ${registry}` },
        );
      }
      return found !== undefined && credential?.kind === 'basic'
        ? { kind: 'header', found, header: basicAuthorization(credential) }
        : undefined;
    }
    const { realm } = challenge;
    return realm && { kind: 'token', found, realm };
  }

  async #authorize(
    registry: RegistryHost,
    challenge: RegistryChallenge,
    means: AuthScheme,
    scopes: readonly Scope[],
    signal: AbortSignal | undefined,
  ): Promise<Authorization> {
    const { found } = means;
    if (means.kind === 'header') return { header: means.header, found };
    try {
      const token = await this.#token(registry, challenge, means, scopes, signal);
      return { header: bearerAuthorization(token), token, found };
    } catch (error) {
      const refusal = error instanceof UnauthorizedError ? error.exchange : undefined;
      const { message: text } = error as Error;
      if (
        refusal === undefined ||
        found?.renewal?.expired({ method: 'GET', status: refusal.status, text }) !== true
      )
        throw error;
      found.renewal.forget();
      const again = await this.#means(registry, challenge, scopes, signal);
      if (again?.kind !== 'token' || again.found === undefined || again.found.equals(found)) throw error;
      const token = await this.#token(registry, challenge, again, scopes, signal);
      return { header: bearerAuthorization(token), token, found: again.found };
    }
  }

  #token(
    registry: RegistryHost,
    challenge: RegistryChallenge,
    { realm, found }: Extract<AuthScheme, { kind: 'token' }>,
    scopes: readonly Scope[],
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const { registryUrl } = challenge;
    const service = challenge.kind === 'bearer' ? challenge.service : undefined;
    const merged = mergeScopes(scopes);
    const login = found?.reveal();
    // A token of one's own needs no token server.
    const credential = login?.kind === 'bearer' ? undefined : login;
    return this.#tokens.get(
      JSON.stringify([registryUrl.origin, realm.href, service, credential]),
      merged,
      (shared) =>
        requestToken(
          this.#http,
          { registry, registryUrl, realm, service, scopes: merged, credential, signal: shared },
          this.#now,
        ),
      signal,
    );
  }
}

/** Amazon's public registry makes no challenge for a token that has run out; the answer to a HEAD has no words. */
function saysTokenExpired({ method, status, text }: ErrorResponse): boolean {
  if (method === 'HEAD') return status === 400;
  return isExpiredAuthorization(text);
}

function sameLogin(one: FoundCredential | undefined, other: FoundCredential | undefined): boolean {
  return one === undefined ? other === undefined : one.equals(other);
}

/** Whether an answer is what was asked for, which may be long, rather than words of the registry's own. */
function isContent({ method, headers }: HttpRequest, { status }: HttpResponse): boolean {
  return method === 'GET' && (status === 200 || (status === 206 && headers?.['range'] !== undefined));
}
