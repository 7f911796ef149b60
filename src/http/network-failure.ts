import type { PeerCertificate } from 'node:tls';

/** What kind of failure it was, for retries and for finding out a host's scheme. */
export interface NetworkFailure {
  /** Why, to follow a colon. */
  readonly why: string;
  readonly hint?: string | undefined;
  /** Another try may succeed. @default true */
  readonly temporary?: boolean;
  /** It could be that the server speaks the other of HTTP and HTTPS. @default false */
  readonly otherScheme?: boolean;
}

/** Who is at the other end of a connection that failed, and what is known of it. */
export interface Peer {
  readonly url: URL;
  /** What can be advised: flags are for registries that were named, certs.d directories for any server but a proxy. */
  readonly role: 'registry' | 'server' | 'proxy';
  /** What it showed, valid or not. */
  readonly certificate?: PeerCertificate | undefined;
  /** Were we to show one? */
  readonly hasClientCertificate?: boolean;
  /** Sentences on what may have been meant to be trusted. */
  readonly notes?: () => readonly string[];
}

const INSECURE_HINT = 'If you trust the network in between, use --insecure for this registry.';

/** The advice to give up security, where it can be given. */
export function insecureAdvice({ role }: Peer): string | undefined {
  return role === 'registry' ? INSECURE_HINT : undefined;
}

/** Sentences as one hint; undefined where there are none. */
export function hintOf(...sentences: readonly (string | undefined)[]): string | undefined {
  const said = sentences.filter((sentence) => sentence !== undefined && sentence !== '');
  return said.length === 0 ? undefined : said.join(' ');
}
