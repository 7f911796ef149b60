import type { PeerCertificate } from 'node:tls';

import type { NetworkFailure, Peer } from '../network-error.js';

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
  const problem = certificateProblem(code, peer);
  if (problem === undefined) return undefined;
  const [why, ...advice] = problem;
  const hint = advice.filter((sentence) => sentence !== undefined).join(' ');
  return {
    why: `the certificate of ${peer.url.host} ${why}`,
    hint: hint === '' ? undefined : hint,
    temporary: false,
  };
}

/** What is wrong with the certificate, and the sentences of the hint. */
function certificateProblem(
  code: string,
  peer: Peer,
): readonly [why: string, ...advice: (string | undefined)[]] | undefined {
  const insecure = insecureAdvice(peer);
  if (UNKNOWN_AUTHORITY_CODES.has(code)) {
    const [why, what] =
      code === 'DEPTH_ZERO_SELF_SIGNED_CERT'
        ? ['is self-signed', 'the certificate itself']
        : ['is signed by an unknown authority', "the authority's certificate"];
    return [`${why} (${code})`, trustAdvice(peer, what), ...(peer.notes?.() ?? []), insecure];
  }
  if (OTHER_CERTIFICATE_CODES.has(code)) return [`is not valid (${code})`];
  const { certificate } = peer;
  switch (code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return [
        `is for another host name${namesIn(certificate)}`,
        'Use a host name of the certificate.',
        insecure,
      ];
    case 'CERT_HAS_EXPIRED': {
      const renew =
        "It must be renewed on the server. If that date is in the future, check this machine's clock.";
      return [`has expired${expiry(certificate)}`, renew, insecure];
    }
    case 'CERT_NOT_YET_VALID':
      return ['is not valid yet', "Check this machine's clock."];
    default:
      return undefined;
  }
}

/** OpenSSL's reasons if the first bytes of the server are not TLS. */
const NOT_TLS = /wrong version number|packet length too long|http request|unknown protocol/;

/** OpenSSL's reasons if a server rejects the client certificate or requires one (RFC 8446, section 6.2). */
const CLIENT_CERTIFICATE_ALERT =
  /alert (?:certificate required|bad certificate|unsupported certificate|certificate \w+|unknown ca)$/;

/** Returns the failure for a TLS handshake. @param reason OpenSSL's */
export function tlsFailure(reason: string, peer: Peer): NetworkFailure {
  const { host } = peer.url;
  const { role, hasClientCertificate = false } = peer;
  if (NOT_TLS.test(reason)) {
    return {
      why: `${host} does not speak TLS on this port (${reason})`,
      hint: role === 'registry' ? 'If the registry speaks plain HTTP, use --insecure.' : undefined,
      temporary: false,
      otherScheme: true,
    };
  }
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
  const mayRequireCertificate = !hasClientCertificate && reason.endsWith('alert handshake failure');
  return {
    why: `the TLS handshake with ${host} failed (${reason})`,
    hint: mayRequireCertificate
      ? `It may require a client certificate. ${clientCertificateAdvice(peer)}`
      : undefined,
    temporary: false,
  };
}

/** The hint to use --insecure, for a registry only. */
function insecureAdvice({ role }: Peer): string | undefined {
  return role === 'registry'
    ? 'If you trust the network in between, use --insecure for this registry.'
    : undefined;
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
