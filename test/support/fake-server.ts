import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { pipeline, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket, type PeerCertificate } from 'node:tls';

/** A response, or a fault instead of it. */
export interface Answer {
  /** @default 200 */
  status?: number;
  headers?: Readonly<Record<string, string | readonly string[]>>;
  body?: string | Uint8Array;
  /** Sends the body this many times, as one body that takes little memory. @default 1 */
  repeat?: number;
  /** Delays the response until this is settled. */
  after?: Promise<unknown>;
  /** Responds after the headers of the request without reading its body, and closes the connection. */
  early?: boolean;
  /**
   * - `reset` resets the connection without a response, `stall` never responds.
   * - `cut-body`, `short-body` and `stall-body` announce the whole body and send the first `sent` bytes. Then they reset
   *   the connection, close it, or send no more.
   * - `raw` sends the body as the bytes of the whole response, and closes the connection. `cut-raw` resets it.
   */
  fault?: 'reset' | 'stall' | 'cut-body' | 'short-body' | 'stall-body' | 'raw' | 'cut-raw';
  /** In bytes. */
  sent?: number;
  /** Sends the body in pieces of this many bytes, with a pause in milliseconds after each. */
  pace?: { readonly bytes: number; readonly pause: number };
}

export interface LoggedRequest {
  readonly method: string;
  /** Path and query as received. */
  readonly path: string;
  readonly headers: Readonly<IncomingMessage['headers']>;
  /** The number of the connection, from 1. */
  readonly connection: number;
  /** The common name in the client's certificate, if it is trusted. */
  readonly client: string | undefined;
  /** In milliseconds of `performance.now()`. */
  readonly startedAt: number;
  finishedAt?: number;
  status?: number;
}

/** PEM text. */
export interface TlsFiles {
  readonly key: string;
  readonly cert: string;
  /** The authority of client certificates. */
  readonly ca?: string;
  /** Whether to request a client certificate. It is optional for the client. */
  readonly requestCert?: boolean;
}

export interface FakeServerOptions {
  /** A delay before each request is handled, in milliseconds: one round trip. @default 0 */
  readonly delay?: number;
  /** The time from the opening of a connection until a request can be sent on it, in milliseconds. @default 0 */
  readonly connectionDelay?: number;
  /** Handles each request first. `next` returns the response of the server. */
  readonly fault?: (request: LoggedRequest, next: () => Promise<Answer>) => Answer | Promise<Answer>;
  /** @default plain HTTP */
  readonly tls?: TlsFiles | undefined;
}

type Handler = (request: IncomingMessage, entry: LoggedRequest) => Promise<Answer>;

/**
 * HTTP or HTTPS servers on loopback ports that log their requests and can fail in any way. The base of all fake servers:
 * what they respond comes from their handlers.
 */
export class FakeServer {
  /** All requests, in order of arrival. */
  readonly requests: LoggedRequest[] = [];
  readonly #options: FakeServerOptions;
  readonly #servers: Server[] = [];
  readonly #open = new Set<Socket>();
  readonly #connections = new Map<
    Socket,
    { readonly number: number; readonly port: number | undefined; readonly openedAt: number }
  >();
  #isClosed = false;

  constructor(options: FakeServerOptions) {
    this.#options = options;
  }

  /** Starts a server. @returns its port */
  async listen(handler: Handler): Promise<number> {
    const { tls } = this.#options;
    const serve = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#serve(request, response, handler);
    const server =
      tls === undefined ? createServer(serve) : createTlsServer({ ...tls, rejectUnauthorized: false }, serve);
    server.on('connection', (socket: Socket) => {
      this.#open.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => this.#open.delete(socket));
    });
    // Only connections that can carry requests count: with TLS, after the handshake.
    server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      this.#connections.set(socket, {
        number: this.#connections.size + 1,
        port: socket.localPort,
        openedAt: performance.now(),
      });
    });
    // The tests decide when a connection ends.
    server.keepAliveTimeout = 0;
    this.#servers.push(server);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return (server.address() as AddressInfo).port;
  }

  async #serve(request: IncomingMessage, response: ServerResponse, handler: Handler): Promise<void> {
    const connection = this.#connections.get(request.socket);
    const entry: LoggedRequest = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      connection: connection?.number ?? 0,
      client: clientOf(request.socket),
      startedAt: performance.now(),
    };
    this.requests.push(entry);
    const { delay = 0, connectionDelay = 0, fault } = this.#options;
    const openedAt = connection?.openedAt ?? -Infinity;
    const wait = delay + Math.max(0, openedAt + connectionDelay - performance.now());
    if (wait > 0) await sleep(wait);
    request.on('error', () => {}); // Many tests disconnect within a body.
    response.once('close', () => (entry.finishedAt = performance.now()));
    let answer: Answer;
    try {
      const next = () => handler(request, entry);
      answer = fault === undefined ? await next() : await fault(entry, next);
      await answer.after;
    } catch (error) {
      answer = failure(500, 'UNKNOWN', String(error));
    }
    await play(answer, request, response, entry);
  }

  /** Closes all connections. */
  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  /**
   * Closes all connections and refuses new ones. Returns a function that accepts connections again, on the same ports, unless
   * the server was closed in between.
   */
  refuse(): () => void {
    const ports = this.#servers.map((server) => (server.address() as AddressInfo).port);
    for (const server of this.#servers) server.close();
    this.cut();
    return () => {
      if (this.#isClosed) return;
      for (const [index, server] of this.#servers.entries()) {
        // A server does not listen at once, and one that does not listen yet cannot be closed.
        server.listen(ports[index], '127.0.0.1', () => {
          if (this.#isClosed) server.close();
        });
      }
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const closed = this.#servers.map(
      (server) =>
        new Promise((resolve) => {
          server.close(resolve);
        }),
    );
    this.cut();
    await Promise.all(closed);
  }

  /** The requests as `METHOD /path status`, with digests of eight digits and upload sessions as `<id>`. */
  lines(): string[] {
    return this.requests.map(({ method, path, status }) => {
      const short = path
        .replaceAll(/sha(256|512)(:|%3A)([0-9a-f]{8})[0-9a-f]*/g, 'sha$1:$3')
        .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<id>');
      return `${method} ${short} ${status ?? 'unanswered'}`;
    });
  }

  /** See {@link sequentialDepth}. */
  sequentialDepth(): number {
    return sequentialDepth(this.requests);
  }

  /** See {@link mostAtOnce}. */
  mostAtOnce(): number {
    return mostAtOnce(this.requests);
  }

  /** The number of connections so far. */
  get connections(): number {
    return this.#connections.size;
  }

  /** The number of connections to one port so far. */
  connectionsTo(port: number): number {
    return [...this.#connections.values()].filter((connection) => connection.port === port).length;
  }

  /** Clears the log. */
  clearLog(): void {
    this.requests.length = 0;
  }
}

async function play(
  answer: Answer,
  request: IncomingMessage,
  response: ServerResponse,
  entry: LoggedRequest,
): Promise<void> {
  const { status = 200, headers, repeat = 1, early = false, fault, sent, pace } = answer;
  const { body: content = '' } = answer;
  const body = typeof content === 'string' ? Buffer.from(content) : content;
  if (fault === 'stall') return;
  if (fault === 'reset') {
    request.socket.resetAndDestroy();
    return;
  }
  if (fault === 'raw' || fault === 'cut-raw') {
    request.socket.end(body, () => {
      if (fault === 'cut-raw') request.socket.resetAndDestroy();
    });
    return;
  }
  entry.status = status;
  const fields: Record<string, string | string[]> = { 'content-length': String(body.length * repeat) };
  for (const [name, value] of Object.entries(headers ?? {}))
    fields[name] = typeof value === 'string' ? value : [...value];
  response.writeHead(status, early ? { ...fields, connection: 'close' } : fields);
  if (fault !== undefined) {
    await new Promise((resolve) => {
      response.write(body.subarray(0, sent), resolve);
    });
    if (fault === 'cut-body') request.socket.resetAndDestroy();
    if (fault === 'short-body') request.socket.end();
    return;
  }
  if (pace !== undefined && request.method !== 'HEAD') {
    request.resume();
    pipeline(Readable.from(paced(body, pace)), response, () => {});
    return;
  }
  if (repeat > 1 && request.method !== 'HEAD') {
    pipeline(Readable.from(repeated(body, repeat)), response, () => {});
    return;
  }
  response.end(request.method === 'HEAD' ? undefined : body);
  // A body that the handler did not read would block the next request of the connection.
  if (!early) request.resume();
}

/** The common name in the certificate of a client, if it is trusted. */
export function clientOf(socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  // An empty object without a certificate.
  const { subject }: Partial<PeerCertificate> = socket.getPeerCertificate();
  const name = subject?.CN;
  return typeof name === 'string' ? name : name?.[0];
}

/**
 * The length of the longest chain of requests in which each starts after the previous one has ended. Only exact if the
 * servers delay their responses.
 */
export function sequentialDepth(requests: readonly LoggedRequest[]): number {
  const done = requests
    .flatMap(({ startedAt, finishedAt }) => (finishedAt === undefined ? [] : [{ startedAt, finishedAt }]))
    .sort((a, b) => a.finishedAt - b.finishedAt);
  let depth = 0;
  let end = -Infinity;
  for (const { startedAt, finishedAt } of done) {
    if (startedAt < end) continue;
    depth += 1;
    end = finishedAt;
  }
  return depth;
}

/** The largest number of concurrent requests. */
export function mostAtOnce(requests: readonly LoggedRequest[]): number {
  const edges = requests
    .flatMap(({ startedAt, finishedAt }) => [
      { at: startedAt, step: 1 },
      { at: finishedAt ?? Infinity, step: -1 },
    ])
    .sort((a, b) => a.at - b.at || a.step - b.step);
  let open = 0;
  let most = 0;
  for (const { step } of edges) most = Math.max(most, (open += step));
  return most;
}

function* repeated(piece: Uint8Array, times: number): Generator<Uint8Array> {
  for (let time = 0; time < times; time += 1) yield piece;
}

async function* paced(
  body: Uint8Array,
  { bytes, pause }: { readonly bytes: number; readonly pause: number },
): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < body.length; start += bytes) {
    yield body.subarray(start, start + bytes);
    await sleep(pause);
  }
}

/** The body of a request. */
export async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A JSON response. */
export function json(status: number, value: unknown): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(value)),
  };
}

/** An error response (distribution-spec, "Error Codes"). */
export function failure(status: number, code: string, message: string, detail?: unknown): Answer {
  return json(status, { errors: [{ code, message, detail }] });
}
