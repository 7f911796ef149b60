import { isLoopbackHost, isPrivateAddress } from '../../http/private-address.js';
import { UnauthorizedError } from '../../oci/errors.js';

/**
 * The token server that a Bearer challenge names. A relative realm is taken from the URL that was asked.
 *
 * @param registryUrl where the challenge came from
 * @throws UnauthorizedError where the realm is no URL, or {@link vetTokenServer} refuses it
 */
export function resolveRealm(realm: string, registryUrl: URL): URL {
  if (!URL.canParse(realm, registryUrl.href)) {
    throw new UnauthorizedError(
      `The registry ${registryUrl.host} asks for a token, but the token server that it names is no URL`,
    );
  }
  const url = new URL(realm, registryUrl);
  vetTokenServer(url, registryUrl);
  return url;
}

/**
 * Refuses a token server that could only be meant to get hold of a credential, or to reach into a private network through
 * us (CVE-2026-12566). Another host than the registry's is normal, so the name alone is no reason.
 *
 * @param url the realm, or where it redirects to
 * @param registryUrl where the challenge came from
 * @throws UnauthorizedError
 */
export function vetTokenServer(url: URL, registryUrl: URL): void {
  const reason = rejectionReason(url, registryUrl);
  if (reason === undefined) return;
  throw new UnauthorizedError(
    `The registry ${registryUrl.host} asks for a token from ${url.protocol}//${url.host}, which is refused: ${reason}`,
    {
      hint: 'No credential was sent there. If the registry is yours, correct the token server in its configuration.',
    },
  );
}

function rejectionReason(url: URL, registryUrl: URL): string | undefined {
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && registryUrl.protocol === 'http:')) {
    return 'a token server has to be reached over HTTPS';
  }
  if (url.username !== '' || url.password !== '') return 'the address holds a user name or password';
  if (url.host === registryUrl.host) return undefined;
  if (isPrivateAddress(url.hostname)) return "it is a private address and not the registry's own";
  // `localhost` by name: a registry on this machine may well have its token server on another port of it, no other may.
  if (isLoopbackHost(url.hostname) && !isLoopbackHost(registryUrl.hostname)) {
    return 'it is this machine, and the registry is not';
  }
  return undefined;
}
