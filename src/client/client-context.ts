import pLimit from 'p-limit';

import type { RegistryCredential, ExplicitCredential } from '../auth/credentials/credential.js';
import {
  Budget,
  currentBudget,
  outsideOfCall,
  runLimits,
  withBudget,
  type RunLimits,
} from '../content/budget.js';
import { JoinedSignal } from '../content/cancellation.js';
import { lockReports, type OnEvent } from '../content/events.js';
import type { Limit } from '../content/limit.js';
import { SharedReads } from '../content/shared-reads.js';
import { storeDirectory } from '../drafts/store-directory.js';
import { PushHistory } from '../drafts/history.js';
import { DraftStore } from '../drafts/store.js';
import { findHome, NO_HOME, type Environment } from '../environment.js';
import { cacheDirectory, type CacheEnvironment } from '../files/cache-directory.js';
import type { HttpEvent } from '../http/message.js';
import type { TlsFiles } from '../http/tls/tls-config.js';
import { ArgumentError } from '../oci/errors.js';
import { parseRegistryHost, type RegistryHost } from '../oci/reference.js';
import type { CallOptions } from './inputs.js';
import type { RegistrySettings } from './registry-settings.js';
import { TransportResolver, type CacheSettings } from './transport-resolver.js';

/** Settings of a {@link Multiarch} client. `signal` and `onEvent` apply to all of its calls. */
export interface MultiarchOptions extends CallOptions {
  /** The directory of the drafts. @default `$MULTIARCH_STORE`, else the platform's directory for application state */
  readonly store?: string | undefined;
  /**
   * Allow plain HTTP, and TLS without verification, for the registries that calls of this client name; not for hosts that
   * they redirect to. A registry that a call has named stays one of them until the client is closed, since its sources and
   * inspections are read later too: use a client of its own for calls that must verify it.
   * @default false
   */
  readonly insecure?: boolean | undefined;
  /**
   * Require HTTPS with a verified certificate, also for loopback hosts, which may use plain HTTP otherwise. @default
   * false
   */
  readonly verifyTls?: boolean | undefined;
  /**
   * Keep what saves requests of later clients, in this directory or, if `true`, in the platform's directory for caches:
   * manifests and configs of registries, which never change, and the addresses of token servers. The directory becomes
   * private to its user. Tags and the existence of content are always asked for.
   * @default false
   */
  readonly cache?: boolean | string | undefined;
  /**
   * The number of concurrent reads and writes of all calls together, to all registries together. A registry that responds
   * with 429 (Too Many Requests) gets half as many requests at once, down to one. @default 8
   */
  readonly concurrency?: number | undefined;
  /**
   * The maximum number of retries for a request that fails for a moment. 0: no request is repeated. @default 4, whose waits
   * take at least 10 s together; with `retryFor`, no maximum
   */
  readonly retries?: number | undefined;
  /**
   * The maximum time in milliseconds for which such a request is repeated: no try begins later. 0: no request is repeated.
   * @default no maximum
   */
  readonly retryFor?: number | undefined;
  /**
   * The maximum size of an upload's request, in bytes: larger blobs are sent in chunks. For registries behind a proxy that
   * limits the size of requests.
   * @default no maximum, unless the registry states one or rejects a request as too large
   */
  readonly chunkSize?: number | undefined;
  /** Settings for single registries, by host, with its port if it has one. They take precedence over those for all. */
  readonly registries?: Readonly<Record<string, RegistrySettings>> | undefined;
  /**
   * The environment variables that settings and credentials are read from. The AWS SDK reads the variables of the process
   * only: Amazon ECR is asked for a login only if all `AWS_…` variables in `env` equal those of the process.
   * @default process.env
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** A login for one registry, or one for each of several registries. They take precedence over the saved logins. */
  readonly login?: ExplicitLogin | readonly ExplicitLogin[] | undefined;
  /** PEM files for the registries that calls name, in addition to the certificates of this machine. */
  readonly tls?: TlsFiles | undefined;
  /**
   * The most that one call reads and sends. What a call returns, such as an inspection, uses the budget of its call when it
   * is read later; the sources and targets that `openSource` and `openTarget` return have no limits of their own.
   */
  readonly limits?: Partial<RunLimits> | undefined;
  /** Called for each HTTP request, response, retry and redirect. URLs are redacted. */
  readonly onHttpEvent?: ((event: HttpEvent) => void) | undefined;
}

/** A login for one registry. */
export interface ExplicitLogin {
  /** The host, with its port if it has one. No other registry is sent the credential. */
  readonly registry: string;
  /** The credential, or a function that is called at most once, when the registry requires one. */
  readonly credential: RegistryCredential | (() => Promise<RegistryCredential>);
}

/** What a call works with: what all calls of one client share, and the signal and the event handler of this one. */
export interface ClientContext extends CallOptions {
  readonly store: DraftStore;
  readonly history: PushHistory;
  readonly transports: TransportResolver;
  /** `undefined` if the client keeps none. */
  readonly cache: CacheSettings | undefined;
  /** Where the logins of this machine are found. */
  readonly environment: Environment;
  readonly logins: readonly ExplicitCredential[];
  readonly limit: Limit;
  readonly limits: RunLimits;
  /** What this call has read. */
  readonly reads: SharedReads;
  /** The event handlers of the client and of all running calls, for events of shared connections. */
  readonly handlers: Set<OnEvent>;
}

/**
 * Runs one call: its signal and its event handler count in addition to those of the client. It has a budget of its own, or
 * shares that of the call which it is a part of.
 */
export async function runCall<T>(
  client: ClientContext,
  options: CallOptions,
  call: (context: ClientContext) => Promise<T> | T,
): Promise<T> {
  const budget = currentBudget() ?? new Budget(client.limits);
  const signals = new JoinedSignal([client.signal, options.signal]);
  // What the call returns reads through this limit, also when the call has ended.
  const limit: Limit = (task) =>
    client.limit(() =>
      signals.during(() => (currentBudget() === undefined ? withBudget(budget, task) : task())),
    );
  const { signal } = signals;
  const context = { ...client, limit, signal, reads: new SharedReads() };
  return signals.during(() => withBudget(budget, () => runWithHandlers(context, options, call)));
}

async function runWithHandlers<T>(
  client: ClientContext,
  options: CallOptions,
  call: (context: ClientContext) => Promise<T> | T,
): Promise<T> {
  const own = handlerOf(options.onEvent);
  if (own === undefined) return call(client);
  // A handler of its own, so that two calls with the same handler do not end each other's.
  const handler: OnEvent = (event) => own(event);
  client.handlers.add(handler);
  try {
    return await call({
      ...client,
      onEvent: (event) => {
        client.onEvent?.(event);
        own(event);
      },
    });
  } finally {
    client.handlers.delete(handler);
  }
}

/** A handler of the user, which runs outside of the call that it is called in. */
function handlerOf<T>(handle: ((event: T) => void) | undefined): ((event: T) => void) | undefined {
  return handle && ((event) => outsideOfCall(() => handle(event)));
}

/** Opens the context that the calls of a client derive theirs from. */
export function openContext(options: MultiarchOptions): ClientContext {
  const {
    env = process.env,
    login: given = [],
    insecure,
    verifyTls,
    concurrency = 8,
    retries,
    retryFor,
    chunkSize,
    tls,
    signal,
  } = options;
  const onEvent = handlerOf(options.onEvent);
  const { platform } = process;
  const home = findHome(env);
  const environment: Environment = { env, homeDirectory: home ?? NO_HOME, platform };
  const directory = storeDirectory({ env, homeDirectory: home, platform }, options.store);
  const cache = cacheSettings(options.cache, { env, homeDirectory: home, platform });
  const logins = explicitCredentials(given);
  if (chunkSize !== undefined && !(Number.isSafeInteger(chunkSize) && chunkSize > 0)) {
    throw new ArgumentError(`chunkSize takes a number of bytes, at least 1, not ${chunkSize}`);
  }
  if (retryFor !== undefined && !(retryFor >= 0)) {
    throw new ArgumentError(`retryFor takes a number of milliseconds, at least 0, not ${retryFor}`);
  }
  const handlers = new Set<OnEvent>(onEvent === undefined ? [] : [onEvent]);
  const emit: OnEvent = (event) => {
    for (const handler of handlers) handler(event);
  };
  const locking = { onWait: lockReports(emit) };
  return {
    store: new DraftStore(directory, locking),
    history: new PushHistory(directory, locking),
    transports: new TransportResolver({
      ...environment,
      insecure,
      verifyTls,
      concurrency,
      retries,
      retryFor,
      chunkSize,
      tls,
      logins,
      registries: registrySettings(options.registries),
      cache,
      onEvent: emit,
      onHttpEvent: handlerOf(options.onHttpEvent),
    }),
    cache,
    environment,
    logins,
    limit: pLimit(concurrency),
    limits: runLimits(options.limits),
    reads: new SharedReads(),
    handlers,
    signal,
    onEvent,
  };
}

/** @throws ArgumentError for what is not a registry host */
function registrySettings(
  given: MultiarchOptions['registries'] = {},
): ReadonlyMap<RegistryHost, RegistrySettings> {
  return new Map(Object.entries(given).map(([host, settings]) => [parseRegistryHost(host), settings]));
}

function cacheSettings(
  option: MultiarchOptions['cache'] = false,
  environment: CacheEnvironment,
): CacheSettings | undefined {
  if (option === false) return undefined;
  return { directory: option === true ? cacheDirectory(environment) : option };
}

/** @throws ArgumentError for what is not a registry host, and for two logins for one registry */
function explicitCredentials(given: ExplicitLogin | readonly ExplicitLogin[]): readonly ExplicitCredential[] {
  const logins = [given].flat().map(({ registry, credential }) => explicitCredential(registry, credential));
  const registries = logins.map(({ registry }) => registry);
  const twice = registries.find((registry, index) => registries.indexOf(registry) !== index);
  if (twice === undefined) return logins;
  throw new ArgumentError(`two logins are given for ${twice}`);
}

/** @throws ArgumentError for what is not a registry host */
export function explicitCredential(
  registry: string,
  credential: ExplicitLogin['credential'],
): ExplicitCredential {
  return {
    registry: parseRegistryHost(registry),
    credential:
      typeof credential === 'function' ? () => outsideOfCall(credential) : () => Promise.resolve(credential),
  };
}
