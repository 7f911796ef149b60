import type { PeerCertificate } from 'node:tls';

/** The cause of a failed request, for messages, retries and scheme negotiation. */
export interface NetworkFailure {
  /** The cause, to follow a colon. */
  readonly why: string;
  readonly hint?: string | undefined;
  /** Whether another try may succeed. @default true */
  readonly temporary?: boolean;
  /** Whether the server may speak the other of HTTP and HTTPS. @default false */
  readonly otherScheme?: boolean;
}

/** The other end of a failed connection. */
export interface Peer {
  readonly url: URL;
  /** Decides the hint: flags are for registries, certs.d directories for any server but a proxy. */
  readonly role: 'registry' | 'server' | 'proxy';
  /** Its certificate, valid or not. */
  readonly certificate?: PeerCertificate | undefined;
  /** Whether a client certificate is configured for it. */
  readonly hasClientCertificate?: boolean;
  /** Sentences about CA files that could not be read. */
  readonly notes?: () => readonly string[];
}

const INSECURE_HINT = 'If you trust the network in between, use --insecure for this registry.';

/** Returns the hint to use --insecure, for a registry only. */
export function insecureAdvice({ role }: Peer): string | undefined {
  return role === 'registry' ? INSECURE_HINT : undefined;
}

/** Returns sentences as one hint, or `undefined` if there are none. */
export function hintOf(...sentences: readonly (string | undefined)[]): string | undefined {
  const present = sentences.filter((sentence) => sentence !== undefined && sentence !== '');
  return present.length === 0 ? undefined : present.join(' ');
}
