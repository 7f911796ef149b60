/**
 * Node's agents with connection time limits, preconnected sockets and proxy tunnels.
 *
 * Offers agents, connection-agents, preconnect-pool.
 * @module http/connections
 */
import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';

import { PlainAgent, hostPortKey, TlsAgent, type ConnectLimits } from './connection-agents.js';
import type { ProxyServer } from '../proxy/proxy-server.js';
import type { TlsSettings } from '../tls/tls-config.js';

/** The connections of one client: kept alive after requests, and opened ahead of requests on demand. */
export class Agents {
  readonly #limits: ConnectLimits;
  readonly #proxyTls: () => TlsSettings;
  readonly #plain: PlainAgent;
  /** By TLS settings and proxy. */
  readonly #tls = new Map<string, TlsAgent>();

  /** @param proxyTls returns the TLS settings for proxies */
  constructor(limits: ConnectLimits, proxyTls: () => TlsSettings) {
    this.#limits = limits;
    this.#proxyTls = proxyTls;
    this.#plain = new PlainAgent(limits);
  }

  /** Returns the agents for a server, direct or through a tunnel. */
  select({ tls, proxy }: Route): { readonly http: HttpAgent; readonly https?: HttpsAgent } {
    return { http: this.#plain, ...(tls !== undefined && { https: this.#tlsAgent(tls, proxy) }) };
  }

  /** Returns the agent for a proxy that forwards plain requests. */
  forwarder({ isTls }: ProxyServer): HttpAgent {
    return isTls ? this.#tlsAgent(this.#proxyTls(), undefined) : this.#plain;
  }

  /** Opens connections to a URL's origin until this many are idle. Opens none through a proxy. */
  preconnect(url: URL, connections: number, { tls, proxy }: Route): void {
    if (proxy !== undefined) return;
    const agent = tls === undefined ? this.#plain : this.#tlsAgent(tls, undefined);
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const port = url.port === '' ? (tls === undefined ? 80 : 443) : Number(url.port);
    const key = hostPortKey(host, port);
    // The names of node's agents begin with host and port.
    const idle = Object.entries(agent.freeSockets)
      .filter(([name]) => name.startsWith(`${host}:${port}:`))
      .reduce((sum, [, sockets]) => sum + (sockets?.length ?? 0), 0);
    for (let open = idle + agent.preconnected.count(key); open < connections; open += 1) {
      agent.preconnected.add(key, agent.open(host, port));
    }
  }

  /** Destroys all connections, even those in use. */
  close(): void {
    for (const agent of [this.#plain, ...this.#tls.values()]) {
      agent.preconnected.close();
      agent.destroy();
    }
  }

  #tlsAgent(tls: TlsSettings, proxy: ProxyServer | undefined): TlsAgent {
    const key = `${tls.id} ${proxy?.label ?? ''}`;
    const known = this.#tls.get(key);
    if (known !== undefined) return known;
    const through = proxy && { proxy, tls: this.#proxyTls() };
    const agent = new TlsAgent(this.#limits, tls, through);
    this.#tls.set(key, agent);
    return agent;
  }
}

/** The connection of a request to its server. */
export interface Route {
  /** Undefined for a direct connection. */
  readonly proxy: ProxyServer | undefined;
  /** The settings for the server, not for a proxy. Undefined for plain HTTP. */
  readonly tls: TlsSettings | undefined;
}
