import { ArgumentError, type MultiarchError } from '../oci/errors.js';
import { certificateFailure, clientCertificateFailure } from './tls/tls-errors.js';
import { insecureAdvice, type NetworkFailure, type Peer } from './network-failure.js';
import { NetworkError, type FailedRequest } from './network-error.js';
import { offeredSchemes, ProxyFailure } from './proxy/proxy-tunnel.js';
import type { ProxyServer } from './proxy/proxy-server.js';
import { proxyResponseFailure, unusableProxyFailure } from './proxy/proxy-errors.js';
import { redactUrl } from './redact.js';

/** What is known about the connection of a failed request. */
export interface ConnectionFacts {
  /** The configuration for the server. */
  readonly peer?: Omit<Peer, 'url'>;
  /** The proxy of the request. */
  readonly proxy?: ProxyServer | undefined;
}

/**
 * Returns the typed error for an error of node or got. Reads only its code and OpenSSL's reason: its message may contain a
 * signed URL, its properties the whole request.
 * @param keptConnection whether the connection was established before the request
 */
export function describeFailure(
  error: unknown,
  request: FailedRequest,
  keptConnection: boolean,
  { peer = { role: 'registry' }, proxy }: ConnectionFacts = {},
): MultiarchError {
  const code = errorCode(error);
  if (INVALID_REQUEST_CODES.has(code)) {
    return new ArgumentError(
      `${request.method} ${redactUrl(request.url)}: a header or the path has characters that HTTP does not allow (${code})`,
    );
  }
  const failure =
    proxy === undefined
      ? networkFailure(code, error, { ...peer, url: request.url })
      : proxiedFailure(proxy, code, error, { ...peer, url: request.url });
  return networkError(request, failure, keptConnection && CONNECTION_CLOSED_CODES.has(code));
}

/** Returns the error for a proxy that requires authentication to forward a plain request. */
export function describeProxyLogin(
  request: FailedRequest,
  proxy: ProxyServer,
  challenges: readonly string[],
): NetworkError {
  const failure = proxyResponseFailure(proxy, request.url, 407, offeredSchemes(challenges));
  return networkError(request, failure, false);
}

function networkError(request: FailedRequest, failure: NetworkFailure, stale: boolean): NetworkError {
  const { why, hint, temporary = true, otherScheme = false } = failure;
  const message = `${request.method} ${redactUrl(request.url)}: ${why}`;
  return new NetworkError(message, { hint, temporary, otherScheme, stale });
}

const CONNECTION_CLOSED_CODES: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

const INVALID_REQUEST_CODES: ReadonlySet<string> = new Set([
  'ERR_INVALID_CHAR',
  'ERR_INVALID_HTTP_TOKEN',
  'ERR_HTTP_INVALID_HEADER_VALUE',
  'ERR_UNESCAPED_CHARACTERS',
]);

/** Failures to connect: to the proxy, if there is one. */
const BEFORE_REQUEST_CODES: ReadonlySet<string> = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'MULTIARCH_CONNECT',
  'MULTIARCH_TLS',
]);

function proxiedFailure(proxy: ProxyServer, code: string, error: unknown, peer: Peer): NetworkFailure {
  const { url, certificate } = peer;
  const isPlain = url.protocol === 'http:';
  const proxyPeer: Peer = { url: proxy.url, role: 'proxy', ...(isPlain && { certificate }) };
  const problem = ProxyFailure.in(error)?.problem;
  if (problem !== undefined) {
    if ('status' in problem) return proxyResponseFailure(proxy, url, problem.status, problem.offered);
    const inner = networkFailure(errorCode(problem.reason), problem.reason, proxyPeer);
    return unusableProxyFailure(proxy, url, inner);
  }
  // The failures of a tunnel are handled above, so TLS failures are the server's, or for a plain request the proxy's.
  if (
    isPlain &&
    (BEFORE_REQUEST_CODES.has(code) || isTlsFailure(code) || certificateFailure(code, proxyPeer))
  ) {
    return unusableProxyFailure(proxy, url, networkFailure(code, error, proxyPeer));
  }
  const failure = networkFailure(code, error, peer);
  return { ...failure, why: `${failure.why}, through ${proxy.label}` };
}

function networkFailure(code: string, error: unknown, peer: Peer): NetworkFailure {
  const { url } = peer;
  const certificate = certificateFailure(code, peer);
  if (certificate !== undefined) return certificate;
  if (code.startsWith('HPE_')) {
    return { why: `the response is not valid HTTP (${code})`, otherScheme: true };
  }
  if (isTlsFailure(code)) return tlsFailure(opensslReason(error, code), peer);
  if (CONNECTION_CLOSED_CODES.has(code)) {
    return { why: 'the server closed the connection without a response', otherScheme: true };
  }
  return (
    failureOfCode(code, url) ?? { why: code === '' ? 'the request failed' : `the request failed (${code})` }
  );
}

function isTlsFailure(code: string): boolean {
  return code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_HANDSHAKE');
}

function failureOfCode(code: string, url: URL): NetworkFailure | undefined {
  switch (code) {
    case 'ENOTFOUND':
      // Final: the resolver reports EAI_AGAIN if the lookup itself failed.
      return {
        why: `host ${url.hostname} not found (DNS)`,
        hint: 'Check the spelling of the host name, and that this machine can resolve it.',
        temporary: false,
      };
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
      return { why: `lookup of host ${url.hostname} failed (DNS, ${code})` };
    case 'ECONNREFUSED':
      return {
        why: `${url.host} refused the connection`,
        hint: 'Check that the server is running, and the port.',
        otherScheme: true,
      };
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return { why: `no route to ${url.host} (${code})` };
    case 'ETIMEDOUT':
    case 'ESOCKETTIMEDOUT':
      return { why: 'no response within the time limit', otherScheme: true };
    case 'MULTIARCH_CONNECT':
      return { why: `${url.host} did not accept a connection within the time limit`, otherScheme: true };
    case 'MULTIARCH_TLS':
      return { why: `the TLS handshake with ${url.host} timed out`, otherScheme: true };
    case 'MULTIARCH_TUNNEL':
      return { why: 'it did not connect to the server within the time limit' };
    case 'MULTIARCH_UPLOAD':
      return { why: 'the server stopped reading the body' };
    default:
      return undefined;
  }
}

/** OpenSSL's reasons if the first bytes of the server are not TLS. */
const NOT_TLS = /wrong version number|packet length too long|http request|unknown protocol/;

function tlsFailure(reason: string, peer: Peer): NetworkFailure {
  const { host } = peer.url;
  if (NOT_TLS.test(reason)) {
    return {
      why: `${host} does not speak TLS on this port (${reason})`,
      hint: insecureAdvice(peer) && 'If the registry speaks plain HTTP, use --insecure.',
      temporary: false,
      otherScheme: true,
    };
  }
  const failure = clientCertificateFailure(reason, peer);
  return failure ?? { why: `the TLS handshake with ${host} failed (${reason})`, temporary: false };
}

/** The last part of OpenSSL's colon-separated message, such as `tlsv1 alert protocol version`. */
function opensslReason(error: unknown, code: string): string {
  const message = error instanceof Error ? error.message : '';
  return /:error:[0-9A-F]+:[^:]*:[^:]*:([a-z0-9 ]+)/i.exec(message)?.[1] ?? code;
}

function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
