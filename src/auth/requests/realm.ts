import { destinationProblem, type RespondingServer } from '../../http/destination-policy.js';
import { UnauthorizedError } from '../../oci/errors.js';

/**
 * Returns the URL of the token server that a Bearer challenge names. A relative realm resolves against the registry's URL.
 *
 * @param registry where the challenge came from
 * @throws UnauthorizedError if the realm is not a URL, or {@link checkTokenServer} refuses it
 */
export function resolveRealm(realm: string, registry: RespondingServer): URL {
  if (!URL.canParse(realm, registry.url.href)) {
    throw new UnauthorizedError(
      `${registry.url.host} asks for a token from a token server that is not a URL`,
    );
  }
  const url = new URL(realm, registry.url);
  checkTokenServer(url, registry);
  return url;
}

/**
 * Checks a token server by the policy of {@link destinationProblem}. It may be on another host than the registry.
 *
 * @param url the realm, or a redirect from it
 * @param registry where the challenge came from
 * @throws UnauthorizedError
 */
export function checkTokenServer(url: URL, registry: RespondingServer): void {
  const problem = destinationProblem(url, registry);
  if (problem === undefined) return;
  throw new UnauthorizedError(
    `refused to ask for a token at ${url.protocol}//${url.host}, as ${registry.url.host} asks: ${problem}`,
    {
      hint: 'No credential was sent there. If the registry is yours, correct the token server in its configuration.',
    },
  );
}
