/**
 * TLS settings for each host: certificate authorities, client certificates and `certs.d` directories.
 *
 * Offers tls-config, tls-errors.
 * @module http/tls
 */
import { readFileSync } from 'node:fs';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';

import { ArgumentError } from '../../oci/errors.js';
import { certificateDirectories, findCertificates, type FoundCertificates } from './certs-directory.js';
import { certificatesIn, readAuthorities, readClientPair, whyUnreadable } from './tls-files.js';

/** Variables that name a file with further authorities for all servers: node's, and the one of OpenSSL and Go. */
type Variable = 'NODE_EXTRA_CA_CERTS' | 'SSL_CERT_FILE';

/** Paths of PEM files. */
export interface TlsFiles {
  /** Authorities that are trusted besides those that always are. */
  readonly ca?: string | undefined;
  /** What is shown to a server that asks for it. With its key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export interface TlsConfigOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Where the user's `certs.d` is. Without it, no such directory is looked at. */
  readonly homeDirectory?: string | undefined;
  /** The files that flags name for a host, in addition to those in its directories; a client certificate, instead of them. */
  readonly files: (host: string) => TlsFiles | undefined;
}

/** How a server proves itself to us, and we to it. */
export interface TlsSettings {
  /** Whether the server's certificate must be valid. */
  readonly verify: boolean;
  /** Two connections to one place may stand for each other where this is equal. */
  readonly id: string;
  /** Without one, node's own. */
  readonly context: SecureContext | undefined;
  /** Is a client certificate shown to a server that asks for it? */
  readonly hasClientCertificate: boolean;
  /** Why something is not trusted that may have been meant to be: sentences for messages. */
  readonly notes: () => readonly string[];
}

/**
 * Whom to trust, and whom to show which certificate. What that takes is read when a host is first spoken to over TLS, and
 * then kept.
 *
 * Node reads NODE_EXTRA_CA_CERTS itself, but for a server that has authorities of its own it must be read here: they replace
 * all that node has.
 */
export class TlsConfig {
  readonly #options: TlsConfigOptions;
  readonly #settings = new Map<string, TlsSettings>();
  #roots: readonly string[] | undefined;

  constructor(options: TlsConfigOptions) {
    this.#options = options;
  }

  /**
   * For connections to a host. What is configured for it goes to no other; several ports are several hosts.
   * @param host with its port, as a URL has it
   * @param asItself whether to show it the client certificate: not where somebody else sent us there
   * @throws FailedError for files that cannot be used, ArgumentError for a certificate without its key
   */
  of(host: string, verify: boolean, asItself: boolean): TlsSettings {
    return this.#once(`${verify} ${asItself} ${host}`, () => this.#read(host, verify, asItself));
  }

  /** For connections to a proxy: nothing that is a registry's. */
  ofProxy(): TlsSettings {
    return this.#shared(true, []);
  }

  #read(host: string, verify: boolean, asItself: boolean): TlsSettings {
    const { env, homeDirectory, files } = this.#options;
    const directories = homeDirectory === undefined ? [] : certificateDirectories(env, homeDirectory);
    const found = findCertificates(host, directories);
    const flags = files(host) ?? {};
    const paths = [...found.authorities, ...(flags.ca === undefined ? [] : [flags.ca])];
    const own = paths.flatMap((path) => readAuthorities(path));
    const pairs = asItself ? pairsOf(flags, found).map((pair) => readClientPair(pair)) : [];
    const hasClientCertificate = pairs.length > 0;
    if (!hasClientCertificate && (!verify || own.length === 0)) return this.#shared(verify, found.unreadable);
    const authorities = verify ? this.#authorities(own) : undefined;
    return {
      verify,
      id: `${verify} ${hasClientCertificate} ${host}`,
      context: createSecureContext({
        ...(authorities !== undefined && { ca: [...authorities] }),
        // Of several, OpenSSL shows one of a kind that the server can check.
        ...(hasClientCertificate && {
          cert: pairs.map(({ cert }) => cert),
          key: pairs.map(({ key }) => key),
        }),
      }),
      hasClientCertificate,
      notes: () => this.#notes(found.unreadable),
    };
  }

  /** For all hosts for which nothing is configured. */
  #shared(verify: boolean, unreadable: readonly string[]): TlsSettings {
    const common = this.#once(String(verify), () => {
      const authorities = verify ? this.#authorities([]) : undefined;
      return {
        verify,
        id: String(verify),
        context: authorities === undefined ? undefined : createSecureContext({ ca: [...authorities] }),
        hasClientCertificate: false,
        notes: () => this.#notes([]),
      };
    });
    return unreadable.length === 0 ? common : { ...common, notes: () => this.#notes(unreadable) };
  }

  /** All that are trusted, with these of a host; undefined where node knows them already. */
  #authorities(own: readonly string[]): readonly string[] | undefined {
    const named = this.#named('SSL_CERT_FILE').certificates;
    if (own.length === 0 && named.length === 0) return undefined;
    this.#roots ??= [...rootCertificates, ...this.#named('NODE_EXTRA_CA_CERTS').certificates, ...named];
    return [...this.#roots, ...own];
  }

  #notes(unreadable: readonly string[]): readonly string[] {
    const problems = (['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'] as const).flatMap(
      (variable) => this.#named(variable).problem ?? [],
    );
    return [...problems, ...unreadable.map((path) => `${path} cannot be read.`)];
  }

  /**
   * What the file of a variable holds. One that is missing stops nobody who does not need it, as with OpenSSL, Go and node:
   * such a variable often comes with an environment that was made for another machine.
   */
  #named(variable: Variable): {
    readonly certificates: readonly string[];
    readonly problem?: string;
  } {
    const path = this.#options.env[variable] ?? '';
    if (path === '') return { certificates: [] };
    try {
      const certificates = certificatesIn(readFileSync(path, 'latin1'));
      if (certificates.length > 0) return { certificates };
      return { certificates, problem: `${variable} names ${path}, which holds no certificate in PEM form.` };
    } catch (error) {
      return {
        certificates: [],
        problem: `${variable} names ${path}, which cannot be read: ${whyUnreadable(error)}.`,
      };
    }
  }

  #once(name: string, make: () => TlsSettings): TlsSettings {
    const known = this.#settings.get(name);
    if (known !== undefined) return known;
    const settings = make();
    this.#settings.set(name, settings);
    return settings;
  }
}

function pairsOf(
  { cert, key }: TlsFiles,
  found: FoundCertificates,
): readonly { readonly cert: string; readonly key: string }[] {
  if (cert === undefined && key === undefined) return found.pairs;
  if (cert !== undefined && key !== undefined) return [{ cert, key }];
  throw new ArgumentError(
    cert === undefined ? `the key ${key} is of no certificate` : `the certificate ${cert} has no key`,
    { hint: 'A client certificate takes both --cert FILE and --key FILE.' },
  );
}
