import { registryApiHost } from '../auth/credentials/docker-hub.js';
import type { TlsFiles } from '../http/tls/tls-config.js';
import { ArgumentError } from '../oci/errors.js';
import { parseNamespace, type Namespace, type RegistryHost } from '../oci/reference.js';
import type { MirrorHealth } from '../registry/mirrored-source.js';

/** Settings for one registry. They take precedence over those of the client. */
export interface RegistrySettings {
  /** Allow plain HTTP, and TLS without verification. */
  readonly insecure?: boolean | undefined;
  /** The most requests at once to this registry. The limit of the client applies too. */
  readonly concurrency?: number | undefined;
  readonly retries?: number | undefined;
  /** In milliseconds. */
  readonly retryFor?: number | undefined;
  /** The maximum size of an upload's request, in bytes. */
  readonly chunkSize?: number | undefined;
  /** PEM files. */
  readonly tls?: TlsFiles | undefined;
  /**
   * A mirror, `HOST` or `HOST/PATH`, that manifests and blobs of this registry are read from. The registry itself is read for
   * what the mirror lacks or denies, and if it fails. It is tried once, unless its own settings have retries; of the client,
   * `insecure`, `tls` and `login` are for other registries. Nothing is written to it, and the tag that a push moves is that
   * of the registry.
   */
  readonly mirror?: string | undefined;
}

/** The mirror of a registry. */
export interface Mirror extends Namespace {
  readonly health: MirrorHealth;
}

/** @throws ArgumentError for a mirror that is not `HOST` or `HOST/PATH`, or is the registry itself */
export function mirrorsOf(settings: ReadonlyMap<string, RegistrySettings>): ReadonlyMap<string, Mirror> {
  const healths = new Map<string, MirrorHealth>();
  return new Map(
    [...settings].flatMap(([host, { mirror }]): [string, Mirror][] => {
      if (mirror === undefined) return [];
      const namespace = parseNamespace(mirror);
      const mirrorHost = urlHost(namespace.registry);
      if (mirrorHost === host && namespace.path === undefined) {
        throw new ArgumentError(`${host} cannot be its own mirror`, { hint: 'Name another registry.' });
      }
      const health = healths.get(mirrorHost) ?? { isDown: false };
      healths.set(mirrorHost, health);
      return [[host, { ...namespace, health }]];
    }),
  );
}

/** The files for a host: a certificate of its own replaces that of the client together with its key. */
export function mergeTls(all: TlsFiles = {}, own: TlsFiles = {}): TlsFiles {
  const pair = own.cert === undefined && own.key === undefined ? all : own;
  return { ca: own.ca ?? all.ca, cert: pair.cert, key: pair.key };
}

/** Returns a registry's host as in URLs. @throws ArgumentError for one that no URL can have, such as one with port 99999 */
export function urlHost(registry: RegistryHost): string {
  const url = `https://${registryApiHost(registry)}`;
  if (URL.canParse(url)) return new URL(url).host;
  throw new ArgumentError(`${registry} is not the address of a registry`, {
    hint: 'Check the host; a port is 65535 at most.',
  });
}
