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

/** What is wrong with the certificate that a server showed; undefined for a code that is about something else. */
export function certificateFailure(code: string, peer: Peer): NetworkFailure | undefined {
  const certificate = `the certificate of ${peer.url.host}`;
  const refuse = (why: string, ...hint: readonly (string | undefined)[]): NetworkFailure => ({
    why: `${certificate} ${why}`,
    hint: hintOf(...hint),
    temporary: false,
  });
  if (UNKNOWN_AUTHORITY_CODES.has(code)) {
    const isOwn = code === 'DEPTH_ZERO_SELF_SIGNED_CERT';
    return refuse(
      isOwn
        ? `is self-signed, so no authority vouches for it (${code})`
        : `is signed by an unknown authority (${code})`,
      trustAdvice(peer, isOwn ? 'the certificate itself' : "the authority's certificate"),
      ...(peer.notes?.() ?? []),
      insecureAdvice(peer),
    );
  }
  if (OTHER_CERTIFICATE_CODES.has(code)) return refuse(`is not valid (${code})`);
  switch (code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return refuse(
        `is for another host name${namesIn(peer.certificate)}`,
        'Use the name that the certificate was made for.',
        insecureAdvice(peer),
      );
    case 'CERT_HAS_EXPIRED':
      return refuse(
        `has expired${expiry(peer.certificate)}`,
        "It has to be renewed at the server. If that date lies ahead, check this machine's clock.",
        insecureAdvice(peer),
      );
    case 'CERT_NOT_YET_VALID':
      return refuse('is not valid yet', "Check this machine's clock.");
    default:
      return undefined;
  }
}

/** How OpenSSL says that a server did not like our certificate, or that there was none (RFC 8446, section 6.2). */
const CLIENT_CERTIFICATE_ALERT =
  /alert (?:certificate required|bad certificate|unsupported certificate|certificate \w+|unknown ca)$/;

/** What a server has against the certificate that it asked us for. @param reason OpenSSL's */
export function clientCertificateFailure(reason: string, peer: Peer): NetworkFailure | undefined {
  const { host } = peer.url;
  const { hasClientCertificate = false } = peer;
  if (CLIENT_CERTIFICATE_ALERT.test(reason)) {
    return {
      why: `${host} ${hasClientCertificate ? 'refused the' : 'asks for a'} client certificate (${reason})`,
      hint: hasClientCertificate
        ? `Check that it has not expired, and that ${host} trusts the authority that issued it.`
        : clientCertificateAdvice(peer),
      temporary: false,
    };
  }
  // With TLS 1.2, this is all that a server says; but it says the same of ciphers that it does not know.
  if (hasClientCertificate || !reason.endsWith('alert handshake failure')) return undefined;
  return {
    why: `the TLS handshake with ${host} failed (${reason})`,
    hint: `It may want a client certificate. ${clientCertificateAdvice(peer)}`,
    temporary: false,
  };
}

function clientCertificateAdvice(peer: Peer): string {
  return peer.role === 'registry'
    ? `Name it with --cert FILE and --key FILE, or store it as ${hostDirectory(peer)}/client.cert and client.key.`
    : 'A client certificate is shown to a registry that was named, and to nobody whom it sends us to.';
}

function trustAdvice(peer: Peer, what: string): string {
  const file = `${hostDirectory(peer)}/ca.crt`;
  switch (peer.role) {
    case 'registry':
      return `Name a file with ${what} with --cacert FILE or in NODE_EXTRA_CA_CERTS, or store it as ${file}.`;
    case 'server':
      return `Store ${what} as ${file}, or name a file with it in NODE_EXTRA_CA_CERTS or SSL_CERT_FILE.`;
    case 'proxy':
      return `Name a file with ${what} in NODE_EXTRA_CA_CERTS or SSL_CERT_FILE.`;
  }
}

function hostDirectory({ url }: Peer): string {
  return `/etc/containers/certs.d/${url.host}`;
}

/** A few of the names, for a message; they come from the server. */
function namesIn(certificate: PeerCertificate | undefined): string {
  const names = (certificate?.subjectaltname ?? '')
    .split(', ')
    .flatMap((name) => /^(?:DNS|IP Address):([\w.*:-]{1,255})$/.exec(name)?.[1] ?? []);
  if (names.length === 0) return '';
  return ` (${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''})`;
}

/** Where it is not this certificate that has expired, it is one of those that vouch for it. */
function expiry(certificate: PeerCertificate | undefined): string {
  const end = Date.parse(certificate?.valid_to ?? '');
  return end < Date.now() ? ` on ${new Date(end).toISOString().slice(0, 10)}` : '';
}
