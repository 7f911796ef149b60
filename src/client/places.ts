import type { OnEvent } from '../content/events.js';
import type { Selector } from '../content/source.js';
import type { Target } from '../content/target.js';
import { registryApiHost } from '../auth/docker-hub.js';
import type { HttpClient, HttpEvent } from '../http/message.js';
import { ImageLayout } from '../layout/image-layout.js';
import { ArgumentError } from '../oci/errors.js';
import { formatImageLocation, type ImageLocation } from '../oci/image-location.js';
import { formatRepository, type RegistryHost, type Repository } from '../oci/reference.js';
import type { Access } from '../registry/requests.js';

export interface PlacesOptions {
  readonly insecure: boolean;
  readonly retries?: number | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly homeDirectory: string;
  readonly userAgent: string;
  readonly onEvent?: OnEvent | undefined;
  readonly onHttpEvent?: ((event: HttpEvent) => void) | undefined;
}

/** Opens one repository. */
type OpenRepository = (repository: Repository, access: Access) => Target;

/**
 * Opens the places that locations name. A place is opened once, so that all requests to it share their connections and
 * their token. The code that speaks to registries is loaded when the first of them is opened.
 */
export class Places {
  readonly #options: PlacesOptions;
  readonly #repositories = new Map<string, { readonly access: Access; readonly place: Target }>();
  /** As URLs write them. */
  readonly #hosts = new Set<string>();
  readonly #layouts = new Map<string, ImageLayout>();
  #openRepository: Promise<OpenRepository> | undefined;
  #http: HttpClient | undefined;

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  /** The place that a location is in. Nothing of it is read yet. */
  async open(location: ImageLocation, access: Access = 'pull'): Promise<Target> {
    if (location.transport === 'oci') return this.#layout(location.path);
    this.#hosts.add(urlHost(location.reference.registry));
    this.#openRepository ??= this.#connect();
    const openRepository = await this.#openRepository;
    // Looked up after the last wait: who asks for one repository several times at once must get one place.
    const { registry, path } = location.reference;
    const name = formatRepository({ registry, path });
    const known = this.#repositories.get(name);
    if (known !== undefined && (known.access === 'push' || access === 'pull')) return known.place;
    const place = openRepository({ registry, path }, access);
    this.#repositories.set(name, { access, place });
    return place;
  }

  /** What of its place a location names: its digest where it has one, else its tag, else the only image there is. */
  async selector(location: ImageLocation): Promise<Selector> {
    const named = location.transport === 'oci' ? location : location.reference;
    const selector = named.digest ?? named.tag;
    if (selector !== undefined) return selector;
    if (location.transport === 'oci') return this.#layout(location.path).defaultSelector();
    throw new ArgumentError(`${formatImageLocation(location)} has neither a tag nor a digest`);
  }

  /** Closes all connections. */
  close(): void {
    this.#http?.close();
  }

  #layout(path: string): ImageLayout {
    const layout = this.#layouts.get(path) ?? new ImageLayout({ path });
    this.#layouts.set(path, layout);
    return layout;
  }

  async #connect(): Promise<OpenRepository> {
    const { retries, env, homeDirectory, userAgent, onEvent, onHttpEvent } = this.#options;
    const [
      { GotClient },
      { defaultSchemes },
      { isLoopbackHost },
      { AuthClient },
      { credentialChain },
      { RegistryRepository },
    ] = await Promise.all([
      import('../http/got-client.js'),
      import('../http/scheme.js'),
      import('../http/private-address.js'),
      import('../auth/auth-client.js'),
      import('../auth/chain.js'),
      import('../registry/registry-repository.js'),
    ]);
    const http = new GotClient({
      userAgent,
      retries,
      schemes: (host) =>
        this.#mayBeInsecure(host) && !isLoopbackHost(host) ? ['https', 'http'] : defaultSchemes(host),
      insecureTls: (host) => this.#mayBeInsecure(host) || isLoopbackHost(host),
      onEvent: onHttpEvent,
    });
    this.#http = http;
    const credentials = credentialChain({
      env,
      homeDirectory,
      onWarning: (message) => onEvent?.({ kind: 'warning', message }),
    });
    const auth = new AuthClient({ http, credentials });
    return (repository, access) => new RegistryRepository({ auth, repository, access, retries, onEvent });
  }

  /** `--insecure` is about the registries that were named, not about where they redirect to. */
  #mayBeInsecure(host: string): boolean {
    return this.#options.insecure && this.#hosts.has(host);
  }
}

/** How URLs write a registry's host. The grammar of references allows some that no URL can have, such as port 99999. */
function urlHost(registry: RegistryHost): string {
  const url = `https://${registryApiHost(registry)}`;
  if (URL.canParse(url)) return new URL(url).host;
  throw new ArgumentError(`${registry} is not the address of a registry`, {
    hint: 'Check the host; a port is 65535 at most.',
  });
}
