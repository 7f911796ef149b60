import type { HttpMethod } from '../../http/message.js';
import type { Renewal } from '../credentials/credential.js';

const SECRET =
  '(?:token|credential|password|login|jwt|authori[sz]ation|authentication|(?<!upload[ _])session)s?';

/**
 * "Your authorization token has expired", "TOKEN_EXPIRED", "expired credentials", and Amazon's "authorization token is
 * invalid", which it also says of expired ones. Names what expired, since tags and certificates expire too.
 */
const EXPIRED = new RegExp(
  `${SECRET}[^.;:]{0,40}(?<!un)expired|(?<!un)expired[ _-]?${SECRET}|\\bauthorization token is invalid\\b`,
  'i',
);

/** Statuses of rejected credentials. Some registries respond with 400 or 403 if a credential has expired. */
const REJECTED: ReadonlySet<number> = new Set([400, 401, 403]);

/** An error response to an authorized request. */
export interface ErrorResponse {
  readonly method: HttpMethod;
  readonly status: number;
  /** The body; empty for a HEAD request. */
  readonly text: string;
}

/** What a request was authorized with. */
export interface SentAuthorization {
  /** The token, if it was issued by a token server. */
  readonly token?: string | undefined;
  /** How to replace the credential. */
  readonly renewal?: Renewal | undefined;
}

/** Reports whether an error message means that a credential or token has expired, so that a fresh one may succeed. */
export function isExpiredAuthorization(message: string): boolean {
  return EXPIRED.test(message);
}

/** Reports whether a status can mean that a credential or token has expired; {@link whatExpired} then needs the body. */
export function mayMeanExpired(status: number): boolean {
  return REJECTED.has(status);
}

/**
 * Decides whether a response means that the credential or the token of the request has expired: that one is to be fetched
 * again and the request retried once.
 *
 * @param response the response of the registry, or of the token server to a token request
 * @returns `credential` includes the token that was issued for it; `undefined` if neither has expired
 */
export function whatExpired(
  { method, status, text }: ErrorResponse,
  { token, renewal }: SentAuthorization,
): 'credential' | 'token' | undefined {
  if (!mayMeanExpired(status)) return undefined;
  const isStated = isExpiredAuthorization(text);
  // A 401 is never about permissions, and a response to HEAD has no message.
  const isLikely = status === 401 || method === 'HEAD';
  if (renewal !== undefined && (isStated || (isLikely && !renewal.isFresh()))) return 'credential';
  // Amazon ECR Public responds with 400, without a challenge, to an expired token.
  if (token !== undefined && (isStated || (method === 'HEAD' && status === 400))) return 'token';
  return undefined;
}
