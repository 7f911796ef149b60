import { Readable } from 'node:stream';

import type { HttpClient, HttpResponse, RequestBody } from '../../http/message.js';
import { FailedError, UnauthorizedError } from '../../oci/errors.js';
import type { RegistryHost } from '../../oci/reference.js';
import { basicAuthorization, isHeaderSafe } from './authorization.js';
import type { Credential } from '../credentials/credential.js';
import { vetTokenServer } from './realm.js';
import { tokenServerError } from './token-server-error.js';

/** What the token server sees in its log: docker's clients each name themselves so. */
const CLIENT_ID = 'multiarch';
const ANSWER_LIMIT = 64 * 1024;
/** In seconds: what an answer without `expires_in` means, and the least that a shorter time is taken for. */
const LEAST_LIFETIME = 60;

/** The login that a token is asked for with; none for an anonymous one. */
export type TokenCredential = Exclude<Credential, { kind: 'bearer' }>;

export interface TokenRequest {
  /** For messages. */
  readonly registry: RegistryHost;
  /** Where the challenge came from. */
  readonly registryUrl: URL;
  /** The token server, vetted by {@link resolveRealm}. */
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  readonly credential: TokenCredential | undefined;
  readonly signal: AbortSignal;
}

export interface Token {
  readonly value: string;
  /** In milliseconds since 1970, by this machine's clock. */
  readonly expiresAt: number;
}

/**
 * Asks a token server for a token: by GET ("Token Authentication Specification" of distribution), or by POST with a
 * refresh token ("Oauth2 Token Authentication") and by GET where the server does not know that.
 *
 * That a token is given does not mean that it grants the scopes.
 *
 * @throws UnauthorizedError, RateLimitedError, UnavailableError, with the server's words; FailedError where its answer holds
 *   no token; InvalidError where it is longer than 64 KiB; CancelledError
 */
export async function requestToken(
  http: HttpClient,
  request: TokenRequest,
  now: () => number,
): Promise<Token> {
  const response =
    request.credential?.kind === 'identity'
      ? await exchangeIdentity(http, request, request.credential.token)
      : await get(http, request);
  if (response.status !== 200) throw await tokenServerError(response, request);
  return parseTokenResponse(await response.bytes(ANSWER_LIMIT), request.realm.host, now());
}

/**
 * Reads a token server's answer. Its lifetime counts from now: `issued_at` is by a clock that may differ from ours.
 *
 * @param host the token server, for messages
 * @param now in milliseconds since 1970
 * @throws FailedError
 */
export function parseTokenResponse(bytes: Uint8Array, host: string, now: number): Token {
  const answer = parseObject(bytes);
  const value = [answer?.['token'], answer?.['access_token']].find(
    (candidate) => typeof candidate === 'string' && candidate !== '',
  );
  if (typeof value !== 'string' || !isHeaderSafe(value)) {
    throw new FailedError(`The token server ${host} answered without a usable token`);
  }
  const stated = answer?.['expires_in'];
  const seconds = typeof stated === 'number' ? Math.max(stated, LEAST_LIFETIME) : LEAST_LIFETIME;
  return { value, expiresAt: now + seconds * 1000 };
}

function get(http: HttpClient, request: TokenRequest): Promise<HttpResponse> {
  const { realm, service, scopes, credential, registryUrl, signal } = request;
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
    signal,
    vetRedirect: (to) => {
      vetTokenServer(to, registryUrl);
    },
  });
}

/** Servers that do not know the POST say so in several ways; what counts then is what they answer to a GET. */
async function exchangeIdentity(
  http: HttpClient,
  request: TokenRequest,
  identity: string,
): Promise<HttpResponse> {
  const answer = await post(http, request, identity);
  if (![400, 401, 404, 405].includes(answer.status)) return answer;
  const second = await get(http, request);
  // A refusal of the refresh token explains more than the refusal of the anonymous request after it.
  if (second.status === 200 || answer.status === 404 || answer.status === 405) {
    answer.discard();
    return second;
  }
  second.discard();
  return answer;
}

function post(http: HttpClient, request: TokenRequest, identity: string): Promise<HttpResponse> {
  const { realm, service, scopes, registryUrl, signal } = request;
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: identity });
  if (service !== undefined) form.append('service', service);
  form.append('client_id', CLIENT_ID);
  if (scopes.length > 0) form.append('scope', scopes.join(' '));
  return http.send({
    method: 'POST',
    url: realm,
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    body: textBody(form.toString()),
    signal,
    vetRedirect: (to) => {
      vetTokenServer(to, registryUrl);
      // The body is the credential, so unlike a header it would follow a redirect anywhere.
      if (to.origin !== realm.origin) {
        throw new UnauthorizedError(
          `The token server ${realm.host} redirects to ${to.host}, which is refused: the login is meant for ${realm.host} only`,
        );
      }
    },
  });
}

function textBody(text: string): RequestBody {
  const bytes = Buffer.from(text);
  return { size: bytes.length, open: () => Readable.from([bytes]) };
}

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    // The parser's error quotes the text, which may hold a token.
    return undefined;
  }
}
