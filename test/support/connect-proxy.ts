import { once } from 'node:events';
import {
  createServer,
  request as sendRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { onTestFinished } from 'vitest';

import type { Account } from './sandbox.js';
import { clientOf, type TlsFiles } from './fake-server.js';

export interface ConnectProxyOptions {
  /** The account that may use the proxy. @default anonymous access */
  readonly account?: Account;
  /** The challenge to clients without a login. @default 'Basic realm="proxy"' */
  readonly challenge?: string;
  /** Clients connect to the proxy with TLS. */
  readonly tls?: TlsFiles;
  /** Names that only the proxy resolves: `host:port` to a local port. */
  readonly hosts?: Readonly<Record<string, number>>;
  /** Responds to every request with this status, and forwards none. */
  readonly status?: number;
}

export interface ProxiedRequest {
  /** `CONNECT host:port`, or `GET http://host/path`. */
  readonly line: string;
  readonly headers: Readonly<IncomingMessage['headers']>;
  /** The number of the connection to the proxy, from 1. */
  readonly connection: number;
  /** The common name in the client's certificate for the proxy. */
  readonly client: string | undefined;
}

/** Starts a proxy that stops with the test. */
export async function startConnectProxy(options: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const proxy = await ConnectProxy.start(options);
  onTestFinished(() => proxy.stop());
  return proxy;
}

/** An HTTP proxy that tunnels TLS with CONNECT and forwards plain requests. */
export class ConnectProxy {
  readonly requests: ProxiedRequest[] = [];
  readonly #options: ConnectProxyOptions;
  readonly #server: Server;
  readonly #connections = new Map<Duplex, number>();
  readonly #open = new Set<Duplex>();

  private constructor(options: ConnectProxyOptions) {
    this.#options = options;
    this.#server =
      options.tls === undefined
        ? createServer()
        : createTlsServer({ ...options.tls, rejectUnauthorized: false });
    this.#server.on(options.tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) =>
      this.#connections.set(socket, this.#connections.size + 1),
    );
    this.#server.on('connection', (socket: Socket) => this.#track(socket));
    this.#server.on('connect', (request: IncomingMessage, socket: Duplex) => this.#tunnel(request, socket));
    this.#server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.#forward(request, response),
    );
  }

  static async start(options: ConnectProxyOptions = {}): Promise<ConnectProxy> {
    const proxy = new ConnectProxy(options);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** Host and port. */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The URL without a login. */
  get url(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://${this.host}`;
  }

  lines(): string[] {
    return this.requests.map(({ line }) => line);
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
    await closed;
  }

  #tunnel(request: IncomingMessage, client: Duplex): void {
    this.#track(client);
    const rejection = this.#log(request);
    if (rejection !== undefined) {
      const fields = Object.entries(rejection.headers).map(([name, value]) => `${name}: ${value}\r\n`);
      client.end(`HTTP/1.1 ${rejection.status} Rejected\r\n${fields.join('')}content-length: 0\r\n\r\n`);
      return;
    }
    const server = connect(this.#target(request.url ?? ''));
    this.#track(server);
    server.once('connect', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      server.pipe(client).pipe(server);
    });
    server.once('error', () => client.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n'));
    server.once('close', () => client.end());
    client.once('close', () => server.destroy());
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    const rejection = this.#log(request);
    if (rejection !== undefined) {
      request.resume();
      response.writeHead(rejection.status, rejection.headers).end();
      return;
    }
    const url = new URL(request.url ?? '');
    const { 'proxy-authorization': _login, ...headers } = request.headers;
    const upstream = sendRequest({
      ...this.#target(url.port === '' ? `${url.host}:80` : url.host),
      method: request.method,
      path: url.pathname + url.search,
      headers,
      agent: false,
    });
    upstream.on('response', (incoming) => {
      response.writeHead(incoming.statusCode ?? 502, incoming.headers);
      incoming.pipe(response);
    });
    upstream.on('error', () => response.writeHead(502).end());
    request.pipe(upstream);
  }

  /** Logs the request. Returns the response that rejects it. */
  #log(
    request: IncomingMessage,
  ): { readonly status: number; readonly headers: Readonly<Record<string, string>> } | undefined {
    const { method = '', url = '', headers, socket } = request;
    this.requests.push({
      line: `${method} ${url}`,
      headers,
      connection: this.#connections.get(socket) ?? 0,
      client: clientOf(socket),
    });
    const { account, challenge = 'Basic realm="proxy"', status } = this.#options;
    if (status !== undefined) return { status, headers: {} };
    if (account === undefined && this.#options.challenge === undefined) return undefined;
    const login = account && Buffer.from(`${account.username}:${account.password}`).toString('base64');
    if (login !== undefined && headers['proxy-authorization'] === `Basic ${login}`) return undefined;
    return { status: 407, headers: { 'proxy-authenticate': challenge } };
  }

  #target(authority: string): { readonly host: string; readonly port: number } {
    const port = this.#options.hosts?.[authority];
    if (port !== undefined) return { host: '127.0.0.1', port };
    const url = new URL(`http://${authority}`);
    return { host: url.hostname, port: Number(url.port || 80) };
  }

  #track(socket: Duplex): void {
    this.#open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#open.delete(socket));
  }
}
