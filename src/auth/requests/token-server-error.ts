import { readErrorText } from '../../http/error-text.js';
import type { HttpResponse } from '../../http/message.js';
import {
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
import { SecretRedactor } from './secret-redactor.js';

/** The token request that failed. */
interface FailedTokenRequest {
  readonly registry: RegistryHost;
  readonly realm: URL;
  readonly credential: RegistryCredential | undefined;
}

/** Returns the error for a token server's response without a token. Reads the body for the server's own text. */
export async function tokenServerError(
  response: HttpResponse,
  { registry, realm, credential }: FailedTokenRequest,
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
  if (status === 429) return new RateLimitedError(...about(`too many requests for a token for ${registry}`));
  if (status === 408 || status < 400 || status >= 500) {
    return new UnavailableError(...about(`no token for ${registry}`));
  }
  return credential === undefined
    ? new UnauthorizedError(
        ...about(`not logged in to ${registry}`, `Log in with: multiarch login ${registry}`),
      )
    : new UnauthorizedError(...about(`the login for ${registry} was rejected`, loginHint(registry)));
}

/** An expired login to Amazon's public registry blocks reads that would work without a login. */
function loginHint(registry: RegistryHost): string {
  const host = parseEcrHost(registry);
  return host === undefined
    ? `Check the user name and password, and log in again with: multiarch login ${registry}`
    : `Log in again: ${logInToEcr(host, registry)}; or go on without a login: multiarch logout ${registry}`;
}
