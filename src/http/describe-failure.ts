import { ArgumentError, type MultiarchError } from '../oci/errors.js';
import { certificateFailure, clientCertificateFailure } from './tls/tls-errors.js';
import { insecureAdvice, type NetworkFailure, type Peer } from './network-failure.js';
import { NetworkError, type FailedRequest } from './network-error.js';
import { offeredSchemes, ProxyFailure } from './proxy/proxy-tunnel.js';
import type { ProxyServer } from './proxy/proxy-server.js';
import { proxyResponseFailure, unusableProxyFailure } from './proxy/proxy-errors.js';
import { redactUrl } from './redact.js';

/** What is known of a connection, besides the request on it. */
export interface ConnectionFacts {
  /** How the server is configured here. */
  readonly peer?: Omit<Peer, 'url'>;
  /** What the request went through. */
  readonly proxy?: ProxyServer | undefined;
}

/**
 * Puts what node or got throw into our own words. Only the error's code is read, and the reason that OpenSSL gives:
 * its message may quote a signed URL, its properties the whole request.
 * @param keptConnection the connection was up before the request
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
  const diagnosis =
    proxy === undefined
      ? diagnose(code, error, { ...peer, url: request.url })
      : diagnoseThrough(proxy, code, error, { ...peer, url: request.url });
  return failureOf(request, diagnosis, keptConnection && CONNECTION_CLOSED_CODES.has(code));
}

/** A proxy that asks for a login, where it was asked to pass a request on rather than to connect us. */
export function describeProxyLogin(
  request: FailedRequest,
  proxy: ProxyServer,
  challenges: readonly string[],
): NetworkError {
  const diagnosis = proxyResponseFailure(proxy, request.url, 407, offeredSchemes(challenges));
  return failureOf(request, diagnosis, false);
}

function failureOf(request: FailedRequest, diagnosis: NetworkFailure, stale: boolean): NetworkError {
  const { why, hint, temporary = true, otherScheme = false } = diagnosis;
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

/** Failures on the way to whoever is spoken to first: the proxy, where there is one. */
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

function diagnoseThrough(proxy: ProxyServer, code: string, error: unknown, peer: Peer): NetworkFailure {
  const { url, certificate } = peer;
  const isPlain = url.protocol === 'http:';
  const proxyPeer: Peer = { url: proxy.url, role: 'proxy', ...(isPlain && { certificate }) };
  const failure = ProxyFailure.in(error);
  if (failure !== undefined) {
    const { trouble } = failure;
    if ('status' in trouble) return proxyResponseFailure(proxy, url, trouble.status, trouble.offered);
    const inner = diagnose(errorCode(trouble.reason), trouble.reason, proxyPeer);
    return unusableProxyFailure(proxy, url, inner);
  }
  // A tunnel's own failures came above, so what is left of TLS is the server's; a plain request has no TLS but the proxy's.
  if (
    isPlain &&
    (BEFORE_REQUEST_CODES.has(code) || isTlsTrouble(code) || certificateFailure(code, proxyPeer))
  ) {
    return unusableProxyFailure(proxy, url, diagnose(code, error, proxyPeer));
  }
  const diagnosis = diagnose(code, error, peer);
  return { ...diagnosis, why: `${diagnosis.why}, through ${proxy.label}` };
}

function diagnose(code: string, error: unknown, peer: Peer): NetworkFailure {
  const { url } = peer;
  const certificate = certificateFailure(code, peer);
  if (certificate !== undefined) return certificate;
  if (code.startsWith('HPE_')) {
    return { why: `the answer is not valid HTTP (${code})`, otherScheme: true };
  }
  if (isTlsTrouble(code)) return diagnoseTls(opensslReason(error, code), peer);
  if (CONNECTION_CLOSED_CODES.has(code)) {
    return { why: 'the server closed the connection without an answer', otherScheme: true };
  }
  return known(code, url) ?? { why: code === '' ? 'the request failed' : `the request failed (${code})` };
}

function isTlsTrouble(code: string): boolean {
  return code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_HANDSHAKE');
}

function known(code: string, url: URL): NetworkFailure | undefined {
  switch (code) {
    case 'ENOTFOUND':
      // The resolver is sure that there is no such name: EAI_AGAIN is how it says that it could not find out.
      return {
        why: `host ${url.hostname} was not found (DNS)`,
        hint: 'Check the spelling of the host name, and whether this machine can resolve it.',
        temporary: false,
      };
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
      return { why: `host ${url.hostname} cannot be looked up right now (DNS, ${code})` };
    case 'ECONNREFUSED':
      return {
        why: `${url.host} refused the connection`,
        hint: 'Check that the server is running, and the port.',
        otherScheme: true,
      };
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return { why: `there is no route to ${url.host} (${code})` };
    case 'ETIMEDOUT':
    case 'ESOCKETTIMEDOUT':
      return { why: 'there was no answer within the time limit', otherScheme: true };
    case 'MULTIARCH_CONNECT':
      return { why: `${url.host} did not accept a connection within the time limit`, otherScheme: true };
    case 'MULTIARCH_TLS':
      return { why: `the TLS handshake with ${url.host} took too long`, otherScheme: true };
    case 'MULTIARCH_TUNNEL':
      return { why: 'it did not connect us within the time limit' };
    case 'MULTIARCH_UPLOAD':
      return { why: 'the server stopped taking the body' };
    default:
      return undefined;
  }
}

/** What OpenSSL says when the other side's first bytes are no TLS at all. */
const NOT_TLS = /wrong version number|packet length too long|http request|unknown protocol/;

function diagnoseTls(reason: string, peer: Peer): NetworkFailure {
  const { host } = peer.url;
  if (NOT_TLS.test(reason)) {
    return {
      why: `${host} does not speak TLS at this port (${reason})`,
      hint: insecureAdvice(peer) && 'If the registry speaks plain HTTP, use --insecure.',
      temporary: false,
      otherScheme: true,
    };
  }
  const refusal = clientCertificateFailure(reason, peer);
  return refusal ?? { why: `the TLS handshake with ${host} failed (${reason})`, temporary: false };
}

/** The last words of OpenSSL's colon-separated line, such as `tlsv1 alert protocol version`. */
function opensslReason(error: unknown, code: string): string {
  const message = error instanceof Error ? error.message : '';
  return /:error:[0-9A-F]+:[^:]*:[^:]*:([a-z0-9 ]+)/i.exec(message)?.[1] ?? code;
}

function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
