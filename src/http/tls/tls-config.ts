/**
 * TLS settings for each host: certificate authorities, client certificates and `certs.d` directories.
 *
 * Offers tls-config, tls-errors.
 * @module http/tls
 */
import { isIP } from 'node:net';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';

import { whyUnreadable } from '../../files/file-error.js';
import { readRegularFileSync } from '../../files/regular-file.js';
import { ArgumentError } from '../../oci/errors.js';
import { certificateDirectories, findCertificates, type FoundCertificates } from './certs-directory.js';
import { certificatesIn, readAuthorities, readClientPair } from './tls-files.js';

/** Variables of files with additional authorities for all servers: node's, and that of OpenSSL and Go. */
type Variable = 'NODE_EXTRA_CA_CERTS' | 'SSL_CERT_FILE';

/** Paths of PEM files. */
export interface TlsFiles {
  /** Authorities that are trusted in addition to the default ones. */
  readonly ca?: string | undefined;
  /** The client certificate. Requires `key`. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export interface TlsConfigOptions {
  readonly env: NodeJS.ProcessEnv;
  /** The directory of the user's `certs.d`. @default no `certs.d` directory is read */
  readonly homeDirectory?: string | undefined;
  /**
   * Returns the files from flags for a host. Authorities are added to those of its directory, the client certificate
   * replaces it.
   */
  readonly files: (host: string) => TlsFiles | undefined;
}

/** The TLS settings of connections to one host. */
export interface TlsSettings {
  /** Whether the server's certificate must be valid. */
  readonly verify: boolean;
  /** Connections to one host and port with equal ids are interchangeable. */
  readonly id: string;
  /** @default node's own */
  readonly context: SecureContext | undefined;
  /** Whether the server may receive a client certificate. */
  readonly hasClientCertificate: boolean;
  /** Returns sentences about CA files that could not be read, for hints. */
  readonly notes: () => readonly string[];
}

/**
 * The TLS settings of each host, read from files at the first connection to it and then cached.
 *
 * Node reads NODE_EXTRA_CA_CERTS itself. For a host with authorities of its own it is read here, because they replace all of
 * node's.
 */
export class TlsConfig {
  readonly #options: TlsConfigOptions;
  readonly #settings = new Map<string, TlsSettings>();
  #roots: readonly string[] | undefined;

  constructor(options: TlsConfigOptions) {
    this.#options = options;
  }

  /**
   * Returns the settings for a host. They apply to no other host; another port is another host.
   * @param host with its port, as in a URL
   * @param mayPresentClientCert false after a redirect from another host
   * @throws FailedError for files that cannot be used, ArgumentError for a certificate without its key
   */
  of(host: string, verify: boolean, mayPresentClientCert: boolean): TlsSettings {
    return this.#once(`${verify} ${mayPresentClientCert} ${host}`, () =>
      this.#read(host, verify, mayPresentClientCert),
    );
  }

  /** Returns the settings for proxies, without anything that is for registries. */
  ofProxy(): TlsSettings {
    return this.#shared(true, []);
  }

  #read(host: string, verify: boolean, mayPresentClientCert: boolean): TlsSettings {
    const { env, homeDirectory, files } = this.#options;
    const directories = homeDirectory === undefined ? [] : certificateDirectories(env, homeDirectory);
    const found = findCertificates(host, directories);
    const flags = files(host) ?? {};
    const paths = [...found.authorities, ...(flags.ca === undefined ? [] : [flags.ca])];
    const own = paths.flatMap((path) => readAuthorities(path));
    const pairs = mayPresentClientCert ? pairsOf(flags, found).map((pair) => readClientPair(pair)) : [];
    const hasClientCertificate = pairs.length > 0;
    if (!hasClientCertificate && (!verify || own.length === 0)) return this.#shared(verify, found.unreadable);
    const authorities = verify ? this.#authorities(own) : undefined;
    return {
      verify,
      id: `${verify} ${hasClientCertificate} ${host}`,
      context: createSecureContext({
        ...(authorities !== undefined && { ca: [...authorities] }),
        // OpenSSL selects one that the server can check.
        ...(hasClientCertificate && {
          cert: pairs.map(({ cert }) => cert),
          key: pairs.map(({ key }) => key),
        }),
      }),
      hasClientCertificate,
      notes: () => this.#notes(found.unreadable),
    };
  }

  /** The settings of all hosts without configuration. */
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

  /** All trusted authorities with those of a host, or `undefined` if they are node's own. */
  #authorities(own: readonly string[]): readonly string[] | undefined {
    const named = this.#certificatesOf('SSL_CERT_FILE').certificates;
    if (own.length === 0 && named.length === 0) return undefined;
    this.#roots ??= [
      ...rootCertificates,
      ...this.#certificatesOf('NODE_EXTRA_CA_CERTS').certificates,
      ...named,
    ];
    return [...this.#roots, ...own];
  }

  #notes(unreadable: readonly string[]): readonly string[] {
    const problems = (['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'] as const).flatMap(
      (variable) => this.#certificatesOf(variable).problem ?? [],
    );
    return [...problems, ...unreadable.map((path) => `${path} cannot be read.`)];
  }

  /**
   * The certificates in the file of a variable. A missing file is not an error, as in OpenSSL, Go and node: such a variable
   * often comes from an environment that was made for another machine.
   */
  #certificatesOf(variable: Variable): {
    readonly certificates: readonly string[];
    readonly problem?: string;
  } {
    const path = this.#options.env[variable] ?? '';
    if (path === '') return { certificates: [] };
    try {
      const certificates = certificatesIn(readRegularFileSync(path).toString('latin1'));
      if (certificates.length > 0) return { certificates };
      return { certificates, problem: `${variable} names ${path}, which has no certificate in PEM format.` };
    } catch (error) {
      return {
        certificates: [],
        problem: `${variable} names ${path}, which cannot be read: ${whyUnreadable(error)}.`,
      };
    }
  }

  #once(key: string, make: () => TlsSettings): TlsSettings {
    const known = this.#settings.get(key);
    if (known !== undefined) return known;
    const settings = make();
    this.#settings.set(key, settings);
    return settings;
  }
}

/** Returns the server name to send to a host: an address is none (RFC 6066, section 3). */
export function serverName(host: string): string {
  return isIP(host) === 0 ? host : '';
}

function pairsOf(
  { cert, key }: TlsFiles,
  found: FoundCertificates,
): readonly { readonly cert: string; readonly key: string }[] {
  if (cert === undefined && key === undefined) return found.pairs;
  if (cert !== undefined && key !== undefined) return [{ cert, key }];
  throw new ArgumentError(
    cert === undefined ? `--key ${key} was given without --cert` : `--cert ${cert} was given without --key`,
    { hint: 'A client certificate needs both --cert FILE and --key FILE.' },
  );
}
