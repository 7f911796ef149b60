import { homedir } from 'node:os';
import { resolve as resolvePath } from 'node:path';

import pLimit from 'p-limit';

import type { Credential, ExplicitCredential } from '../auth/credentials/credential.js';
import type { OnEvent } from '../content/events.js';
import type { Limit } from '../content/limit.js';
import type { Source } from '../content/source.js';
import { storeDirectory } from '../drafts/store-directory.js';
import { PushHistory } from '../drafts/history.js';
import { DraftStore } from '../drafts/store.js';
import type { Environment } from '../environment.js';
import type { HttpEvent } from '../http/message.js';
import type { TlsFiles } from '../http/tls/tls-config.js';
import {
  familiarLocation,
  formatImageLocation,
  isLocalName,
  isTargetLocation,
  nameIn,
  parseImageLocation,
  withTag,
  type ImageLocation,
  type ObjectLocation,
  type TargetLocation,
} from '../oci/image-location.js';
import { ArgumentError } from '../oci/errors.js';
import { parseRegistryHost, parseTag } from '../oci/reference.js';
import { VERSION } from '../version.js';
import { selectorOf, type CallOptions, type ImageSource, type ImageTarget } from './inputs.js';
import { TransportResolver } from './transport-resolver.js';

export interface MultiarchOptions extends CallOptions {
  /** The directory of the drafts. @default `$MULTIARCH_STORE`, else the platform's directory for application state */
  readonly store?: string | undefined;
  /** Allow plain HTTP, and TLS without verification, for the registries that calls name. @default false */
  readonly insecure?: boolean | undefined;
  /** The number of concurrent reads and writes. @default 8 */
  readonly concurrency?: number | undefined;
  /** The number of retries for a failed request. @default 4 */
  readonly retries?: number | undefined;
  /**
   * The environment variables that settings and credentials are read from. The AWS SDK reads the variables of the process
   * only: Amazon ECR is asked for a login only if all `AWS_…` variables in `env` equal those of the process.
   * @default process.env
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** A login for one registry. It takes precedence over the saved logins. */
  readonly login?: ExplicitLogin | undefined;
  /** PEM files for the registries that calls name, in addition to the certificates of this machine. */
  readonly tls?: TlsFiles | undefined;
  /** Called for each HTTP request, response, retry and redirect. URLs are redacted. */
  readonly onHttpEvent?: ((event: HttpEvent) => void) | undefined;
}

/** A login for one registry. */
export interface ExplicitLogin {
  /** The host, with its port if it has one. No other registry is sent the credential. */
  readonly registry: string;
  /** The credential, or a function that is called at most once, when the registry requires one. */
  readonly credential: Credential | (() => Promise<Credential>);
}

/** What the calls of one client share: the drafts, the open transports, and the limit of concurrency. */
interface SharedState {
  readonly store: DraftStore;
  readonly history: PushHistory;
  readonly transports: TransportResolver;
  /** Where the logins of this machine are found. */
  readonly environment: Environment;
  readonly login: ExplicitCredential | undefined;
  readonly limit: Limit;
  /** The handlers of the client and of all running calls, for events of shared connections. */
  readonly handlers: Set<OnEvent>;
}

/** What a call works with: the shared state, its own signal and its own event handler. */
export class ClientContext {
  readonly store: DraftStore;
  readonly history: PushHistory;
  readonly transports: TransportResolver;
  readonly environment: Environment;
  readonly login: ExplicitCredential | undefined;
  readonly limit: Limit;
  readonly signal: AbortSignal | undefined;
  readonly onEvent: OnEvent | undefined;
  readonly #shared: SharedState;

  constructor(shared: SharedState, { signal, onEvent }: CallOptions) {
    this.#shared = shared;
    this.store = shared.store;
    this.history = shared.history;
    this.transports = shared.transports;
    this.environment = shared.environment;
    this.login = shared.login;
    this.limit = shared.limit;
    this.signal = signal;
    this.onEvent = onEvent;
  }

  /** Runs one call: its signal and its event handler count in addition to those of the client. */
  async run<T>(options: CallOptions, call: (context: ClientContext) => Promise<T> | T): Promise<T> {
    const { handlers } = this.#shared;
    const signals = [this.signal, options.signal].filter((signal) => signal !== undefined);
    const signal = signals.length > 1 ? AbortSignal.any(signals) : signals[0];
    const own = options.onEvent;
    if (own === undefined) return call(new ClientContext(this.#shared, { signal, onEvent: this.onEvent }));
    const onEvent: OnEvent = (event) => {
      this.onEvent?.(event);
      own(event);
    };
    // A handler of its own, so that two calls with the same handler do not end each other's.
    const handler: OnEvent = (event) => own(event);
    handlers.add(handler);
    try {
      return await call(new ClientContext(this.#shared, { signal, onEvent }));
    } finally {
      handlers.delete(handler);
    }
  }

  /**
   * Returns the location that names a draft. A layout without a tag gets the tag `latest`, as a repository does.
   * @throws ArgumentError if nothing can be published there
   */
  draftTarget(name: ImageTarget): TargetLocation {
    const location = this.targetLocation(name);
    const { tag, digest } = nameIn(location);
    return tag === undefined && digest === undefined ? withTag(location, parseTag('latest')) : location;
  }

  /** @throws ArgumentError if nothing can be published there */
  targetLocation(name: ImageTarget): TargetLocation {
    if (typeof name !== 'string') return this.#adopt(name.target, name.selector);
    const location = this.location(name);
    if (isTargetLocation(location)) return location;
    throw new ArgumentError(
      `${familiarLocation(location)} can only be read: multiarch writes no ${location.transport} images`,
      {
        hint: 'Publish to a registry, an image layout (oci:DIR) or a tar file of one (oci-archive:FILE:TAG).',
      },
    );
  }

  /** Parses a name. Paths are made absolute, since drafts that record them are used from other directories too. */
  location(name: ImageSource): ImageLocation {
    if (typeof name !== 'string') return this.#adopt(name.source, name.selector);
    const location = parseImageLocation(name);
    return 'path' in location ? { ...location, path: resolvePath(location.path) } : location;
  }

  /** Returns the selector of draft entries for a text or an object: a source as drafts record it, a digest or a platform. */
  selector(image: ImageSource): string {
    return typeof image !== 'string' || isLocalName(image)
      ? formatImageLocation(this.location(image))
      : image;
  }

  #adopt(source: Source, selector: string): ObjectLocation {
    return { transport: 'object', label: this.transports.adopt(source), ...selectorOf(selector) };
  }
}

/** Opens the context that the calls of a client derive theirs from. */
export function openContext(options: MultiarchOptions): ClientContext {
  const { env = process.env, onEvent, login: given, concurrency = 8 } = options;
  const homeDirectory = homedir();
  const environment: Environment = { env, homeDirectory, platform: process.platform };
  const directory = storeDirectory(environment, options.store);
  const login = given === undefined ? undefined : explicitCredential(given.registry, given.credential);
  const handlers = new Set<OnEvent>(onEvent === undefined ? [] : [onEvent]);
  const transports = new TransportResolver({
    insecure: options.insecure ?? false,
    retries: options.retries,
    env,
    homeDirectory,
    userAgent: `multiarch/${VERSION}`,
    onEvent: (event) => {
      for (const handler of handlers) handler(event);
    },
    onHttpEvent: options.onHttpEvent,
    login,
    tls: options.tls,
  });
  const shared: SharedState = {
    store: new DraftStore(directory),
    history: new PushHistory(directory),
    transports,
    environment,
    login,
    limit: pLimit(concurrency),
    handlers,
  };
  return new ClientContext(shared, options);
}

/** @throws ArgumentError for what is not a registry host */
export function explicitCredential(
  registry: string,
  credential: ExplicitLogin['credential'],
): ExplicitCredential {
  return {
    registry: parseRegistryHost(registry),
    credential: typeof credential === 'function' ? credential : () => Promise.resolve(credential),
  };
}
