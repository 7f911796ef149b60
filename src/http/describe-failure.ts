import { ArgumentError, type MultiarchError } from '../oci/errors.js';
import { NetworkError, type FailedRequest } from './network-error.js';
import { redactUrl } from './redact.js';

/** What kind of failure it was, for retries and for finding out a host's scheme. */
interface Diagnosis {
  /** Why, to follow a colon. */
  readonly why: string;
  readonly hint?: string;
  /** Another try may succeed. @default true */
  readonly temporary?: boolean;
  /** It could be that the server speaks the other of HTTP and HTTPS. @default false */
  readonly otherScheme?: boolean;
}

/**
 * Puts what node or got throw into our own words. Only the error's code is read, and the reason that OpenSSL gives:
 * its message may quote a signed URL, its properties the whole request.
 * @param keptConnection the connection was up before the request
 */
export function describeFailure(
  error: unknown,
  place: FailedRequest,
  keptConnection: boolean,
): MultiarchError {
  const code = errorCode(error);
  const before = `${place.method} ${redactUrl(place.url)}`;
  if (invalidRequest.has(code)) {
    return new ArgumentError(
      `${before}: a header or the path has characters that HTTP does not allow (${code})`,
    );
  }
  const { why, hint, temporary = true, otherScheme = false } = diagnose(code, error, place.url);
  const stale = keptConnection && closed.has(code);
  return new NetworkError(`${before}: ${why}`, { hint, temporary, otherScheme, stale });
}

const closed: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

const invalidRequest: ReadonlySet<string> = new Set([
  'ERR_INVALID_CHAR',
  'ERR_INVALID_HTTP_TOKEN',
  'ERR_HTTP_INVALID_HEADER_VALUE',
  'ERR_UNESCAPED_CHARACTERS',
]);

const unknownAuthority: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
]);

const otherCertificateTrouble: ReadonlySet<string> = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
]);

const insecureHint = 'If you trust the network in between, use --insecure for this registry.';

function diagnose(code: string, error: unknown, url: URL): Diagnosis {
  if (unknownAuthority.has(code)) {
    return {
      why: `the certificate of ${url.host} is signed by an unknown authority (${code})`,
      hint: `Name a file with the authority's certificate in NODE_EXTRA_CA_CERTS. ${insecureHint}`,
      temporary: false,
    };
  }
  if (otherCertificateTrouble.has(code)) {
    return { why: `the certificate of ${url.host} is not valid (${code})`, temporary: false };
  }
  if (code.startsWith('HPE_')) {
    return { why: `the answer is not valid HTTP (${code})`, otherScheme: true };
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_HANDSHAKE')) {
    return diagnoseTls(opensslReason(error, code), url);
  }
  if (closed.has(code)) {
    return { why: 'the server closed the connection without an answer', otherScheme: true };
  }
  return known(code, url) ?? { why: code === '' ? 'the request failed' : `the request failed (${code})` };
}

function known(code: string, url: URL): Diagnosis | undefined {
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
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return {
        why: `the certificate of ${url.host} is for another host name`,
        hint: `Use the name that the certificate was made for. ${insecureHint}`,
        temporary: false,
      };
    case 'CERT_HAS_EXPIRED':
      return { why: `the certificate of ${url.host} has expired`, hint: insecureHint, temporary: false };
    case 'CERT_NOT_YET_VALID':
      return {
        why: `the certificate of ${url.host} is not valid yet`,
        hint: "Check this machine's clock.",
        temporary: false,
      };
    case 'ETIMEDOUT':
    case 'ESOCKETTIMEDOUT':
      return { why: 'there was no answer within the time limit', otherScheme: true };
    case 'MULTIARCH_CONNECT':
      return { why: `${url.host} did not accept a connection within the time limit`, otherScheme: true };
    case 'MULTIARCH_TLS':
      return { why: `the TLS handshake with ${url.host} took too long`, otherScheme: true };
    case 'MULTIARCH_UPLOAD':
      return { why: 'the server stopped taking the body' };
    default:
      return undefined;
  }
}

/** What OpenSSL says when the other side's first bytes are no TLS at all. */
const notTls = /wrong version number|packet length too long|http request|unknown protocol/;

function diagnoseTls(reason: string, url: URL): Diagnosis {
  if (notTls.test(reason)) {
    return {
      why: `${url.host} does not speak TLS at this port (${reason})`,
      hint: 'If the registry speaks plain HTTP, use --insecure.',
      temporary: false,
      otherScheme: true,
    };
  }
  return { why: `the TLS handshake with ${url.host} failed (${reason})`, temporary: false };
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
