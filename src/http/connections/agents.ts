/**
 * Node's agents with connection time limits, preconnected sockets and proxy tunnels.
 *
 * Offers agents, connection-agents, preconnect-pool.
 * @module http/connections
 */
import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction, Socket } from 'node:net';

import { PlainAgent, hostPortKey, TlsAgent, type ConnectLimits } from './connection-agents.js';
import { addressLookup } from '../address-lookup.js';
import type { Reach } from '../host-reach.js';
import type { ProxyServer } from '../proxy/proxy-server.js';
import type { TlsSettings } from '../tls/tls-config.js';

/** The connections of one client: kept alive after requests, and opened ahead of requests on demand. */
export class Agents {
  readonly #limits: ConnectLimits;
  readonly #proxyTls: () => TlsSettings;
  readonly #lookup: LookupFunction | undefined;
  /** By the limit of addresses. */
  readonly #plain = new Map<Reach | undefined, PlainAgent>();
  /** By the limit of addresses, TLS settings and proxy. */
  readonly #tls = new Map<string, TlsAgent>();

  /**
   * @param proxyTls returns the TLS settings for proxies
   * @param lookup resolves host names @default the system's resolver
   */
  constructor(limits: ConnectLimits, proxyTls: () => TlsSettings, lookup?: LookupFunction) {
    this.#limits = limits;
    this.#proxyTls = proxyTls;
    this.#lookup = lookup;
  }

  /**
   * Returns the agents for a server, direct or through a tunnel. Requests with different limits of addresses share no
   * connections.
   */
  select({ tls, proxy, nearest }: Route): { readonly http: HttpAgent; readonly https?: HttpsAgent } {
    // The limit applies to the server, which a proxy resolves.
    const limit = proxy === undefined ? nearest : undefined;
    return {
      http: this.#plainAgent(limit),
      ...(tls !== undefined && { https: this.#tlsAgent(tls, proxy, limit) }),
    };
  }

  /** Returns the agent for a proxy that forwards plain requests. */
  forwarder({ isTls }: ProxyServer): HttpAgent {
    return isTls ? this.#tlsAgent(this.#proxyTls(), undefined, undefined) : this.#plainAgent(undefined);
  }

  /**
   * Opens connections to a URL's origin until this many are open, whether in use or not. Opens none through a proxy.
   * @returns one that is open or being opened
   */
  preconnect(url: URL, connections: number, { tls, proxy, nearest }: Route): Socket | undefined {
    if (proxy !== undefined) return undefined;
    const agent = tls === undefined ? this.#plainAgent(nearest) : this.#tlsAgent(tls, undefined, nearest);
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const port = url.port === '' ? (tls === undefined ? 80 : 443) : Number(url.port);
    const key = hostPortKey(host, port);
    // The names of node's agents begin with host and port.
    const used = [agent.sockets, agent.freeSockets].flatMap((sockets) =>
      Object.entries(sockets).flatMap(([name, ofName]) =>
        name.startsWith(`${host}:${port}:`) ? (ofName ?? []) : [],
      ),
    );
    const waiting = agent.preconnected.of(key);
    for (let open = used.length + waiting.length; open < connections; open += 1) {
      agent.preconnected.add(key, agent.open(host, port));
    }
    return [...used, ...agent.preconnected.of(key)][0];
  }

  /** Destroys all connections, even those in use. */
  close(): void {
    for (const agent of [...this.#plain.values(), ...this.#tls.values()]) {
      agent.preconnected.close();
      agent.destroy();
    }
  }

  #plainAgent(nearest: Reach | undefined): PlainAgent {
    const known = this.#plain.get(nearest);
    if (known !== undefined) return known;
    const agent = new PlainAgent(this.#limits, addressLookup(nearest, this.#lookup));
    this.#plain.set(nearest, agent);
    return agent;
  }

  #tlsAgent(tls: TlsSettings, proxy: ProxyServer | undefined, nearest: Reach | undefined): TlsAgent {
    const key = `${nearest ?? ''} ${tls.id} ${proxy?.label ?? ''}`;
    const known = this.#tls.get(key);
    if (known !== undefined) return known;
    const through = proxy && { proxy, tls: this.#proxyTls() };
    const agent = new TlsAgent(this.#limits, addressLookup(nearest, this.#lookup), tls, through);
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
  /** The nearest addresses that the name of the server may resolve to. @default any address */
  readonly nearest?: Reach | undefined;
}
