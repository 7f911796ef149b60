import { destinationProblem, type RespondingServer } from '../../http/destination-policy.js';
import { UnauthorizedError } from '../../oci/errors.js';

/**
 * Returns the URL of the token server that a Bearer challenge names. A relative realm resolves against the registry's URL.
 *
 * @param registry where the challenge came from
 * @throws UnauthorizedError if the realm is not a URL, or {@link checkTokenServer} rejects it
 */
export function resolveRealm(realm: string, registry: RespondingServer): URL {
  if (!URL.canParse(realm, registry.url.href)) {
    throw new UnauthorizedError(`the token server that ${registry.url.host} names is not a URL`);
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
  if (problem !== undefined) throw rejectedTokenServer(url, registry, problem);
}

/**
 * Returns the error for a token server that must not be contacted.
 * @param problem a clause to follow a colon
 */
export function rejectedTokenServer(
  url: URL,
  registry: RespondingServer,
  problem: string,
): UnauthorizedError {
  return new UnauthorizedError(
    `rejected the token server ${url.protocol}//${url.host} that ${registry.url.host} names: ${problem}`,
    {
      hint: 'No credential was sent there. If the registry is yours, correct the token server in its configuration.',
    },
  );
}
