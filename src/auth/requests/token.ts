import { DestinationError, nearestFor, type RespondingServer } from '../../http/destination-policy.js';
import { parseJson } from '../../http/error-text.js';
import { bodyOf, type HttpClient, type HttpRequest, type HttpResponse } from '../../http/message.js';
import { FailedError, UnauthorizedError } from '../../oci/errors.js';
import { isJsonObject, isMarkup, OTHER_SERVER_HINT } from '../../oci/json.js';
import type { RegistryHost } from '../../oci/reference.js';
import type { RegistryCredential } from '../credentials/credential.js';
import { basicAuthorization, isHeaderSafe } from './challenge.js';
import { checkTokenServer, rejectedTokenServer } from './realm.js';
import { NOT_A_TOKEN_SERVER_HINT, tokenServerError } from './token-server-error.js';

/** Identifies the client in the token server's log. */
const CLIENT_ID = 'multiarch';
const RESPONSE_LIMIT = 64 * 1024;
/** In seconds: the lifetime of a token without `expires_in`, and the minimum of a shorter one. */
const MIN_LIFETIME = 60;

/** A credential that a token server accepts. */
export type TokenCredential = Exclude<RegistryCredential, { kind: 'bearer' }>;

export interface TokenRequest {
  /** For messages. */
  readonly registry: RegistryHost;
  /** The server that the challenge came from. */
  readonly server: RespondingServer;
  /** The token server, vetted by {@link resolveRealm}. */
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  /** `undefined` for an anonymous token. */
  readonly credential: TokenCredential | undefined;
  readonly signal: AbortSignal;
}

export interface Token {
  readonly value: string;
  /** In milliseconds since 1970, by this machine's clock. */
  readonly expiresAt: number;
}

/**
 * Requests a token from a token server: with GET ("Token Authentication Specification" of distribution), or for a refresh
 * token with POST ("Oauth2 Token Authentication"), and GET if the server does not support that.
 *
 * The token may grant fewer scopes than requested.
 *
 * @throws UnauthorizedError, RateLimitedError, UnavailableError with the server's message; FailedError if the response
 *   contains no token; InvalidError if it is longer than 64 KiB; CancelledError
 */
export async function requestToken(
  http: HttpClient,
  request: TokenRequest,
  now: () => number,
): Promise<Token> {
  const response = await exchangeCredential(http, request);
  if (response.status !== 200) throw await tokenServerError(response, request);
  return parseTokenResponse(await response.bytes(RESPONSE_LIMIT), request.realm.host, now());
}

async function exchangeCredential(http: HttpClient, request: TokenRequest): Promise<HttpResponse> {
  const { credential, realm, server } = request;
  try {
    return credential?.kind === 'identity'
      ? await exchangeIdentity(http, request, credential.token)
      : await get(http, request);
  } catch (error) {
    if (!(error instanceof DestinationError)) throw error;
    throw rejectedTokenServer(realm, server, error.problem);
  }
}

/**
 * Parses a token response. The lifetime counts from `now`: `issued_at` is by a clock that may differ.
 *
 * @param host the token server, for messages
 * @param now in milliseconds since 1970
 * @throws FailedError
 */
export function parseTokenResponse(bytes: Uint8Array, host: string, now: number): Token {
  const text = Buffer.from(bytes).toString('utf8');
  const parsed = parseJson(text);
  const fields = isJsonObject(parsed) ? parsed : {};
  const value = [fields['token'], fields['access_token']].find(
    (candidate) => typeof candidate === 'string' && candidate !== '',
  );
  if (typeof value !== 'string' || !isHeaderSafe(value)) {
    throw new FailedError(`token server ${host}: the response contains no usable token`, {
      hint: isMarkup(text) ? OTHER_SERVER_HINT : NOT_A_TOKEN_SERVER_HINT,
    });
  }
  const stated = fields['expires_in'];
  const seconds = typeof stated === 'number' ? Math.max(stated, MIN_LIFETIME) : MIN_LIFETIME;
  return { value, expiresAt: now + seconds * 1000 };
}

/** Returns what decides which connections requests to a token server use. */
export function tokenRoute(
  realm: URL,
  server: RespondingServer,
): Required<Pick<HttpRequest, 'nearest' | 'isAnonymous'>> {
  return {
    nearest: nearestFor(realm, server),
    // The token server may be another registry of this call, whose client certificate is not for requests of this one.
    isAnonymous: realm.host !== server.url.host,
  };
}

function get(http: HttpClient, request: TokenRequest): Promise<HttpResponse> {
  const { server, realm, service, scopes, credential, signal } = request;
  const query = new URLSearchParams();
  if (service !== undefined) query.append('service', service);
  for (const scope of scopes) query.append('scope', scope);
  query.append('client_id', CLIENT_ID);
  if (credential?.kind === 'basic') query.append('account', credential.username);
  const url = new URL(realm);
  url.search = url.search === '' ? query.toString() : `${url.search}&${query.toString()}`;
  return http.send({
    method: 'GET',
    url,
    headers: {
      accept: 'application/json',
      ...(credential?.kind === 'basic' ? { authorization: basicAuthorization(credential) } : {}),
    },
    ...tokenRoute(realm, server),
    signal,
    vetRedirect: (to) => checkTokenServer(to, server),
  });
}

/** Falls back to GET, since servers reject an unsupported POST with various statuses. */
async function exchangeIdentity(
  http: HttpClient,
  request: TokenRequest,
  identity: string,
): Promise<HttpResponse> {
  const response = await post(http, request, identity);
  if (![400, 401, 404, 405].includes(response.status)) return response;
  const fallback = await get(http, request);
  // The rejection of the refresh token explains more than that of the anonymous request.
  if (fallback.status === 200 || response.status === 404 || response.status === 405) {
    response.discard();
    return fallback;
  }
  fallback.discard();
  return response;
}

function post(http: HttpClient, request: TokenRequest, identity: string): Promise<HttpResponse> {
  const { server, realm, service, scopes, signal } = request;
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: identity });
  if (service !== undefined) form.append('service', service);
  form.append('client_id', CLIENT_ID);
  if (scopes.length > 0) form.append('scope', scopes.join(' '));
  return http.send({
    method: 'POST',
    url: realm,
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    body: bodyOf(Buffer.from(form.toString())),
    readsResponse: true,
    ...tokenRoute(realm, server),
    signal,
    vetRedirect: (to) => {
      checkTokenServer(to, server);
      // The body is the credential. Unlike a header, it would follow a redirect to another origin.
      if (to.origin !== realm.origin) {
        throw new UnauthorizedError(
          `token server ${realm.host} redirects to ${to.host}, but the login is for ${realm.host} only`,
        );
      }
    },
  });
}
