import type { RespondingServer } from '../../http/destination-policy.js';
import type { HttpRequest, HttpResponse } from '../../http/message.js';
import { isLoopbackHost } from '../../http/host-reach.js';
import type { RegistryHost } from '../../oci/reference.js';
import { registryApiHost } from '../credentials/docker-hub.js';
import { parseChallenges, selectChallenge } from './challenge.js';
import { resolveRealm } from './realm.js';

/** How a registry requires requests to be authenticated. */
export type RegistryChallenge =
  | { readonly kind: 'basic'; readonly server: RespondingServer }
  | {
      readonly kind: 'bearer';
      /**
       * The server that responded, after redirects and with the negotiated scheme: decides which token servers it may
       * name.
       */
      readonly server: RespondingServer;
      /** The token server, vetted. Without one, only a configured registry token can be used. */
      readonly realm: URL | undefined;
      readonly service: string | undefined;
      /** The scopes that the challenge names. */
      readonly scopes: readonly string[];
    };

/**
 * Reports whether a request may carry the registry's credentials: it goes to the registry's host, over HTTPS, and no other
 * host chose its URL. Plain HTTP is allowed to loopback, and if the HTTP client negotiates the scheme, which it does for insecure registries only.
 */
export function mayAuthenticate(registry: RegistryHost, request: HttpRequest): boolean {
  const { url, negotiateScheme = false, isAnonymous = false } = request;
  const address = `${url.protocol}//${registryApiHost(registry)}`;
  return (
    !isAnonymous &&
    URL.canParse(address) &&
    new URL(address).host === url.host &&
    (url.protocol === 'https:' || negotiateScheme || isLoopbackHost(url.hostname))
  );
}

/**
 * Returns the challenge in a response; `undefined` without a supported one. After a redirect to another origin, challenges
 * are ignored, even if another redirect led back: that server must not get the registry's credentials (CVE-2020-15157), nor
 * choose which of the registry's pages names a token server.
 *
 * @throws UnauthorizedError if the token server is rejected
 */
export function challengeIn(request: HttpRequest, response: HttpResponse): RegistryChallenge | undefined {
  if (response.status !== 401 && response.status !== 403) return undefined;
  if (response.leftOrigin === true || !sameOrigin(request, response.url)) return undefined;
  const challenge = selectChallenge(parseChallenges(response.headerValues('www-authenticate')));
  if (challenge === undefined) return undefined;
  const { url, remoteAddress, nearest } = response;
  const server = { url, remoteAddress, nearest };
  if (challenge.scheme === 'basic') return { kind: 'basic', server };
  const realm = challenge.parameters.get('realm');
  return {
    kind: 'bearer',
    server,
    realm: realm === undefined ? undefined : resolveRealm(realm, server),
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
