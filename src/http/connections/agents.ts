/**
 * Node's agents with connection time limits, preconnected sockets and proxy tunnels.
 *
 * Offers agents, connection-agents.
 * @module http/connections
 */
import type { PeerCertificate } from 'node:tls';
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
    const idle = Object.values(agent.freeSockets)
      .flatMap((sockets) => sockets ?? [])
      .filter((socket) => agent.keyOf(socket) === hostPortKey(host, port)).length;
    const missing = connections - idle - agent.preconnected.count(hostPortKey(host, port));
    for (let opened = 0; opened < missing; opened += 1) {
      agent.preconnected.add(hostPortKey(host, port), agent.open(host, port));
    }
  }

  /** Reports whether a socket was connected before a request used it, so that the server may have closed it since. */
  wasPreconnected(socket: object): boolean {
    return this.#all().some((agent) => agent.preconnected.wasPreconnected(socket));
  }

  /** Returns the certificate of the server on a connection, valid or not. */
  certificateOf(socket: object): PeerCertificate | undefined {
    for (const agent of this.#tls.values()) {
      const certificate = agent.certificateOf(socket);
      if (certificate !== undefined) return certificate;
    }
    return undefined;
  }

  /** Destroys all connections, even those in use. */
  close(): void {
    for (const agent of this.#all()) {
      agent.preconnected.close();
      agent.destroy();
    }
  }

  #all(): readonly (PlainAgent | TlsAgent)[] {
    return [this.#plain, ...this.#tls.values()];
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
