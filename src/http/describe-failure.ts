import { ArgumentError, type MultiarchError } from '../oci/errors.js';
import { RejectedAddress } from './address-lookup.js';
import { DestinationError } from './destination-policy.js';
import { TimeLimitError } from './deadline.js';
import {
  networkError,
  type FailedRequest,
  type NetworkError,
  type NetworkFailure,
  type Peer,
} from './network-error.js';
import { proxyResponseFailure, unusableProxyFailure } from './proxy/proxy-errors.js';
import type { ProxyServer } from './proxy/proxy-server.js';
import { ProxyFailure } from './proxy/proxy-tunnel.js';
import { redactUrl } from './redact.js';
import { certificateFailure, tlsFailure } from './tls/tls-errors.js';

/** What is known about the connection of a failed request. */
export interface ConnectionFacts {
  /** Whether the connection was established before the request. @default false */
  readonly isKept?: boolean;
  /** The configuration for the server. @default a registry without configuration */
  readonly peer?: Omit<Peer, 'url'>;
  /** The proxy of the request. */
  readonly proxy?: ProxyServer | undefined;
}

const CONNECTION_CLOSED_CODES: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

const INVALID_REQUEST_CODES: ReadonlySet<string> = new Set([
  'ERR_INVALID_CHAR',
  'ERR_INVALID_HTTP_TOKEN',
  'ERR_HTTP_INVALID_HEADER_VALUE',
  'ERR_UNESCAPED_CHARACTERS',
]);

const LOOKUP_HINT = 'Check the network and the DNS servers of this machine.';
const ROUTE_HINT = 'Check the network of this machine, and the VPN that the server may require.';

/** Failures to connect, by code: to the proxy, if there is one. `{host}`, `{hostname}`, `{code}` and `{limit}` in seconds are replaced. */
const CONNECT_FAILURES: ReadonlyMap<string, NetworkFailure> = new Map<string, NetworkFailure>([
  // Final: the resolver reports EAI_AGAIN if the lookup itself failed.
  [
    'ENOTFOUND',
    {
      why: 'host {hostname} not found (DNS)',
      hint: 'Check the spelling of the host name, and that this machine can resolve it.',
      temporary: false,
    },
  ],
  ['EAI_AGAIN', { why: 'lookup of host {hostname} failed (DNS, {code})', hint: LOOKUP_HINT }],
  ['EAI_FAIL', { why: 'lookup of host {hostname} failed (DNS, {code})', hint: LOOKUP_HINT }],
  [
    'ECONNREFUSED',
    {
      why: '{host} refused the connection',
      hint: 'Check that the server is running, and the port.',
      otherScheme: true,
    },
  ],
  ['EHOSTUNREACH', { why: 'no route to {host} ({code})', hint: ROUTE_HINT }],
  ['ENETUNREACH', { why: 'no route to {host} ({code})', hint: ROUTE_HINT }],
  [
    'MULTIARCH_CONNECT',
    {
      why: '{host} did not accept a connection within the time limit',
      hint: 'Check the port, and that no firewall blocks it.',
      otherScheme: true,
    },
  ],
  [
    'MULTIARCH_TLS',
    {
      why: 'the TLS handshake with {host} timed out',
      hint: 'Check that the port speaks TLS, and the load of the server.',
      otherScheme: true,
    },
  ],
]);

/** The failure of a response with 101, which no request asks for (RFC 9110, section 15.2.2). */
export const UNEXPECTED_UPGRADE = {
  why: 'the server responded with 101 Switching Protocols, which was not requested',
  hint: 'Check that the address is that of a registry, and not of another service or of a proxy that is set up wrongly.',
} as const;

const SLOW_HINT = 'Check the network between this machine and {host}, with any proxy or VPN in between.';

/** Failures of an established connection, by code, with the same texts replaced. */
const REQUEST_FAILURES: ReadonlyMap<string, NetworkFailure> = new Map<string, NetworkFailure>([
  // The operating system gives up a connection whose other end is gone.
  ['ETIMEDOUT', { why: 'the connection timed out ({code})', hint: SLOW_HINT }],
  [
    'MULTIARCH_RESPONSE',
    {
      why: 'no response within {limit} s',
      hint: 'Check the load and the log of {host}, and of any proxy in front of it, and try again later.',
      timeLimit: true,
    },
  ],
  ['MULTIARCH_TUNNEL', { why: 'it did not connect to the server within the time limit' }],
  [
    'MULTIARCH_UPLOAD',
    {
      why: 'the server stopped reading the body',
      hint: 'Check the free space and the log of {host}, and the network with any proxy in between.',
      timeLimit: true,
    },
  ],
  ['MULTIARCH_UPGRADE', { ...UNEXPECTED_UPGRADE, temporary: false }],
]);

/**
 * Returns the typed error for an error of node or got. Reads only its code and OpenSSL's reason: its message may contain a
 * signed URL, its properties the whole request.
 */
export function describeFailure(
  error: unknown,
  request: FailedRequest,
  { isKept = false, peer = { role: 'registry' }, proxy }: ConnectionFacts = {},
): MultiarchError {
  const rejected = RejectedAddress.in(error);
  if (rejected !== undefined) return new DestinationError(request, rejected.problem);
  const code = errorCode(error);
  if (INVALID_REQUEST_CODES.has(code)) {
    return new ArgumentError(
      `${request.method} ${redactUrl(request.url)}: a header or the path has characters that HTTP does not allow (${code})`,
    );
  }
  const server: Peer = { ...peer, url: request.url };
  const failure = proxy === undefined ? networkFailure(error, server) : proxiedFailure(error, server, proxy);
  return networkError(request, { ...failure, stale: isKept && CONNECTION_CLOSED_CODES.has(code) });
}

/** Returns the error for a response that began and did not end. */
export function truncatedResponse(
  request: FailedRequest,
  why: string,
  received: number,
  expected: number | undefined,
  timeLimit = false,
): NetworkError {
  const amount = expected === undefined ? received : `${received} of ${expected}`;
  const hint = timeLimit ? slowHint(request) : undefined;
  return networkError(request, { why: `${why} after ${amount} bytes`, hint, timeLimit });
}

/** Returns the hint for a server that sends a body too slowly. */
export function slowHint({ url }: Pick<FailedRequest, 'url'>): string {
  return SLOW_HINT.replace('{host}', url.host);
}

function proxiedFailure(error: unknown, peer: Peer, proxy: ProxyServer): NetworkFailure {
  const { url, certificate } = peer;
  const isPlain = url.protocol === 'http:';
  const proxyPeer: Peer = { url: proxy.url, role: 'proxy', ...(isPlain && { certificate }) };
  const problem = ProxyFailure.in(error)?.problem;
  if (problem !== undefined) {
    return 'status' in problem
      ? proxyResponseFailure(proxy, url, problem.status, problem.challenges)
      : unusableProxyFailure(proxy, url, networkFailure(problem.reason, proxyPeer));
  }
  // The failures of a tunnel are handled above, so TLS failures are the server's, or for a plain request the proxy's.
  const code = errorCode(error);
  if (
    isPlain &&
    (CONNECT_FAILURES.has(code) || isTlsFailure(code) || certificateFailure(code, proxyPeer) !== undefined)
  ) {
    return unusableProxyFailure(proxy, url, networkFailure(error, proxyPeer));
  }
  const failure = networkFailure(error, peer);
  return { ...failure, why: `${failure.why}, through ${proxy.label}` };
}

function networkFailure(error: unknown, peer: Peer): NetworkFailure {
  const code = errorCode(error);
  const certificate = certificateFailure(code, peer);
  if (certificate !== undefined) return certificate;
  if (code.startsWith('HPE_')) {
    return { why: `the response is not valid HTTP (${code})`, otherScheme: true };
  }
  if (isTlsFailure(code)) return tlsFailure(opensslReason(error) ?? code, peer);
  if (CONNECTION_CLOSED_CODES.has(code)) {
    return { why: 'the server closed the connection without a response', otherScheme: true };
  }
  const unconnected = CONNECT_FAILURES.get(code);
  const failure = unconnected === undefined ? REQUEST_FAILURES.get(code) : { ...unconnected, unsent: true };
  if (failure === undefined) return { why: `the request failed${code === '' ? '' : ` (${code})`}` };
  const { host, hostname } = peer.url;
  const limit = String((TimeLimitError.in(error)?.milliseconds ?? 0) / 1000);
  const values: Readonly<Record<string, string>> = { host, hostname, code, limit };
  const filled = (text: string): string =>
    text.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '');
  const { why, hint } = failure;
  return { ...failure, why: filled(why), ...(hint !== undefined && { hint: filled(hint) }) };
}

function isTlsFailure(code: string): boolean {
  return code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_HANDSHAKE');
}

/** The reason in OpenSSL's colon-separated message, such as `tlsv1 alert protocol version` or `ssl/tls alert bad certificate`. */
function opensslReason(error: unknown): string | undefined {
  const message = error instanceof Error ? error.message : '';
  return /:error:[0-9A-F]+:[^:]*:[^:]*:([\w /.,()-]+)/i.exec(message)?.[1];
}

function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
