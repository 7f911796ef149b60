import type { PeerCertificate } from 'node:tls';

import { hintOf, insecureAdvice, type NetworkFailure, type Peer } from '../network-failure.js';

const UNKNOWN_AUTHORITY_CODES: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
]);

const OTHER_CERTIFICATE_CODES: ReadonlySet<string> = new Set([
  'CERT_CHAIN_TOO_LONG',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
]);

/** Returns the failure for a server's certificate, or `undefined` for a code that is about something else. */
export function certificateFailure(code: string, peer: Peer): NetworkFailure | undefined {
  const certificate = `the certificate of ${peer.url.host}`;
  const failure = (why: string, ...hint: readonly (string | undefined)[]): NetworkFailure => ({
    why: `${certificate} ${why}`,
    hint: hintOf(...hint),
    temporary: false,
  });
  if (UNKNOWN_AUTHORITY_CODES.has(code)) {
    const isOwn = code === 'DEPTH_ZERO_SELF_SIGNED_CERT';
    return failure(
      isOwn ? `is self-signed (${code})` : `is signed by an unknown authority (${code})`,
      trustAdvice(peer, isOwn ? 'the certificate itself' : "the authority's certificate"),
      ...(peer.notes?.() ?? []),
      insecureAdvice(peer),
    );
  }
  if (OTHER_CERTIFICATE_CODES.has(code)) return failure(`is not valid (${code})`);
  switch (code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return failure(
        `is for another host name${namesIn(peer.certificate)}`,
        'Use a host name of the certificate.',
        insecureAdvice(peer),
      );
    case 'CERT_HAS_EXPIRED':
      return failure(
        `has expired${expiry(peer.certificate)}`,
        "It must be renewed on the server. If that date is in the future, check this machine's clock.",
        insecureAdvice(peer),
      );
    case 'CERT_NOT_YET_VALID':
      return failure('is not valid yet', "Check this machine's clock.");
    default:
      return undefined;
  }
}

/** OpenSSL's reasons if a server rejects the client certificate or requires one (RFC 8446, section 6.2). */
const CLIENT_CERTIFICATE_ALERT =
  /alert (?:certificate required|bad certificate|unsupported certificate|certificate \w+|unknown ca)$/;

/** Returns the failure for the client certificate, if it is one. @param reason OpenSSL's */
export function clientCertificateFailure(reason: string, peer: Peer): NetworkFailure | undefined {
  const { host } = peer.url;
  const { hasClientCertificate = false } = peer;
  if (CLIENT_CERTIFICATE_ALERT.test(reason)) {
    return {
      why: `${host} ${hasClientCertificate ? 'rejected the' : 'requires a'} client certificate (${reason})`,
      hint: hasClientCertificate
        ? `Check that it has not expired, and that ${host} trusts the authority that issued it.`
        : clientCertificateAdvice(peer),
      temporary: false,
    };
  }
  // With TLS 1.2 a server gives no other reason, but the same one for unsupported ciphers.
  if (hasClientCertificate || !reason.endsWith('alert handshake failure')) return undefined;
  return {
    why: `the TLS handshake with ${host} failed (${reason})`,
    hint: `It may require a client certificate. ${clientCertificateAdvice(peer)}`,
    temporary: false,
  };
}

function clientCertificateAdvice(peer: Peer): string {
  return peer.role === 'registry'
    ? `Use --cert FILE and --key FILE, or store it as ${hostDirectory(peer)}/client.cert and client.key.`
    : 'Client certificates are for registries, not for other servers that they name.';
}

function trustAdvice(peer: Peer, what: string): string {
  const file = `${hostDirectory(peer)}/ca.crt`;
  switch (peer.role) {
    case 'registry':
      return `Use --cacert FILE or NODE_EXTRA_CA_CERTS with ${what}, or store it as ${file}.`;
    case 'server':
      return `Store ${what} as ${file}, or use NODE_EXTRA_CA_CERTS or SSL_CERT_FILE.`;
    case 'proxy':
      return `Use NODE_EXTRA_CA_CERTS or SSL_CERT_FILE with ${what}.`;
  }
}

function hostDirectory({ url }: Peer): string {
  return `/etc/containers/certs.d/${url.host}`;
}

/** Up to three names of the certificate. */
function namesIn(certificate: PeerCertificate | undefined): string {
  const names = (certificate?.subjectaltname ?? '')
    .split(', ')
    .flatMap((name) => /^(?:DNS|IP Address):([\w.*:-]{1,255})$/.exec(name)?.[1] ?? []);
  if (names.length === 0) return '';
  return ` (${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''})`;
}

/** The date, unless another certificate of the chain has expired. */
function expiry(certificate: PeerCertificate | undefined): string {
  const end = Date.parse(certificate?.valid_to ?? '');
  return end < Date.now() ? ` on ${new Date(end).toISOString().slice(0, 10)}` : '';
}
