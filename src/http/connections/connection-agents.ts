import { Agent as HttpAgent, type ClientRequestArgs } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import { Socket, type LookupFunction } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket, type PeerCertificate } from 'node:tls';
import { ADDRESS_ATTEMPTS, startDeadline, TimeLimitError, type TimeLimitCode } from '../deadline.js';
import { openTunnel } from '../proxy/proxy-tunnel.js';
import type { ProxyServer } from '../proxy/proxy-server.js';
import { serverName, type TlsSettings } from '../tls/tls-config.js';
import { readLastResponse } from './last-response.js';
import { PreconnectPool } from './preconnect-pool.js';

const certificates = new WeakMap<object, PeerCertificate>();

/** Returns the certificate of the server on a connection, valid or not. */
export function certificateOf(socket: object): PeerCertificate | undefined {
  return certificates.get(socket);
}

/** In milliseconds. */
export interface ConnectLimits {
  /** Name lookup and TCP connection. */
  readonly connect: number;
  /** TLS handshake, after the TCP connection. */
  readonly tls: number;
}

/** Connections without TLS: to servers, or to proxies that forward requests. */
export class PlainAgent extends HttpAgent {
  readonly preconnected = new PreconnectPool('connect');
  readonly #limits: ConnectLimits;
  readonly #lookup: LookupFunction;

  /** @param lookup resolves host names */
  constructor(limits: ConnectLimits, lookup: LookupFunction) {
    super({ keepAlive: true });
    this.#limits = limits;
    this.#lookup = lookup;
  }

  /** Opens a connection ahead of a request. */
  open(host: string, port: number): Socket {
    // As node's agent does: small writes are not delayed.
    const options = { host, port, noDelay: true };
    return this.#open(options);
  }

  override createConnection(options: ClientRequestArgs): Duplex {
    return this.preconnected.take(hostPortKey(options.host, options.port)) ?? this.#open(options);
  }

  #open(options: ClientRequestArgs): Socket {
    const socket = asSocket(
      super.createConnection({ ...options, ...ADDRESS_ATTEMPTS, lookup: this.#lookup }),
    );
    limitTime(socket, this.#limits.connect, 'connect', 'MULTIARCH_CONNECT');
    readLastResponse(socket);
    return socket;
  }
}

/** The proxy of connections through a tunnel. */
export interface TunnelSettings {
  readonly proxy: ProxyServer;
  /** For a proxy that is contacted over TLS. */
  readonly tls: TlsSettings;
}

/** TLS connections with the same settings, direct or through a proxy. */
export class TlsAgent extends HttpsAgent {
  readonly preconnected = new PreconnectPool('secureConnect');
  readonly #limits: ConnectLimits;
  readonly #lookup: LookupFunction;
  readonly #tls: TlsSettings;
  readonly #through: TunnelSettings | undefined;
  readonly #destroyed = new AbortController();

  /** @param lookup resolves host names */
  constructor(limits: ConnectLimits, lookup: LookupFunction, tls: TlsSettings, through?: TunnelSettings) {
    // Always explicit, so that NODE_TLS_REJECT_UNAUTHORIZED cannot disable the check.
    super({ keepAlive: true, rejectUnauthorized: tls.verify });
    this.#limits = limits;
    this.#lookup = lookup;
    this.#tls = tls;
    this.#through = through;
  }

  /** Opens a connection ahead of a request, directly. */
  open(host: string, port: number): Socket {
    return this.#open({ ...this.options, host, port, servername: serverName(host) });
  }

  override createConnection(
    options: RequestOptions,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): Duplex | undefined {
    if (this.#through === undefined) {
      return this.preconnected.take(hostPortKey(options.host, options.port)) ?? this.#open(options);
    }
    // With an error there is no socket, which node's types do not allow.
    const done = callback as (error: Error | null, socket?: Duplex) => void;
    void this.#openThrough(this.#through, options, done);
    return undefined;
  }

  override destroy(): void {
    this.#destroyed.abort();
    super.destroy();
  }

  #open(options: RequestOptions): Socket {
    const socket = this.#begin({ ...options, ...ADDRESS_ATTEMPTS, lookup: this.#lookup });
    limitTime(socket, this.#limits.connect, 'connect', 'MULTIARCH_CONNECT');
    socket.once('connect', () => limitTime(socket, this.#limits.tls, 'secureConnect', 'MULTIARCH_TLS'));
    return socket;
  }

  /** Opens a connection through a tunnel. The server's certificate is checked as without a proxy. */
  async #openThrough(
    { proxy, tls }: TunnelSettings,
    options: RequestOptions,
    done: (error: Error | null, socket?: Duplex) => void,
  ): Promise<void> {
    let tunnel: Socket;
    try {
      tunnel = await openTunnel({
        proxy,
        context: tls.context,
        host: options.host ?? '',
        port: Number(options.port),
        lookup: this.#lookup,
        limit: this.#limits.connect,
        signal: this.#destroyed.signal,
      });
    } catch (error) {
      done(error as Error);
      return;
    }
    const socket = this.#begin({ ...options, socket: tunnel });
    limitTime(socket, this.#limits.tls, 'secureConnect', 'MULTIARCH_TLS');
    done(null, socket);
  }

  #begin(options: RequestOptions & { readonly socket?: Socket }): Socket {
    const { context } = this.#tls;
    const socket = asSocket(
      super.createConnection({ ...options, ...(context !== undefined && { secureContext: context }) }),
    );
    // Before node checks it, because messages are about invalid certificates. (getPeerX509Certificate would take the
    // certificate away from node's check.)
    socket.prependOnceListener('secure', () => {
      if (socket instanceof TLSSocket) certificates.set(socket, socket.getPeerCertificate());
    });
    readLastResponse(socket);
    return socket;
  }
}

/** Returns host and port, as agents have them, in one string. */
export function hostPortKey(
  host: string | null | undefined,
  port: number | string | null | undefined,
): string {
  return `${host ?? ''} ${port ?? ''}`;
}

function asSocket(socket: Duplex | null | undefined): Socket {
  if (socket instanceof Socket) return socket;
  throw new TypeError("node's agent did not open a socket");
}

/** Destroys a socket unless it emits the event in time. */
function limitTime(socket: Socket, milliseconds: number, event: string, code: TimeLimitCode): void {
  const stop = startDeadline(milliseconds, () => socket.destroy(new TimeLimitError(code, milliseconds)));
  socket.once(event, stop).once('close', stop);
}
