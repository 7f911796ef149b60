import { setTimeout as wait } from 'node:timers/promises';

import { ArgumentError, FailedError, MultiarchError } from '../oci/errors.js';
import { checkCancelled, untilAborted } from '../content/cancellation.js';
import { Agents, type Route } from './connections/agents.js';
import { describeProxyLogin } from './describe-failure.js';
import type { HttpClient, HttpEvent, HttpRequest, HttpResponse } from './message.js';
import { NetworkError } from './network-error.js';
import { isLoopbackHost } from './private-address.js';
import { Proxies } from './proxy/proxies.js';
import { redactHeaders, redactUrl } from './redact.js';
import { followRedirects, type Hop } from './redirect.js';
import { retryWait, type RetryPolicy } from './retry.js';
import { defaultSchemes, SchemeNegotiator, type SchemesOf } from './scheme.js';
import { exchange, type Exchange, type TimeLimits } from './transport.js';
import { TlsConfig, type TlsFiles } from './tls/tls-config.js';

export interface GotClientOptions {
  readonly userAgent: string;
  /**
   * Which schemes a registry's host (with its port, if it has one) may speak, the likelier one first.
   * @default `http`, then `https` for a loopback host; `https` for any other
   */
  readonly schemes?: SchemesOf | undefined;
  /** Accept any certificate of this host (with its port, if it has one). @default loopback hosts */
  readonly insecureTls?: ((host: string) => boolean) | undefined;
  /**
   * Is this host (with its port, if it has one) a registry that was named in this call? To such a one, `tls` and client
   * certificates belong. @default any host
   */
  readonly isRegistry?: ((host: string) => boolean) | undefined;
  /** PEM files that flags name, for registries only. */
  readonly tls?: TlsFiles | undefined;
  /** Proxies and trusted authorities; see {@link Proxies} and {@link TlsConfig}. @default nothing is set */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Where the user's `certs.d` directories are. Without it, none is looked at, the system's neither. */
  readonly homeDirectory?: string | undefined;
  /** Further tries after the first. @default 4 */
  readonly retries?: number | undefined;
  readonly onEvent?: ((event: HttpEvent) => void) | undefined;
  /** In milliseconds. @default connect 30 s, TLS handshake 10 s, response headers 60 s, idle 120 s */
  readonly limits?: Partial<TimeLimits> | undefined;
  /** For tests. Milliseconds since the epoch. @default Date.now */
  readonly now?: (() => number) | undefined;
  /** For tests. In [0, 1). @default Math.random */
  readonly random?: (() => number) | undefined;
  /** For tests. @default a timer */
  readonly sleep?: ((milliseconds: number, signal: AbortSignal) => Promise<unknown>) | undefined;
}

const DEFAULT_TIME_LIMITS: TimeLimits = { connect: 30_000, tls: 10_000, response: 60_000, idle: 120_000 };

/** How many closed kept connections in a row are passed over before they count as tries. */
const MAX_STALE_CONNECTIONS = 3;

/** Sends requests with got, one exchange at a time: redirects, retries and schemes are this room's own. */
export class GotClient implements HttpClient {
  readonly #userAgent: string;
  readonly #insecureTls: (host: string) => boolean;
  readonly #isRegistry: (host: string) => boolean;
  readonly #proxies: Proxies;
  readonly #trust: TlsConfig;
  readonly #onEvent: (event: HttpEvent) => void;
  readonly #limits: TimeLimits;
  readonly #policy: RetryPolicy;
  readonly #sleep: (milliseconds: number, signal: AbortSignal) => Promise<unknown>;
  readonly #agents: Agents;
  readonly #schemes: SchemeNegotiator;
  readonly #closed = new AbortController();

  constructor(options: GotClientOptions) {
    this.#userAgent = options.userAgent;
    this.#insecureTls = options.insecureTls ?? isLoopbackHost;
    const { env = {}, homeDirectory, tls } = options;
    const isRegistry = options.isRegistry ?? (() => true);
    const trust = new TlsConfig({
      env,
      homeDirectory,
      files: (host) => (isRegistry(host) ? tls : undefined),
    });
    this.#isRegistry = isRegistry;
    this.#proxies = new Proxies(env);
    this.#trust = trust;
    this.#onEvent = options.onEvent ?? (() => {});
    this.#limits = { ...DEFAULT_TIME_LIMITS, ...options.limits };
    this.#policy = {
      retries: options.retries ?? 4,
      now: options.now ?? Date.now,
      random: options.random ?? Math.random,
    };
    this.#sleep = options.sleep ?? ((milliseconds, signal) => wait(milliseconds, undefined, { signal }));
    this.#agents = new Agents(this.#limits, () => trust.ofProxy());
    this.#schemes = new SchemeNegotiator(options.schemes ?? defaultSchemes);
  }

  async send(request: HttpRequest): Promise<HttpResponse> {
    if (this.#closed.signal.aborted) throw new FailedError('The HTTP client was closed already');
    const signals = [this.#closed.signal, ...(request.signal === undefined ? [] : [request.signal])];
    const signal = AbortSignal.any(signals);
    checkCancelled(signal);
    const first = this.#firstHop(request);
    let stale = 0;
    for (let tries = 1; ;) {
      const outcome = await this.#try(request, first, tries, signal);
      const failed = outcome instanceof NetworkError;
      if (failed && outcome.stale && request.retry !== false && stale < MAX_STALE_CONNECTIONS) {
        stale += 1;
        this.#reportRetry(request, 'a kept connection was closed', 0);
        continue;
      }
      const pause = request.retry === false ? undefined : this.#pauseAfter(outcome, tries);
      if (pause === undefined) {
        if (failed) throw outcome.afterTries(tries);
        return outcome;
      }
      if (!failed) outcome.discard();
      this.#reportRetry(request, failed ? outcome.message : `HTTP ${outcome.status}`, pause);
      await untilAborted(signal, Promise.resolve(this.#sleep(pause, signal)));
      tries += 1;
    }
  }

  preconnect(url: URL, connections: number): void {
    if (this.#closed.signal.aborted) return;
    // Which scheme a host speaks is found out with a request, not with a connection that may be of the wrong kind.
    const resolved = url.protocol === 'http:' ? url : this.#schemes.resolve(url);
    if (resolved === undefined) return;
    try {
      this.#agents.preconnect(resolved, connections, this.#route(resolved, true));
    } catch (error) {
      // What is wrong with the configuration is told by the requests.
      if (!(error instanceof MultiarchError)) throw error;
    }
  }

  close(): void {
    this.#closed.abort();
    this.#agents.close();
  }

  #firstHop(request: HttpRequest): Hop {
    const { method, url, body } = request;
    if (url.protocol !== 'https:' && url.protocol !== 'http:') {
      throw new ArgumentError(`${redactUrl(url)} is no HTTP URL`);
    }
    if (url.username !== '' || url.password !== '') {
      throw new ArgumentError(`${redactUrl(url)} must not have user information in it`);
    }
    const headers = Object.entries(request.headers ?? {}).map(
      ([name, value]) => [name.toLowerCase(), value] as const,
    );
    return { method, url, headers: { 'user-agent': this.#userAgent, ...Object.fromEntries(headers) }, body };
  }

  /** One try, with its redirects. A failure of the network is a result here, for it may be tried again. */
  async #try(
    request: HttpRequest,
    first: Hop,
    attempt: number,
    signal: AbortSignal,
  ): Promise<HttpResponse | NetworkError> {
    const timing = request.timing ?? 'metadata';
    let leftOriginalHost = false;
    const sendHop = (hop: Hop): Promise<HttpResponse> => {
      // Once somebody else has sent us on, the way back is theirs too.
      leftOriginalHost ||= hop.url.host !== first.url.host;
      const mayPresentClientCert = !leftOriginalHost && this.#isRegistry(hop.url.host);
      const sendTo = (url: URL): Promise<HttpResponse> =>
        this.#exchange({ ...hop, url, signal, timing }, mayPresentClientCert, attempt);
      const negotiate = hop === first && request.negotiateScheme === true;
      return negotiate ? this.#schemes.send(hop.url, signal, sendTo) : sendTo(hop.url);
    };
    try {
      return await followRedirects(first, sendHop, request.vetRedirect);
    } catch (error) {
      if (error instanceof NetworkError) return error;
      throw error;
    }
  }

  /** @param mayPresentClientCert whether the registry may see its client certificate */
  async #exchange(request: Exchange, mayPresentClientCert: boolean, attempt: number): Promise<HttpResponse> {
    const { method, url } = request;
    const route = this.#route(url, mayPresentClientCert);
    const event = { method, url: redactUrl(url) };
    this.#onEvent({
      kind: 'request',
      ...event,
      attempt,
      headers: redactHeaders(request.headers),
      ...(route.proxy !== undefined && { proxy: route.proxy.url.origin }),
    });
    const startedAt = this.#policy.now();
    const answer = await exchange(request, {
      agents: this.#agents,
      limits: this.#limits,
      route,
      role: this.#isRegistry(url.host) ? 'registry' : 'server',
      onBytes: (sent, received) => {
        if (sent + received > 0) this.#onEvent({ kind: 'bytes', sent, received });
      },
    });
    this.#onEvent({
      kind: 'response',
      ...event,
      status: answer.status,
      milliseconds: this.#policy.now() - startedAt,
      headers: redactHeaders(answer.headers),
    });
    if (route.proxy !== undefined && route.tls === undefined && answer.status === 407) {
      answer.discard();
      throw describeProxyLogin(request, route.proxy, answer.headerValues('proxy-authenticate'));
    }
    return answer;
  }

  /** @throws ArgumentError, FailedError for a configuration of proxies or certificates that cannot be used */
  #route(url: URL, mayPresentClientCert: boolean): Route {
    const proxy = this.#proxies.select(url);
    if (url.protocol === 'http:') return { proxy, tls: undefined };
    return { proxy, tls: this.#trust.of(url.host, !this.#insecureTls(url.host), mayPresentClientCert) };
  }

  #pauseAfter(outcome: HttpResponse | NetworkError, tries: number): number | undefined {
    if (outcome instanceof NetworkError) return retryWait(this.#policy, tries, outcome);
    const retryAfter = outcome.headers['retry-after'];
    return retryWait(this.#policy, tries, { status: outcome.status, retryAfter });
  }

  #reportRetry(request: HttpRequest, reason: string, waitMilliseconds: number): void {
    const { method, url, negotiateScheme } = request;
    const resolved = negotiateScheme === true ? this.#schemes.resolve(url) : undefined;
    this.#onEvent({ kind: 'retry', method, url: redactUrl(resolved ?? url), reason, waitMilliseconds });
  }
}
