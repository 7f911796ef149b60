import { readErrorText } from '../../http/error-text.js';
import type { HttpResponse } from '../../http/message.js';
import {
  FailedError,
  RateLimitedError,
  UnauthorizedError,
  UnavailableError,
  type MultiarchErrorOptions,
  type MultiarchError,
} from '../../oci/errors.js';
import type { RegistryHost } from '../../oci/reference.js';
import type { RegistryCredential } from '../credentials/credential.js';
import { logInToEcr, parseEcrHost } from '../ecr/ecr-host.js';
import { bufferResponse } from './buffered-response.js';
import { isExpiredAuthorization } from './expiry.js';
import { SecretRedactor } from './secret-redactor.js';

/** The token request that failed. */
interface FailedTokenRequest {
  readonly registry: RegistryHost;
  readonly realm: URL;
  readonly scopes: readonly string[];
  readonly credential: RegistryCredential | undefined;
}

/** Codes for a login that is accepted and may not do what was asked for (RFC 6749, section 5.2; RFC 6750, section 3.1). */
const SCOPE_CODES: ReadonlySet<string> = new Set(['insufficient_scope', 'invalid_scope', 'access_denied']);

/** Returns the error for a token server's response without a token. Reads the body for the server's own text. */
export async function tokenServerError(
  response: HttpResponse,
  { registry, realm, scopes, credential }: FailedTokenRequest,
): Promise<MultiarchError> {
  const secrets = new SecretRedactor();
  secrets.addLogin(credential);
  const { errors, text } = await readErrorText(await bufferResponse(response, secrets));
  const { status } = response;
  const exchange = { ...response.request, status, errors };
  const about = (what: string, hint?: string): [string, MultiarchErrorOptions] => [
    `${what} (token server ${realm.host}): ${text === '' ? `HTTP status ${status}` : text}`,
    { exchange, hint },
  ];
  if (status === 429) {
    return new RateLimitedError(
      ...about(`too many requests for a token for ${registry}`, 'Try again later.'),
    );
  }
  if (status === 408 || status < 400 || status >= 500) {
    return new UnavailableError(
      ...about(`no token for ${registry}`, 'The token server is failing; try again later.'),
    );
  }
  // Not about the login: 400 is that of OAuth (RFC 6749, section 5.2).
  if (status !== 400 && status !== 401 && status !== 403) {
    return new FailedError(...about(`no token for ${registry}`, NOT_A_TOKEN_SERVER_HINT));
  }
  if (credential === undefined) {
    return new UnauthorizedError(
      ...about(`not logged in to ${registry}`, `Log in with: multiarch login ${registry}`),
    );
  }
  const lacksScope = errors.some(({ code }) => SCOPE_CODES.has(code));
  const what = lacksScope ? `does not allow ${scopes.join(' ')}` : 'was rejected';
  const isExpired = isExpiredAuthorization(text);
  const isDenied = (lacksScope || (status === 403 && !isExpired)) && scopes.length > 0;
  const hint = isDenied
    ? `Check that the account, and its access token if it uses one, may do what was asked for (${scopes.join(' ')}); to use another account: multiarch login ${registry}`
    : loginHint(registry, isExpired);
  return new UnauthorizedError(...about(`the login for ${registry} ${what}`, hint));
}

/** What to do about a server that does not respond as a token server does. */
export const NOT_A_TOKEN_SERVER_HINT =
  'Check the address of the token server in the configuration of the registry, and any proxy in front of it.';

/** An expired login to Amazon's public registry blocks reads that would work without a login. */
function loginHint(registry: RegistryHost, isExpired: boolean): string {
  const host = parseEcrHost(registry);
  if (host !== undefined) {
    return `Log in again: ${logInToEcr(host, registry)}; or go on without a login: multiarch logout ${registry}`;
  }
  const login = `log in again with: multiarch login ${registry}`;
  return isExpired ? `The login has expired; ${login}` : `Check the user name and password, and ${login}`;
}
