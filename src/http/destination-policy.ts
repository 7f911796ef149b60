import type { HttpResponse } from './message.js';
import { hostReach, isMetadataHost, REACHES, type Reach } from './host-reach.js';

/** The server that a response came from: its URL and, unless a proxy was between, the address that was connected to. */
export type RespondingServer = Pick<HttpResponse, 'url' | 'remoteAddress'>;

/**
 * Returns why a server must not send this client to a URL, or `undefined` if it may. The one policy for token realms,
 * upload locations, redirects and pagination links (CVE-2026-12566, go-containerregistry#2243 and its successors):
 *
 * - The URL is `https:`, or `http:` if the server itself was contacted over `http:`, and has no user information.
 * - The host is not nearer than the server: public < private < link-local < loopback. The same host on another port is
 *   as near as the server. A server that was reached at a private or loopback address may therefore name others there.
 * - The host is not the metadata service of a cloud.
 *
 * Host names are not resolved, so a DNS answer cannot change the result between this check and the request: the reach of
 * a URL is that of a literal address or a `localhost` name, the reach of the server that of the address connected to.
 * @returns a clause to follow a colon, without anything secret
 */
export function destinationProblem(url: URL, server: RespondingServer): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'it is not an HTTP URL';
  if (url.username !== '' || url.password !== '') return 'it contains user information';
  if (url.protocol === 'http:' && server.url.protocol === 'https:')
    return 'it leads from HTTPS to plain HTTP';
  if (isMetadataHost(url.hostname)) return `${url.hostname} is the metadata service of a cloud`;
  if (url.hostname === server.url.hostname) return undefined;
  const reach = hostReach(url.hostname);
  const own = reachOf(server);
  return REACHES.indexOf(reach) > REACHES.indexOf(own)
    ? `${url.hostname} is a ${reach} address, and ${server.url.host} is at a ${own} one`
    : undefined;
}

/**
 * Returns the URL with `https:` if it differs from the server's origin by `http:` alone: a registry behind a proxy that
 * terminates TLS often writes its own address so.
 */
export function upgradeOwnUrl(url: URL, server: URL): URL {
  if (url.protocol !== 'http:' || server.protocol !== 'https:') return url;
  const upgraded = new URL(url);
  upgraded.protocol = 'https:';
  return upgraded.host === server.host ? upgraded : url;
}

function reachOf({ url, remoteAddress }: RespondingServer): Reach {
  return hostReach(remoteAddress ?? url.hostname);
}
