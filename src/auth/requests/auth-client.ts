/**
 * Authorizes requests: challenges, scopes, tokens and their cache (distribution-spec, "Token Authentication").
 *
 * Offers auth-client, challenge, expiry, known-token-servers, scope, secret-redactor.
 * @module auth/requests
 */
import { FirstRequestGate } from '../../content/first-request-gate.js';
import { parseWarnings } from '../../http/warning-header.js';
import { destinationProblem } from '../../http/destination-policy.js';
import type { HttpClient, HttpRequest, HttpResponse } from '../../http/message.js';
import { UnauthorizedError } from '../../oci/errors.js';
import type { RegistryHost } from '../../oci/reference.js';
import type { CredentialProvider } from '../credentials/credential.js';
import { Authorizer, type Authorization, type AuthorizationRequest, type AuthScheme } from './authorizer.js';
import { bufferResponse } from './buffered-response.js';
import { mayMeanExpired } from './expiry.js';
import { challengeIn, mayAuthenticate, type RegistryChallenge } from './registry-challenge.js';
import type { KnownTokenServers } from './known-token-servers.js';
import { missingScopeOf } from './granted-scopes.js';
import type { Scope } from './scope.js';
import { tokenRoute } from './token.js';
import { SecretRedactor } from './secret-redactor.js';

/** The state of one registry. */
interface Session {
  readonly registry: RegistryHost;
  readonly gate: FirstRequestGate<readonly Scope[]>;
  /** All secrets that the registry was sent, since its responses may repeat them. */
  readonly secrets: SecretRedactor;
  /** The registry's latest challenge. Without one, requests carry no credentials. */
  challenge?: RegistryChallenge;
  /** Whether {@link KnownTokenServers} has what the registry's first response says. */
  isKept?: boolean;
}

interface Exchange {
  readonly response: HttpResponse;
  /** The authorization of the last request. */
  readonly sent: Authorization | undefined;
}

/**
 * Sends requests to registries and authenticates as their challenges require, with the credentials of a provider or
 * anonymously.
 *
 * The first request to a registry goes alone; the others wait until its response shows whether they have to authenticate.
 * Credentials and tokens are sent only to their registry and its token server, and kept in memory only.
 */
export class AuthClient {
  readonly #http: HttpClient;
  readonly #authorizer: Authorizer;
  readonly #tokenServers: KnownTokenServers | undefined;
  readonly #onWarning: ((message: string) => void) | undefined;
  readonly #onTokenServer: ((registry: RegistryHost, host: string) => void) | undefined;
  readonly #warnings = new Set<string>();
  readonly #sessions = new Map<string, Session>();

  /**
   * @param options.tokenServers tells where connections will be needed. @default nothing is known and kept
   * @param options.now in milliseconds since 1970, default the system's clock
   * @param options.onWarning receives each warning of a registry once, with its name (distribution-spec, "Warnings")
   * @param options.onTokenServer called when a registry first names a token server on another host
   */
  constructor(options: {
    readonly http: HttpClient;
    readonly credentials: CredentialProvider;
    readonly tokenServers?: KnownTokenServers | undefined;
    readonly now?: () => number;
    readonly onWarning?: (message: string) => void;
    readonly onTokenServer?: (registry: RegistryHost, host: string) => void;
  }) {
    this.#http = options.http;
    this.#tokenServers = options.tokenServers;
    this.#onWarning = options.onWarning;
    this.#onTokenServer = options.onTokenServer;
    this.#authorizer = new Authorizer(options.http, options.credentials, options.now ?? Date.now);
  }

  /**
   * Sends a request to a registry. On a 401, or a 403 with a challenge, it is authorized and sent once more. If the
   * response then means that the credential or token has expired, it is renewed and the request sent a last time. Other
   * responses are returned as they are, also a challenge that cannot be met. Requests to other hosts than the
   * registry's never carry credentials.
   *
   * @param scopes what the request needs; its main repository first
   * @throws what {@link HttpClient.send} throws; UnauthorizedError, RateLimitedError, UnavailableError, FailedError if the
   *   token server issues no token
   */
  async send(registry: RegistryHost, request: HttpRequest, scopes: readonly Scope[]): Promise<HttpResponse> {
    if (!mayAuthenticate(registry, request)) return this.#http.send(request);
    const session = this.#session(registry, request.url);
    const entered = session.gate.enter(scopes, request.signal);
    const { length } = session.gate.waiting;
    // Opened while the first request is in transit. Its own connection serves one of those that wait.
    if (length > 0) void this.#http.preconnect(request.url, length);
    const role = await entered;
    if (role === 'through') return this.#exchange(session, request, scopes);
    try {
      return await this.#exchange(session, request, scopes);
    } catch (error) {
      // Otherwise each request would find out in turn that the registry is down, after all its retries.
      if (request.signal?.aborted !== true) session.gate.open();
      throw error;
    } finally {
      session.gate.leave();
    }
  }

  #session(registry: RegistryHost, url: URL): Session {
    const known = this.#sessions.get(registry);
    if (known !== undefined) return known;
    const session: Session = { registry, gate: new FirstRequestGate(), secrets: new SecretRedactor() };
    this.#sessions.set(registry, session);
    void this.#connectAhead(session, url);
    return session;
  }

  /**
   * Opens a connection to the registry and, when its address is known, to the token server that it named in an earlier
   * run, by the same policy as for a challenge. Nothing is sent there before the registry has named it again.
   */
  async #connectAhead({ registry }: Session, url: URL): Promise<void> {
    const [server, known] = await Promise.all([
      this.#http.preconnect(url, 1),
      this.#tokenServers?.find(registry),
    ]);
    if (server === undefined || known === undefined) return;
    if (destinationProblem(known, server) !== undefined) return;
    await this.#http.preconnect(known, 1, tokenRoute(known, server));
  }

  async #exchange(session: Session, request: HttpRequest, scopes: readonly Scope[]): Promise<HttpResponse> {
    const exchange = await this.#meetChallenge(session, request, scopes);
    try {
      const { response, sent } = await this.#retryExpired(session, request, scopes, exchange);
      const access = isDenied(response) ? accessOf(sent, scopes) : {};
      if (session.secrets.isEmpty || isContent(request, response)) return { ...response, ...access };
      return { ...(await bufferResponse(response, session.secrets)), ...access };
    } catch (error) {
      exchange.response.discard();
      throw error;
    }
  }

  async #meetChallenge(session: Session, request: HttpRequest, scopes: readonly Scope[]): Promise<Exchange> {
    const sent = await this.#authorizeAhead(session, scopes, request.signal);
    const response = await this.#send(session, request, sent);
    try {
      const challenge = challengeIn(request, response);
      if (challenge === undefined) {
        session.gate.open();
        if (sent === undefined && isUnchallenged(response)) this.#keepTokenServer(session, undefined);
        return { response, sent };
      }
      this.#keepChallenge(session, challenge);
      if (sent?.token !== undefined) this.#authorizer.forgetToken(sent.token);
      const waiting = session.gate.waiting.length;
      if (waiting > 0) void this.#http.preconnect(challenge.server.url, waiting + 1);
      const needed = { registry: session.registry, challenge, scopes, signal: request.signal };
      const scheme = await this.#authorizer.scheme(needed);
      // The same header would get the same response.
      if (scheme === undefined || (scheme.kind === 'header' && scheme.header === sent?.header)) {
        session.gate.open();
        return { response, sent };
      }
      // Before the token request, so that the connection is free for the requests that follow.
      response.discard();
      const authorization = await this.#authorizeWaiting(session, scheme, needed);
      this.#keepTokenServer(session, scheme.kind === 'token' ? scheme.realm : undefined);
      return { response: await this.#send(session, request, authorization), sent: authorization };
    } catch (error) {
      response.discard();
      throw error;
    }
  }

  #keepChallenge(session: Session, challenge: RegistryChallenge): void {
    const before = tokenHost(session.challenge);
    session.challenge = challenge;
    const host = tokenHost(challenge);
    if (host === undefined || host === before || host === challenge.server.url.host) return;
    this.#onTokenServer?.(session.registry, host);
  }

  /** Keeps which token server a registry needs, if it is another one than the registry itself. */
  #keepTokenServer(session: Session, realm: URL | undefined): void {
    if (session.isKept === true) return;
    session.isKept = true;
    const own = session.challenge?.server.url.origin;
    this.#tokenServers?.keep(session.registry, realm?.origin === own ? undefined : realm?.origin);
  }

  /** Sends a request once more if its response means that its authorization has expired. */
  async #retryExpired(
    session: Session,
    request: HttpRequest,
    scopes: readonly Scope[],
    exchange: Exchange,
  ): Promise<Exchange> {
    const { response, sent } = exchange;
    const { registry, challenge } = session;
    if (challenge === undefined || sent === undefined || !mayMeanExpired(response.status)) return exchange;
    const buffered = await bufferResponse(response);
    const renewed = await this.#authorizer.renew(
      sent,
      { method: request.method, status: buffered.status, text: buffered.text },
      { registry, challenge, scopes, signal: request.signal },
    );
    if (renewed === undefined) return { response: buffered, sent };
    return { response: await this.#send(session, request, renewed), sent: renewed };
  }

  async #send(
    session: Session,
    request: HttpRequest,
    authorization: Authorization | undefined,
  ): Promise<HttpResponse> {
    let sent = request;
    if (authorization !== undefined) {
      const { header, token, found } = authorization;
      session.secrets.addLogin(found?.reveal());
      if (token !== undefined) session.secrets.addToken(token);
      sent = { ...request, headers: { ...request.headers, authorization: header } };
    }
    const response = await this.#http.send(sent);
    // Not of a host that the registry redirects to, or of a page that such a host chose.
    if (response.url.hostname === request.url.hostname && response.leftOrigin !== true) {
      this.#reportWarnings(session, response);
    }
    return response;
  }

  #reportWarnings({ registry, secrets }: Session, response: HttpResponse): void {
    for (const text of parseWarnings(secrets.hide(response.headers['warning'] ?? ''))) {
      const message = `${registry}: ${text}`;
      if (this.#warnings.has(message)) continue;
      this.#warnings.add(message);
      this.#onWarning?.(message);
    }
  }

  /** Authorizes a request for the registry's latest challenge, so that it need not make another. */
  async #authorizeAhead(
    { registry, challenge }: Session,
    scopes: readonly Scope[],
    signal: AbortSignal | undefined,
  ): Promise<Authorization | undefined> {
    if (challenge === undefined) return undefined;
    const needed = { registry, challenge, scopes, signal };
    const scheme = await this.#authorizer.scheme(needed);
    return scheme && this.#authorizer.authorize(scheme, needed);
  }

  /** Fetches one token for this request and all that wait at the gate, then opens the gate, also on failure. */
  async #authorizeWaiting(
    session: Session,
    scheme: AuthScheme,
    request: AuthorizationRequest,
  ): Promise<Authorization> {
    const { challenge, signal } = request;
    const own = challenge.kind === 'bearer' ? [...request.scopes, ...challenge.scopes] : request.scopes;
    try {
      const others = await this.#waitingScopes(session, scheme, signal);
      try {
        return await this.#authorizer.authorize(scheme, { ...request, scopes: [...own, ...others] });
      } catch (error) {
        // Some token servers issue no token if any of the scopes is denied, and that may be another request's.
        if (others.length === 0 || !(error instanceof UnauthorizedError)) throw error;
        return await this.#authorizer.authorize(scheme, { ...request, scopes: own });
      }
    } finally {
      session.gate.open();
    }
  }

  /** Returns the scopes of the waiting requests that have the same credential, and so can share a token. */
  async #waitingScopes(
    { registry, gate }: Session,
    scheme: AuthScheme,
    signal: AbortSignal | undefined,
  ): Promise<readonly Scope[]> {
    if (scheme.kind !== 'token') return [];
    const each = await Promise.all(
      gate.waiting.map(async (scopes) => {
        const found = await this.#authorizer.credential(registry, scopes, signal);
        const isSame = found === undefined ? scheme.found === undefined : found.equals(scheme.found);
        return isSame ? scopes : [];
      }),
    );
    return each.flat();
  }
}

/** Returns what a denied request was sent with. */
function accessOf(
  sent: Authorization | undefined,
  scopes: readonly Scope[],
): Pick<HttpResponse, 'isAnonymous' | 'missingScope'> {
  if (sent?.found === undefined) return { isAnonymous: true };
  const missingScope = missingScopeOf(sent.token, scopes);
  return missingScope === undefined ? {} : { missingScope };
}

/** Reports whether a response without a challenge shows that none is to be expected, other than an error. */
function isUnchallenged({ status }: HttpResponse): boolean {
  return status < 400 || status === 404;
}

function isDenied({ status }: HttpResponse): boolean {
  return status === 401 || status === 403;
}

/** Reports whether a response is the requested content, which may be long, and not an error message. */
function isContent({ method, headers }: HttpRequest, { status }: HttpResponse): boolean {
  return method === 'GET' && (status === 200 || (status === 206 && headers?.['range'] !== undefined));
}

function tokenHost(challenge: RegistryChallenge | undefined): string | undefined {
  return challenge?.kind === 'bearer' ? challenge.realm?.host : undefined;
}
