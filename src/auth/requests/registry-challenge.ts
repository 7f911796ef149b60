import { isLoopbackHost } from '../../http/private-address.js';
import type { HttpRequest, HttpResponse } from '../../http/message.js';
import type { RegistryHost } from '../../oci/reference.js';
import { parseChallenges, selectChallenge } from './challenge.js';
import { registryApiHost } from '../credentials/docker-hub.js';
import { resolveRealm } from './realm.js';

/** How a registry wants requests to be authenticated. */
export type RegistryChallenge =
  | { readonly kind: 'basic'; readonly registryUrl: URL }
  | {
      readonly kind: 'bearer';
      /** Where the registry really answers, after redirects and with the scheme that was found out. */
      readonly registryUrl: URL;
      /** The token server, vetted. Without one, only a token that is configured can serve. */
      readonly realm: URL | undefined;
      readonly service: string | undefined;
      /** What the registry says that the request needs. */
      readonly scopes: readonly string[];
    };

/**
 * Whether a request may carry the registry's credentials: it goes to the registry, and not in clear text. Plain HTTP is for
 * loopback, and for where the HTTP client finds out the scheme, which it does for registries that may be insecure only.
 */
export function mayAuthenticate(registry: RegistryHost, request: HttpRequest): boolean {
  const { url, negotiateScheme = false } = request;
  const address = `${url.protocol}//${registryApiHost(registry)}`;
  return (
    URL.canParse(address) &&
    new URL(address).host === url.host &&
    (url.protocol === 'https:' || negotiateScheme || isLoopbackHost(url.hostname))
  );
}

/**
 * The challenge in an answer to such a request; `undefined` where there is none that can be met. One from anywhere but
 * the registry, after a redirect, is not met: whoever answers there has no claim on the login (CVE-2020-15157).
 *
 * @throws UnauthorizedError where the token server is refused
 */
export function challengeIn(request: HttpRequest, response: HttpResponse): RegistryChallenge | undefined {
  if (response.status !== 401 && response.status !== 403) return undefined;
  if (!sameOrigin(request, response.url)) return undefined;
  const challenge = selectChallenge(parseChallenges(response.headerValues('www-authenticate')));
  const registryUrl = response.url;
  if (challenge === undefined) return undefined;
  if (challenge.scheme === 'basic') return { kind: 'basic', registryUrl };
  const realm = challenge.parameters.get('realm');
  return {
    kind: 'bearer',
    registryUrl,
    realm: realm === undefined ? undefined : resolveRealm(realm, registryUrl),
    service: challenge.parameters.get('service'),
    scopes: (challenge.parameters.get('scope') ?? '').split(/\s+/).filter((scope) => scope !== ''),
  };
}

/** The scheme alone may differ, and only where the client was to find it out. */
function sameOrigin(request: HttpRequest, answered: URL): boolean {
  const expected = new URL(request.url);
  if (request.negotiateScheme === true) expected.protocol = answered.protocol;
  return expected.origin === answered.origin;
}
