import type { HttpRequest, HttpResponse } from '../../http/message.js';
import { isLoopbackHost } from '../../http/host-reach.js';
import type { RegistryHost } from '../../oci/reference.js';
import { registryApiHost } from '../credentials/docker-hub.js';
import { parseChallenges, selectChallenge } from './challenge.js';
import { resolveRealm } from './realm.js';

/** How a registry requires requests to be authenticated. */
export type RegistryChallenge =
  | { readonly kind: 'basic'; readonly registryUrl: URL }
  | {
      readonly kind: 'bearer';
      /** The URL that responded, after redirects and with the negotiated scheme. */
      readonly registryUrl: URL;
      /** The address of the registry, if it is known: decides which token servers it may name. */
      readonly remoteAddress: string | undefined;
      /** The token server, vetted. Without one, only a configured registry token can be used. */
      readonly realm: URL | undefined;
      readonly service: string | undefined;
      /** The scopes that the challenge names. */
      readonly scopes: readonly string[];
    };

/**
 * Reports whether a request may carry the registry's credentials: it goes to the registry's host, over HTTPS. Plain HTTP is
 * allowed to loopback, and if the HTTP client negotiates the scheme, which it does for insecure registries only.
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
 * Returns the challenge in a response; `undefined` without a supported one. After a redirect to another origin, challenges
 * are ignored: that server must not get the registry's credentials (CVE-2020-15157).
 *
 * @throws UnauthorizedError if the token server is refused
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
    remoteAddress: response.remoteAddress,
    realm: realm === undefined ? undefined : resolveRealm(realm, response),
    service: challenge.parameters.get('service'),
    scopes: (challenge.parameters.get('scope') ?? '').split(/\s+/).filter((scope) => scope !== ''),
  };
}

/** Compares origins; the scheme may differ if the client negotiates it. */
function sameOrigin(request: HttpRequest, responding: URL): boolean {
  const expected = new URL(request.url);
  if (request.negotiateScheme === true) expected.protocol = responding.protocol;
  return expected.origin === responding.origin;
}
