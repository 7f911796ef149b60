import { Agent as HttpAgent, type ClientRequestArgs } from 'node:http';
import { Agent as HttpsAgent, type RequestOptions } from 'node:https';
import { isIP, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { startDeadline } from './deadline.js';
import { TimeLimitError, type TimeLimitCode } from './time-limit-error.js';
import { WaitingSockets } from './waiting-sockets.js';

/** In milliseconds. */
export interface ConnectLimits {
  /** Name look-up and TCP connection. */
  readonly connect: number;
  /** TLS handshake, counted from the TCP connection on. */
  readonly tls: number;
}

/**
 * Node allows each address of a host 250 ms and then gives it up for good, which fails for registries on another
 * continent.
 */
const attemptTimeout = { autoSelectFamilyAttemptTimeout: 1000 };

/** The connections of one client: kept alive after a request, and opened ahead of requests on demand. */
export class Agents {
  readonly #http: PlainAgent;
  readonly #verified: TlsAgent;
  readonly #unverified: TlsAgent;

  constructor(limits: ConnectLimits) {
    this.#http = new PlainAgent(limits);
    this.#verified = new TlsAgent(limits, true);
    this.#unverified = new TlsAgent(limits, false);
  }

  /** The agents for a request. @param verifyTls whether the server's certificate must be valid */
  select(verifyTls: boolean): { readonly http: HttpAgent; readonly https: HttpsAgent } {
    return { http: this.#http, https: verifyTls ? this.#verified : this.#unverified };
  }

  /** Opens connections until this many to the URL's origin wait for a request. */
  preconnect(url: URL, connections: number, verifyTls: boolean): void {
    const plain = url.protocol === 'http:';
    const agent = plain ? this.#http : verifyTls ? this.#verified : this.#unverified;
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const port = url.port === '' ? (plain ? 80 : 443) : Number(url.port);
    const idle = Object.values(agent.freeSockets)
      .flatMap((sockets) => sockets ?? [])
      .filter((socket) => agent.placeOf(socket) === place(host, port)).length;
    const missing = connections - idle - agent.waiting.count(place(host, port));
    for (let opened = 0; opened < missing; opened += 1) {
      agent.waiting.add(place(host, port), agent.open(host, port));
    }
  }

  /** Was this connection up before a request took it? Then the server may have closed it before the request came. */
  wasWaiting(socket: object): boolean {
    return [this.#http, this.#verified, this.#unverified].some((agent) => agent.waiting.cameUp(socket));
  }

  /** Destroys every connection, also those in use. */
  close(): void {
    for (const agent of [this.#http, this.#verified, this.#unverified]) {
      agent.waiting.close();
      agent.destroy();
    }
  }
}

class PlainAgent extends HttpAgent {
  readonly waiting = new WaitingSockets('connect');
  readonly #limits: ConnectLimits;
  readonly #places = new WeakMap<object, string>();

  constructor(limits: ConnectLimits) {
    super({ keepAlive: true });
    this.#limits = limits;
  }

  open(host: string, port: number): Socket {
    // As node's agent would: small writes are not held back.
    const options = { host, port, noDelay: true };
    return this.#open(options);
  }

  placeOf(socket: object): string | undefined {
    return this.#places.get(socket);
  }

  override createConnection(options: ClientRequestArgs): Duplex {
    return this.waiting.take(place(options.host, options.port)) ?? this.#open(options);
  }

  #open(options: ClientRequestArgs): Socket {
    const socket = asSocket(super.createConnection({ ...options, ...attemptTimeout }));
    this.#places.set(socket, place(options.host, options.port));
    limitTime(socket, this.#limits.connect, 'connect', 'MULTIARCH_CONNECT');
    return socket;
  }
}

class TlsAgent extends HttpsAgent {
  readonly waiting = new WaitingSockets('secureConnect');
  readonly #limits: ConnectLimits;
  readonly #places = new WeakMap<object, string>();

  constructor(limits: ConnectLimits, rejectUnauthorized: boolean) {
    // Said either way, so that NODE_TLS_REJECT_UNAUTHORIZED cannot switch the check off behind our back.
    super({ keepAlive: true, rejectUnauthorized });
    this.#limits = limits;
  }

  open(host: string, port: number): Socket {
    // An address is no server name (RFC 6066, section 3), and node wants that said.
    return this.#open({ ...this.options, host, port, servername: isIP(host) === 0 ? host : '' });
  }

  placeOf(socket: object): string | undefined {
    return this.#places.get(socket);
  }

  override createConnection(options: RequestOptions): Duplex {
    return this.waiting.take(place(options.host, options.port)) ?? this.#open(options);
  }

  #open(options: RequestOptions): Socket {
    const socket = asSocket(super.createConnection({ ...options, ...attemptTimeout }));
    this.#places.set(socket, place(options.host, options.port));
    limitTime(socket, this.#limits.connect, 'connect', 'MULTIARCH_CONNECT');
    socket.once('connect', () => limitTime(socket, this.#limits.tls, 'secureConnect', 'MULTIARCH_TLS'));
    return socket;
  }
}

function place(host: string | null | undefined, port: number | string | null | undefined): string {
  return `${host ?? ''} ${port ?? ''}`;
}

function asSocket(socket: Duplex | null | undefined): Socket {
  if (socket instanceof Socket) return socket;
  throw new TypeError("Node's agent opened something that is no socket");
}

/** Destroys the socket unless it emits the event in time. */
function limitTime(socket: Socket, milliseconds: number, event: string, code: TimeLimitCode): void {
  const stop = startDeadline(milliseconds, () => socket.destroy(new TimeLimitError(code)));
  socket.once(event, stop).once('close', stop);
}
