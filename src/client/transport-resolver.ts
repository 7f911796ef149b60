import type { FileCache } from '../cache/file-cache.js';
import type { OnEvent } from '../content/events.js';
import { KeyedSingleFlight } from '../content/single-flight.js';
import type { ReadOptions, Selector, Source } from '../content/source.js';
import type { Target } from '../content/target.js';
import type { ExplicitCredential } from '../auth/credentials/credential.js';
import type { KnownTokenServers } from '../auth/requests/known-token-servers.js';
import type { HttpClient, HttpEvent } from '../http/message.js';
import type { TlsFiles } from '../http/tls/tls-config.js';
import type {
  DockerArchive,
  LayerCompression,
  ManifestFormat,
} from '../layout/docker-save/docker-archive.js';
import type { DockerDaemon } from '../layout/docker-save/docker-daemon.js';
import type { ImageLayout } from '../layout/directory/image-layout.js';
import type { OciArchive } from '../layout/oci-archive/oci-archive.js';
import type { Environment } from '../environment.js';
import { ArgumentError } from '../oci/errors.js';
import {
  formatImageLocation,
  nameIn,
  type DockerDaemonLocation,
  type ImageLocation,
  type ObjectLocation,
  type RegistryLocation,
  type TargetLocation,
} from '../oci/image-location.js';
import {
  formatReference,
  formatRepository,
  repositoryIn,
  type RegistryHost,
  type Repository,
} from '../oci/reference.js';
import type { Access, RegistrySender } from '../registry/requests.js';
import { VERSION } from '../version.js';
import { mergeTls, mirrorsOf, urlHost, type Mirror, type RegistrySettings } from './registry-settings.js';

/** The cache of a client. */
export interface CacheSettings {
  /** `undefined` if nothing names a directory. */
  readonly directory: string | undefined;
}

export interface TransportResolverOptions extends Environment {
  /** Allow plain HTTP, and TLS without verification, for the registries that are named. @default false */
  readonly insecure?: boolean | undefined;
  /** Require HTTPS with a verified certificate, also for loopback hosts. @default false */
  readonly verifyTls?: boolean | undefined;
  /** PEM files for the registries that are named. */
  readonly tls?: TlsFiles | undefined;
  /** The number of requests at once, of which a server that sends a 429 gets half. */
  readonly concurrency?: number | undefined;
  readonly retries?: number | undefined;
  /** In milliseconds. */
  readonly retryFor?: number | undefined;
  /** The maximum size of an upload's request, in bytes. */
  readonly chunkSize?: number | undefined;
  /** Settings for single registries. */
  readonly registries?: ReadonlyMap<RegistryHost, RegistrySettings> | undefined;
  /** Where what saves requests is kept between runs. @default nothing is kept */
  readonly cache?: CacheSettings | undefined;
  readonly onEvent?: OnEvent | undefined;
  readonly onHttpEvent?: ((event: HttpEvent) => void) | undefined;
  /** Logins, each for one registry. They take precedence over the saved logins. */
  readonly logins?: readonly ExplicitCredential[] | undefined;
}

export interface SelectorOptions extends ReadOptions {
  /** Compression for layers that `docker save` stored uncompressed. @default 'gzip' */
  readonly layerCompression?: LayerCompression | undefined;
  /** The media types of an image that is not stored as in a registry. @default 'docker' */
  readonly format?: ManifestFormat | undefined;
}

/** A repository of a registry. */
type RepositoryTarget = Target & { readonly repository: Repository };

/** Opens one repository. @param use how the settings for its registry are read */
type OpenRepository = (repository: Repository, access: Access, use?: 'mirror') => RepositoryTarget;

/**
 * Opens the sources and targets that locations name, each once, so that all requests to one share their connections and
 * their token. The code of each transport is loaded when it is first used.
 */
export class TransportResolver {
  readonly #options: TransportResolverOptions;
  readonly #repositories = new Map<
    string,
    { readonly access: Access; readonly repository: RepositoryTarget }
  >();
  readonly #mirrored = new WeakMap<RepositoryTarget, Source>();
  /** The hosts of the named registries, as in URLs. */
  readonly #hosts = new Set<string>();
  /** The hosts of their mirrors. */
  readonly #mirrorHosts = new Set<string>();
  /** The mirrors of registries, by the hosts of the registries. */
  readonly #mirrors: ReadonlyMap<string, Mirror>;
  /** The settings of single registries, by their hosts as in URLs. */
  readonly #settings: ReadonlyMap<string, RegistrySettings>;
  readonly #layouts = new KeyedSingleFlight<ImageLayout>();
  readonly #ociArchives = new KeyedSingleFlight<OciArchive>();
  readonly #dockerArchives = new KeyedSingleFlight<DockerArchive>();
  readonly #dockerDaemons = new KeyedSingleFlight<DockerDaemon>();
  /** The caller's objects by their labels. */
  readonly #objects = new Map<string, Source>();
  #openRepository: Promise<OpenRepository> | undefined;
  #cache: FileCache | undefined;
  #tokenServers: KnownTokenServers | undefined;
  #http: Promise<HttpClient> | undefined;

  constructor(options: TransportResolverOptions) {
    this.#options = options;
    this.#settings = new Map(
      [...(options.registries ?? [])].map(([host, settings]) => [urlHost(host), settings]),
    );
    this.#mirrors = mirrorsOf(this.#settings);
  }

  /**
   * Registers an object of the caller, and returns its label in locations: its own, numbered if another object has the
   * same.
   */
  adopt(source: Source): string {
    for (let number = 1; ; number += 1) {
      const label = number === 1 ? source.label : `${source.label} ${number}`;
      const known = this.#objects.get(label);
      if (known !== undefined && known !== source) continue;
      this.#objects.set(label, source);
      return label;
    }
  }

  /** Opens the source of a location. Nothing is read yet. @throws ArgumentError for an object of another client */
  async open(location: ImageLocation): Promise<Source> {
    if (location.transport === 'object') return this.#object(location);
    if (location.transport === 'docker-archive') return this.#dockerArchive(location.path);
    if (location.transport === 'docker-daemon') return this.#dockerDaemon(location);
    if (location.transport === 'registry') return this.#repositorySource(location);
    return this.openTarget(location, 'pull');
  }

  /**
   * Opens the target of a location. Nothing is read yet.
   * @param access 'pull' if nothing will be written
   * @throws ArgumentError for an object of another client, one that can only be read, or a file instead of a layout
   */
  async openTarget(location: TargetLocation, access: Access): Promise<Target> {
    if (location.transport === 'object') {
      const object = this.#object(location);
      if (isTarget(object)) return object;
      throw new ArgumentError(`${object.label} can only be read`, {
        hint: 'Publish to an object that implements Target.',
      });
    }
    if (location.transport === 'registry') return this.#repository(location, access);
    if (location.transport === 'oci-archive') return this.#ociArchive(location.path);
    const { checkLayoutPath } = await import('../layout/directory/layout-metadata.js');
    await checkLayoutPath(location.path);
    return this.#layout(location.path);
  }

  /**
   * Returns the digest of a location, else its tag, else the digest of the image at its position or of the only image of a
   * layout or archive.
   * @param options.layerCompression for an image that is not stored as in a registry
   */
  async selector(location: ImageLocation, options: SelectorOptions = {}): Promise<Selector> {
    if (location.transport === 'docker-daemon') return (await this.#dockerDaemon(location)).selector(options);
    if (location.transport === 'docker-archive') {
      const { path, reference, digest, position } = location;
      const archive = await this.#dockerArchive(path);
      if (digest !== undefined) return archive.selectorOf(digest, options);
      return position === undefined
        ? archive.selector(reference, options)
        : archive.selectorAt(position, options);
    }
    const { digest, tag } = nameIn(location);
    const selector = digest ?? tag;
    if (selector !== undefined) return selector;
    if (location.transport === 'oci' || location.transport === 'oci-archive') {
      const { transport, path, position } = location;
      const layout = await (transport === 'oci' ? this.#layout(path) : this.#ociArchive(path));
      return position === undefined ? layout.defaultSelector(options) : layout.selectorAt(position, options);
    }
    throw new ArgumentError(`${formatImageLocation(location)} has neither a tag nor a digest`);
  }

  /** Opens the HTTP client for requests to a registry, which counts as named from now on. */
  async connectTo(registry: RegistryHost): Promise<HttpClient> {
    this.#hosts.add(urlHost(registry));
    return (this.#http ??= this.#openHttp());
  }

  /** Closes all connections and files, removes temporary files, and completes the cache. */
  async close(): Promise<void> {
    for (const opened of [this.#ociArchives, this.#dockerArchives, this.#dockerDaemons]) {
      for (const archive of opened.results) archive.close();
    }
    await this.#cache?.flush();
    await this.#tokenServers?.flush();
    // If it could not be opened, the call that needed it has thrown.
    const http = await this.#http?.catch(() => undefined);
    http?.close();
  }

  /** The repository, read through the mirror of its registry if that has one. */
  async #repositorySource(location: RegistryLocation): Promise<Source> {
    const { registry, path } = location.reference;
    const mirror = this.#mirrors.get(urlHost(registry));
    if (mirror === undefined) return this.#repository(location, 'pull');
    this.#mirrorHosts.add(urlHost(mirror.registry));
    const openRepository = await (this.#openRepository ??= this.#connect(mirror.registry));
    const { MirroredSource } = await import('../registry/mirrored-source.js');
    const repository = await this.#repository(location, 'pull');
    const known = this.#mirrored.get(repository);
    if (known !== undefined) return known;
    const source = new MirroredSource({
      registry: repository,
      mirror: openRepository(repositoryIn(mirror, { registry, path }), 'pull', 'mirror'),
      health: mirror.health,
      onEvent: this.#options.onEvent,
    });
    this.#mirrored.set(repository, source);
    return source;
  }

  async #repository({ reference }: RegistryLocation, access: Access): Promise<RepositoryTarget> {
    this.#hosts.add(urlHost(reference.registry));
    this.#openRepository ??= this.#connect(reference.registry);
    const openRepository = await this.#openRepository;
    // Looked up after the last await, so that concurrent calls for one repository get the same object.
    const { registry, path } = reference;
    const name = formatRepository({ registry, path });
    const known = this.#repositories.get(name);
    if (known !== undefined && (known.access === 'push' || access === 'pull')) return known.repository;
    const repository = openRepository({ registry, path }, access);
    this.#repositories.set(name, { access, repository });
    return repository;
  }

  #object(location: ObjectLocation): Source {
    const object = this.#objects.get(location.label);
    if (object !== undefined) return object;
    throw new ArgumentError(
      `${formatImageLocation(location)} was an object of the program that named it, and cannot be opened by name`,
      { hint: 'Use the client that was given the object, or create the draft from names.' },
    );
  }

  #layout(path: string): Promise<ImageLayout> {
    return this.#layouts.get(path, async () => {
      const { ImageLayout } = await import('../layout/directory/image-layout.js');
      return new ImageLayout({ path, onEvent: this.#options.onEvent });
    });
  }

  #ociArchive(path: string): Promise<OciArchive> {
    return this.#ociArchives.get(path, async () => {
      const { OciArchive } = await import('../layout/oci-archive/oci-archive.js');
      return new OciArchive({ path, onEvent: this.#options.onEvent });
    });
  }

  #dockerArchive(path: string): Promise<DockerArchive> {
    return this.#dockerArchives.get(path, async () => {
      const { DockerArchive } = await import('../layout/docker-save/docker-archive.js');
      return new DockerArchive({ path, onEvent: this.#options.onEvent });
    });
  }

  #dockerDaemon({ reference }: DockerDaemonLocation): Promise<DockerDaemon> {
    return this.#dockerDaemons.get(formatReference(reference), async () => {
      const [{ DockerDaemon }, { dockerEngine }] = await Promise.all([
        import('../layout/docker-save/docker-daemon.js'),
        import('../http/docker/docker-engine.js'),
      ]);
      return new DockerDaemon({ ...this.#options, reference, save: dockerEngine(this.#options) });
    });
  }

  /** @param registry the first one that will be sent a request */
  async #connect(registry: RegistryHost): Promise<OpenRepository> {
    const { cache: settings, onEvent } = this.#options;
    const opening = (this.#http ??= this.#openHttp());
    const http = await opening;
    // While the rest of the code is loaded.
    void http.preconnect(new URL(`https://${urlHost(registry)}`), 1);
    const [{ AuthClient }, { KnownTokenServers }, { credentials }, { RegistryRepository }] =
      await Promise.all([
        import('../auth/requests/auth-client.js'),
        import('../auth/requests/known-token-servers.js'),
        import('./credentials.js'),
        import('../registry/registry-repository.js'),
      ]);
    if (settings !== undefined) this.#tokenServers = new KnownTokenServers(settings.directory);
    const cache = await this.#openCache();
    const auth = new AuthClient({
      http,
      tokenServers: this.#tokenServers,
      credentials: credentials({ ...this.#options, http: () => opening }),
      onWarning: (message) => onEvent?.({ kind: 'warning', message }),
      onTokenServer: (name, host) => onEvent?.({ kind: 'token-server', registry: name, host }),
    });
    // The registry is read sooner than the mirror is tried again.
    const once: RegistrySender = {
      send: (host, request, scopes) => auth.send(host, { ...request, retry: 'stale' }, scopes),
    };
    return (repository, access, use) => {
      const own = this.#settings.get(urlHost(repository.registry)) ?? {};
      const retries = own.retries ?? this.#options.retries;
      const retryFor = own.retryFor ?? this.#options.retryFor;
      const chunkSize = own.chunkSize ?? this.#options.chunkSize;
      const hasRetries = own.retries !== undefined || own.retryFor !== undefined;
      return new RegistryRepository({
        auth: use === 'mirror' && !hasRetries ? once : auth,
        repository,
        access,
        retries,
        retryFor,
        chunkSize,
        cache,
        onEvent,
      });
    };
  }

  async #openCache(): Promise<FileCache | undefined> {
    const { cache, onEvent } = this.#options;
    if (cache === undefined) return undefined;
    const { FileCache } = await import('../cache/file-cache.js');
    this.#cache = new FileCache({
      ...cache,
      onFailure: (reason) => onEvent?.({ kind: 'cache-failed', reason }),
    });
    return this.#cache;
  }

  async #openHttp(): Promise<HttpClient> {
    const [{ GotClient }, { defaultSchemes }, { isLoopbackHost }] = await Promise.all([
      import('../http/got-client.js'),
      import('../http/scheme.js'),
      import('../http/host-reach.js'),
    ]);
    const { verifyTls = false } = this.#options;
    return new GotClient({
      ...this.#options,
      userAgent: `multiarch/${VERSION}`,
      isRegistry: (host) => this.#hosts.has(host) || this.#mirrorHosts.has(host),
      hostSettings: (host) => {
        const own = this.#settings.get(host);
        return { ...own, tls: this.#hosts.has(host) ? mergeTls(this.#options.tls, own?.tls) : own?.tls };
      },
      schemes: (host) => {
        if (verifyTls) return ['https'];
        return this.#isInsecure(host) && !isLoopbackHost(host) ? ['https', 'http'] : defaultSchemes(host);
      },
      insecureTls: (host) => !verifyTls && (this.#isInsecure(host) || isLoopbackHost(host)),
      onEvent: this.#options.onHttpEvent,
    });
  }

  /** `--insecure` applies to the registries that were named, not to their mirrors and the hosts that they redirect to. */
  #isInsecure(host: string): boolean {
    const own = this.#settings.get(host)?.insecure;
    if (this.#hosts.has(host)) return own ?? this.#options.insecure === true;
    return own === true && this.#mirrorHosts.has(host);
  }
}

function isTarget(source: Source): source is Target {
  return 'writeManifest' in source;
}
