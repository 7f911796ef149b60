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

/** The connections of one client: kept alive after a request, and opened ahead of requests on demand. */
export class Agents {
  readonly #limits: ConnectLimits;
  readonly #proxyTls: () => TlsSettings;
  readonly #plain: PlainAgent;
  /** By what makes their connections differ, besides host and port. */
  readonly #tls = new Map<string, TlsAgent>();

  /** @param proxyTls the rules for TLS with a proxy */
  constructor(limits: ConnectLimits, proxyTls: () => TlsSettings) {
    this.#limits = limits;
    this.#proxyTls = proxyTls;
    this.#plain = new PlainAgent(limits);
  }

  /** The agent for a server that is spoken to on a connection of our own, be it through a proxy's tunnel. */
  select({ tls, proxy }: Route): { readonly http: HttpAgent; readonly https?: HttpsAgent } {
    return { http: this.#plain, ...(tls !== undefined && { https: this.#tlsAgent(tls, proxy) }) };
  }

  /** The agent for a proxy that passes requests on. */
  forwarder({ isTls }: ProxyServer): HttpAgent {
    return isTls ? this.#tlsAgent(this.#proxyTls(), undefined) : this.#plain;
  }

  /** Opens connections until this many to the URL's origin wait for a request. Through a proxy, it opens none. */
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

  /** Was this connection up before a request took it? Then the server may have closed it before the request came. */
  wasPreconnected(socket: object): boolean {
    return this.#all().some((agent) => agent.preconnected.wasPreconnected(socket));
  }

  /** The certificate that the server showed on this connection, valid or not. */
  certificateOf(socket: object): PeerCertificate | undefined {
    for (const agent of this.#tls.values()) {
      const certificate = agent.certificateOf(socket);
      if (certificate !== undefined) return certificate;
    }
    return undefined;
  }

  /** Destroys every connection, also those in use. */
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
    const name = `${tls.id} ${proxy?.label ?? ''}`;
    const known = this.#tls.get(name);
    if (known !== undefined) return known;
    const through = proxy && { proxy, tls: this.#proxyTls() };
    const agent = new TlsAgent(this.#limits, tls, through);
    this.#tls.set(name, agent);
    return agent;
  }
}

/** How a request gets to its server. */
export interface Route {
  /** Undefined: directly. */
  readonly proxy: ProxyServer | undefined;
  /** With the server, not with a proxy. Undefined: plain HTTP. */
  readonly tls: TlsSettings | undefined;
}
