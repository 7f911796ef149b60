import { InvalidError } from '../oci/errors.js';
import type { HttpResponse } from './message.js';
import { hostReach, isMetadataHost, isNearer, type Reach } from './host-reach.js';
import type { FailedRequest } from './network-error.js';
import { redactUrl } from './redact.js';

/** The server that a response came from: its URL and, unless a proxy was between, the address that was connected to. */
export type RespondingServer = Pick<HttpResponse, 'url' | 'remoteAddress' | 'nearest'>;

/**
 * Returns why a server must not send this client to a URL, or `undefined` if it may. The one policy for token realms,
 * upload locations, redirects and pagination links (CVE-2026-12566, go-containerregistry#2243 and its successors):
 *
 * - The URL is `https:`, or `http:` if the server itself was contacted over `http:`, and has no user information.
 * - The host is not nearer than the server: public < private < link-local < loopback. The same host on another port is
 *   as near as the server. A server that was reached at a private or loopback address may therefore name others there.
 * - The host is not the metadata service of a cloud.
 *
 * The reach of a URL is that of a literal address or a `localhost` name, the reach of the server that of the address
 * connected to. Other names are resolved when the request connects: {@link nearestFor} limits the addresses then.
 * @returns a clause to follow a colon, without anything secret
 */
export function destinationProblem(url: URL, server: RespondingServer): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'it is not an HTTP URL';
  if (url.username !== '' || url.password !== '') return 'it contains user information';
  if (url.protocol === 'http:' && server.url.protocol === 'https:')
    return 'it leads from HTTPS to plain HTTP';
  if (isMetadataHost(url.hostname)) return `${url.hostname} is the metadata service of a cloud`;
  if (url.hostname === server.url.hostname) return undefined;
  const own = reachOf(server);
  return isNearer(url.hostname, own)
    ? `${url.hostname} is a ${hostReach(url.hostname)} address, and ${server.url.host} is at a ${own} one`
    : undefined;
}

/**
 * Returns the nearest addresses that a request to a URL that a server named may connect to: those as near as the server
 * itself. Its own origin has the limit of the request that the server responded to.
 * @returns `undefined` for any address
 */
export function nearestFor(url: URL, server: RespondingServer): Reach | undefined {
  const isOwn = url.origin === server.url.origin;
  // Behind a proxy, the address of the same host is unknown, and may be as near as that of another port.
  const isUnknown = server.remoteAddress === undefined && url.hostname === server.url.hostname;
  return isOwn || isUnknown ? server.nearest : reachOf(server);
}

/**
 * Returns why a request that is limited to some reach must not connect to an address that its host name resolves to, or
 * `undefined` if it may. The rules are those of {@link destinationProblem}.
 */
export function addressProblem(hostname: string, address: string, nearest: Reach): string | undefined {
  if (isMetadataHost(address)) return `${hostname} resolves to ${address}, the metadata service of a cloud`;
  return isNearer(address, nearest)
    ? `${hostname} resolves to ${address}, a ${hostReach(address)} address, and the server that names it is at a ${nearest} one`
    : undefined;
}

/** A request that was not sent, because its host name resolves to no address that {@link addressProblem} allows. */
export class DestinationError extends InvalidError {
  /** A clause to follow a colon. */
  readonly problem: string;

  constructor({ method, url }: FailedRequest, problem: string) {
    super(`${method} ${redactUrl(url)}: not sent: ${problem}`);
    this.name = 'InvalidError';
    this.problem = problem;
  }
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
