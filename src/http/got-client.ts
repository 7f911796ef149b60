import type { LookupFunction } from 'node:net';

import { ArgumentError, FailedError, MultiarchError } from '../oci/errors.js';
import { charge } from '../content/budget.js';
import { checkCancelled, JoinedSignal, untilAborted } from '../content/cancellation.js';
import { readWholeResponse } from './buffered-body.js';
import { Agents, type Route } from './connections/agents.js';
import { connectedAddress } from './connections/preconnect-pool.js';
import type { ConnectedServer, HttpClient, HttpEvent, HttpRequest, HttpResponse } from './message.js';
import { networkError, NetworkError } from './network-error.js';
import { isLoopbackHost } from './host-reach.js';
import { Pace } from './pace.js';
import { Proxies } from './proxy/proxies.js';
import { proxyResponseFailure } from './proxy/proxy-errors.js';
import { redactHeaders, redactUrl } from './redact.js';
import { followRedirects, type Hop } from './redirect.js';
import { ResponseBody } from './response-body.js';
import {
  isTemporaryStatus,
  MAX_STALE_CONNECTIONS,
  responseOutcome,
  retryPolicy,
  Tries,
  type RetryPolicy,
  type Sleep,
  type TryOutcome,
} from './retry.js';
import { defaultSchemes, SchemeNegotiator, type SchemesOf } from './scheme.js';
import { exchange, type Exchange, type TimeLimits } from './transport.js';
import { TlsConfig, type TlsFiles } from './tls/tls-config.js';

export interface GotClientOptions {
  readonly userAgent: string;
  /**
   * The schemes that a registry's host, with its port if it has one, may speak, the likelier one first.
   * @default `http`, then `https` for a loopback host; `https` for any other
   */
  readonly schemes?: SchemesOf | undefined;
  /** Whether to accept any certificate of this host, with its port if it has one. @default loopback hosts */
  readonly insecureTls?: ((host: string) => boolean) | undefined;
  /**
   * Whether this host, with its port if it has one, is a registry of this call: PEM files and client certificates are for
   * registries only. @default any host
   */
  readonly isRegistry?: ((host: string) => boolean) | undefined;
  /** Names proxies and trusted authorities; see {@link Proxies} and {@link TlsConfig}. @default empty */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** The directory of the user's `certs.d` directories. @default no `certs.d` directory is read, not even the system's */
  readonly homeDirectory?: string | undefined;
  /** The maximum number of retries after the first try. @default 4; with `retryFor`, no maximum */
  readonly retries?: number | undefined;
  /** The maximum time from the first try to the last one, in milliseconds. @default no maximum */
  readonly retryFor?: number | undefined;
  /** Returns what is special about a host, with its port if it has one. @default the settings of the client */
  readonly hostSettings?: ((host: string) => HostSettings | undefined) | undefined;
  /** The number of requests at once, of which a server that sends a 429 gets half: see {@link Pace}. @default 8 */
  readonly concurrency?: number | undefined;
  readonly onEvent?: ((event: HttpEvent) => void) | undefined;
  /** In milliseconds. @default {@link DEFAULT_TIME_LIMITS} */
  readonly limits?: Partial<TimeLimits> | undefined;
  /** For tests. Resolves host names other than `localhost`. @default the system's resolver */
  readonly lookup?: LookupFunction | undefined;
  /** For tests. Milliseconds since the epoch. @default Date.now */
  readonly now?: (() => number) | undefined;
  /** For tests. In [0, 1). @default Math.random */
  readonly random?: (() => number) | undefined;
  /** For tests. @default a timer */
  readonly sleep?: Sleep | undefined;
}

/** Settings for one host, which take precedence over those of the client. */
interface HostSettings {
  readonly retries?: number | undefined;
  /** In milliseconds. */
  readonly retryFor?: number | undefined;
  /** The most requests at once, in addition to the limit of the client. */
  readonly concurrency?: number | undefined;
  /** PEM files, for a registry. */
  readonly tls?: TlsFiles | undefined;
}

/**
 * Short for what a server does at once, minutes for what it may work on. Only the limits for connections are retried, so
 * `--retries` multiplies no other.
 */
const DEFAULT_TIME_LIMITS: TimeLimits = {
  connect: 15_000,
  tls: 10_000,
  response: 120_000,
  write: 600_000,
  metadataBody: 120_000,
  errorBody: 5_000,
  idle: 60_000,
};

const DEFAULT_CONCURRENCY = 8;

/** The result of one try: a response, a failure, or an error response whose body broke off. */
type Outcome =
  | { readonly response: HttpResponse; readonly failure?: NetworkError | undefined }
  | { readonly response?: undefined; readonly failure: NetworkError };

/** Sends requests with got, one exchange at a time. Redirects, retries and schemes are handled here, not by got. */
export class GotClient implements HttpClient {
  readonly #userAgent: string;
  readonly #insecureTls: (host: string) => boolean;
  readonly #isRegistry: (host: string) => boolean;
  readonly #proxies: Proxies;
  readonly #tlsConfig: TlsConfig;
  readonly #onEvent: (event: HttpEvent) => void;
  readonly #limits: TimeLimits;
  readonly #policy: RetryPolicy;
  readonly #policyOf: (host: string) => RetryPolicy;
  readonly #pace: Pace;
  readonly #agents: Agents;
  readonly #schemes: SchemeNegotiator;
  readonly #closed = new AbortController();

  constructor(options: GotClientOptions) {
    this.#userAgent = options.userAgent;
    this.#insecureTls = options.insecureTls ?? isLoopbackHost;
    const { env = {}, homeDirectory, hostSettings = () => undefined } = options;
    const isRegistry = options.isRegistry ?? (() => true);
    const tlsConfig = new TlsConfig({
      env,
      homeDirectory,
      files: (host) => (isRegistry(host) ? hostSettings(host)?.tls : undefined),
    });
    this.#isRegistry = isRegistry;
    this.#proxies = new Proxies(env);
    this.#tlsConfig = tlsConfig;
    this.#onEvent = options.onEvent ?? (() => {});
    this.#limits = { ...DEFAULT_TIME_LIMITS, ...options.limits };
    this.#policy = retryPolicy(options);
    this.#policyOf = (host) => {
      const { retries, retryFor } = hostSettings(host) ?? {};
      return retries === undefined && retryFor === undefined
        ? this.#policy
        : retryPolicy({
            ...options,
            retries: retries ?? options.retries,
            retryFor: retryFor ?? options.retryFor,
          });
    };
    const { concurrency = DEFAULT_CONCURRENCY } = options;
    this.#pace = new Pace({
      policy: this.#policy,
      concurrency,
      most: (host) => hostSettings(host)?.concurrency,
      onEvent: this.#onEvent,
    });
    this.#agents = new Agents(this.#limits, () => tlsConfig.ofProxy(), options.lookup);
    this.#schemes = new SchemeNegotiator(options.schemes ?? defaultSchemes);
  }

  async send(request: HttpRequest): Promise<HttpResponse> {
    if (this.#closed.signal.aborted) throw new FailedError('the HTTP client is closed');
    const joined = new JoinedSignal([this.#closed.signal, request.signal]);
    const release = joined.hold();
    try {
      const response = await this.#sendUntilDone(request, joined.signal);
      // A body that has not been read from the connection is cancelled by the signals, too.
      if (response.body instanceof ResponseBody && !response.body.closed)
        response.body.once('close', release);
      else release();
      return response;
    } catch (error) {
      release();
      throw error;
    }
  }

  async #sendUntilDone(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    checkCancelled(signal);
    const first = this.#firstHop(request);
    const tries = new Tries(this.#policyOf(request.url.host));
    let stale = 0;
    for (;;) {
      const made = tries.count;
      const outcome = await this.#try(request, first, made, signal);
      const { response, failure } = outcome;
      if (failure?.stale === true && request.retry !== false && stale < MAX_STALE_CONNECTIONS) {
        stale += 1;
        this.#reportRetry(request, 'the server had closed the idle connection', 0);
        continue;
      }
      const delay = (request.retry ?? true) === true ? tries.next(outcomeOf(outcome)) : undefined;
      if (delay === undefined) {
        // The status of an error response decides, even without its text.
        if (response !== undefined) return failure === undefined ? response : { ...response, isCut: true };
        throw failure.afterTries(made);
      }
      response?.discard();
      this.#reportRetry(request, failure?.reason ?? `HTTP ${response?.status}`, delay);
      await untilAborted(signal, this.#policy.sleep(delay, signal));
    }
  }

  async preconnect(
    url: URL,
    connections: number,
    { nearest, isAnonymous = false }: Pick<HttpRequest, 'nearest' | 'isAnonymous'> = {},
  ): Promise<ConnectedServer | undefined> {
    if (this.#closed.signal.aborted) return undefined;
    const resolved = url.protocol === 'http:' ? url : this.#schemes.expected(url);
    if (resolved === undefined) return undefined;
    const mayPresentClientCert = !isAnonymous && this.#isRegistry(resolved.host);
    try {
      const route = { ...this.#route(resolved, mayPresentClientCert), nearest };
      const socket = this.#agents.preconnect(resolved, connections, route);
      const remoteAddress = socket && (await connectedAddress(socket));
      return remoteAddress === undefined ? undefined : { url: resolved, remoteAddress, nearest };
    } catch (error) {
      // The requests report a configuration that cannot be used.
      if (error instanceof MultiarchError) return undefined;
      throw error;
    }
  }

  close(): void {
    this.#closed.abort();
    this.#agents.close();
  }

  #firstHop(request: HttpRequest): Hop {
    const { method, url, body, nearest } = request;
    if (url.protocol !== 'https:' && url.protocol !== 'http:') {
      throw new ArgumentError(`${redactUrl(url)} is not an HTTP URL`);
    }
    if (url.username !== '' || url.password !== '') {
      throw new ArgumentError(`${redactUrl(url)} must not contain user information`);
    }
    const headers = Object.entries(request.headers ?? {}).map(
      ([name, value]) => [name.toLowerCase(), value] as const,
    );
    return {
      method,
      url,
      headers: { 'user-agent': this.#userAgent, ...Object.fromEntries(headers) },
      body,
      nearest,
    };
  }

  /** Makes one try, with its redirects and the body of its response. Returns a network failure, since it may be retried. */
  async #try(request: HttpRequest, first: Hop, attempt: number, signal: AbortSignal): Promise<Outcome> {
    let leftOriginalHost = request.isAnonymous === true;
    const sendHop = (hop: Hop): Promise<HttpResponse> => {
      // A redirect back to the original host comes from the other host.
      leftOriginalHost ||= hop.url.host !== first.url.host;
      const mayPresentClientCert = !leftOriginalHost && this.#isRegistry(hop.url.host);
      const sendTo = (url: URL): Promise<HttpResponse> =>
        this.#exchange({ ...hop, url, signal, timing: request.timing }, mayPresentClientCert, attempt);
      const negotiate = hop === first && request.negotiateScheme === true;
      return negotiate ? this.#schemes.send(hop.url, signal, sendTo) : sendTo(hop.url);
    };
    try {
      const response = await followRedirects(first, sendHop, request.vetRedirect);
      if (!needsBody(request, response)) return { response };
      const { response: whole, broken } = await readWholeResponse(response, {
        ...this.#limits,
        onWait: (milliseconds) => this.#onEvent({ kind: 'waiting', ...response.request, milliseconds }),
      });
      if (broken === undefined || response.status >= 300) return { response: whole, failure: broken };
      return { failure: broken };
    } catch (error) {
      if (error instanceof NetworkError) return { failure: error };
      throw error;
    }
  }

  /** @param mayPresentClientCert whether to present the registry's client certificate */
  async #exchange(request: Exchange, mayPresentClientCert: boolean, attempt: number): Promise<HttpResponse> {
    const { method, url } = request;
    charge('requests', 1, () => `${method} ${redactUrl(url)}`);
    const pace = this.#pace.of(url.host);
    const turn = await pace.enter(request.body !== undefined, request.signal);
    let response: HttpResponse | undefined;
    try {
      response = await this.#exchangeNow(request, mayPresentClientCert, attempt);
      return response;
    } finally {
      pace.leave(turn, response && responseOutcome(response));
    }
  }

  async #exchangeNow(
    request: Exchange,
    mayPresentClientCert: boolean,
    attempt: number,
  ): Promise<HttpResponse> {
    const { method, url } = request;
    const route = { ...this.#route(url, mayPresentClientCert), nearest: request.nearest };
    const event = { method, url: redactUrl(url) };
    this.#onEvent({
      kind: 'request',
      ...event,
      attempt,
      headers: redactHeaders(request.headers),
      ...(route.proxy !== undefined && { proxy: route.proxy.url.origin }),
    });
    const startedAt = this.#policy.now();
    const onWait = (milliseconds: number): void => this.#onEvent({ kind: 'waiting', ...event, milliseconds });
    const response = await exchange(request, {
      agents: this.#agents,
      limits: this.#limits,
      route,
      role: this.#isRegistry(url.host) ? 'registry' : 'server',
      onWait,
      // A metadata response is read as a whole, and that wait is reported there.
      onBodyWait: request.timing === 'content' ? onWait : undefined,
      onBytes: (sent, received) => this.#onEvent({ kind: 'bytes', ...event, sent, received }),
    });
    this.#onEvent({
      kind: 'response',
      ...event,
      status: response.status,
      milliseconds: this.#policy.now() - startedAt,
      headers: redactHeaders(response.headers),
    });
    if (route.proxy !== undefined && route.tls === undefined && response.status === 407) {
      response.discard();
      const challenges = response.headerValues('proxy-authenticate');
      throw networkError(request, proxyResponseFailure(route.proxy, url, 407, challenges));
    }
    return response;
  }

  /** @throws ArgumentError or FailedError if the configuration of proxies or certificates cannot be used */
  #route(url: URL, mayPresentClientCert: boolean): Route {
    const proxy = this.#proxies.select(url);
    if (url.protocol === 'http:') return { proxy, tls: undefined };
    return { proxy, tls: this.#tlsConfig.of(url.host, !this.#insecureTls(url.host), mayPresentClientCert) };
  }

  #reportRetry(request: HttpRequest, reason: string, waitMilliseconds: number): void {
    const { method, url, negotiateScheme } = request;
    const resolved = negotiateScheme === true ? this.#schemes.resolve(url) : undefined;
    this.#onEvent({ kind: 'retry', method, url: redactUrl(resolved ?? url), reason, waitMilliseconds });
  }
}

/** The outcome of a try for the next one. A response without its whole body counts as one with its status, if that may pass. */
function outcomeOf({ response, failure }: Outcome): TryOutcome {
  if (response === undefined) return failure;
  return failure !== undefined && !isTemporaryStatus(response.status) ? failure : responseOutcome(response);
}

/** Reports whether the body of a response is needed: of a success, for reads; of an error, for its text. */
function needsBody({ method, timing, readsResponse }: HttpRequest, { status }: HttpResponse): boolean {
  if (status >= 400) return true;
  return timing !== 'content' && (readsResponse ?? method === 'GET');
}
