/**
 * HTTP and CONNECT proxies, chosen by the environment and NO_PROXY.
 *
 * Offers forward, proxies, proxy-errors, proxy-server, proxy-tunnel.
 * @module http/proxy
 */
import { NoProxy } from './no-proxy.js';
import { isLoopbackHost } from '../private-address.js';
import { ProxyServer } from './proxy-server.js';

/**
 * Which requests go through a proxy, by the environment: `https_proxy` for `https:` URLs, `http_proxy` for `http:` ones,
 * `all_proxy` for those that have none, and `no_proxy` for the hosts that need none; each also in upper case, where the
 * lower case wins, as with curl. An empty variable is an unset one. A loopback host is always reached directly.
 */
export class Proxies {
  readonly #env: NodeJS.ProcessEnv;
  readonly #servers = new Map<string, ProxyServer>();
  #noProxy: NoProxy | undefined;

  /** Nothing of the environment is looked at before it is needed. */
  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** The proxy for this URL. @throws ArgumentError that names the variable whose value is no proxy */
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

  /** In a CGI program, HTTP_PROXY is the request header `Proxy`, which anybody may send (CVE-2016-5385, "httpoxy"). */
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
