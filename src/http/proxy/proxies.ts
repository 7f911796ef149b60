/**
 * HTTP and CONNECT proxies, chosen by the environment and NO_PROXY.
 *
 * Offers forward, proxies, proxy-errors, proxy-server, proxy-tunnel.
 * @module http/proxy
 */
import { NoProxy } from './no-proxy.js';
import { isLoopbackHost } from '../host-reach.js';
import { ProxyServer } from './proxy-server.js';

/**
 * Selects proxies by the environment: `https_proxy` for `https:` URLs, `http_proxy` for `http:` ones, `all_proxy` for
 * either, and `no_proxy` for the hosts without a proxy. Each may be in upper case; the lower case takes precedence, as in
 * curl. An empty variable counts as unset. Loopback hosts are always contacted directly.
 */
export class Proxies {
  readonly #env: NodeJS.ProcessEnv;
  readonly #servers = new Map<string, ProxyServer>();
  #noProxy: NoProxy | undefined;

  /** @param env read when a URL needs it */
  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** Returns the proxy for a URL. @throws ArgumentError for a variable that is not the URL of an HTTP proxy */
  select(url: URL): ProxyServer | undefined {
    const names = url.protocol === 'http:' ? this.#plainNames() : ['https_proxy', 'HTTPS_PROXY'];
    const variable = this.#firstSet([...names, 'all_proxy', 'ALL_PROXY']);
    if (variable === undefined || isLoopbackHost(url.hostname)) return undefined;
    this.#noProxy ??= new NoProxy(this.#value(this.#firstSet(['no_proxy', 'NO_PROXY']) ?? ''));
    if (this.#noProxy.covers(url)) return undefined;
    const known = this.#servers.get(variable);
    if (known !== undefined) return known;
    const server = new ProxyServer(variable, this.#value(variable));
    this.#servers.set(variable, server);
    return server;
  }

  /** In a CGI program, HTTP_PROXY is the request header `Proxy`, which any client may send (CVE-2016-5385, "httpoxy"). */
  #plainNames(): readonly string[] {
    return this.#env['REQUEST_METHOD'] === undefined ? ['http_proxy', 'HTTP_PROXY'] : ['http_proxy'];
  }

  #firstSet(names: readonly string[]): string | undefined {
    return names.find((name) => this.#value(name) !== '');
  }

  #value(name: string): string {
    return this.#env[name]?.trim() ?? '';
  }
}
