import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { pipeline, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the registry answers. A test's {@link MemoryRegistryOptions.fault} may change any part of it. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: Buffer;
  /** Sends the body so many times over, as one long body that takes little memory. @default 1 */
  times?: number;
  /** Sends this many bytes of the body, under the Content-Length of the whole, and cuts the connection. */
  cutAfter?: number;
  /** Cuts the connection without an answer. */
  reset?: boolean;
}

export interface LoggedRequest {
  readonly method: string;
  /** Path and query as they came over the wire. */
  readonly path: string;
  readonly headers: Readonly<IncomingMessage['headers']>;
  /** Which connection it came on, counted from 1. */
  readonly connection: number;
  /** Milliseconds of `performance.now()`. */
  readonly startedAt: number;
  finishedAt?: number;
  status?: number;
}

export interface RecordingOptions {
  /** Milliseconds that each request waits before it is looked at: one round trip. @default 0 */
  readonly delay?: number;
  /** Milliseconds more for the first request of each connection: the handshakes. @default 0 */
  readonly connectionDelay?: number;
  /** Sees each request before the server does. `next` gives the server's own answer, to be changed or not. */
  readonly fault?: (request: LoggedRequest, next: () => Promise<Answer>) => Answer | Promise<Answer>;
}

type Handler = (request: IncomingMessage) => Promise<Answer>;

/** HTTP servers on loopback ports that write down every request: what came, when, and on which connection. */
export class RecordingServer {
  /** Every request so far, in the order they came. */
  readonly requests: LoggedRequest[] = [];
  readonly #options: RecordingOptions;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #connections = new Map<Socket, number>();
  readonly #greeted = new Set<Socket>();

  constructor(options: RecordingOptions) {
    this.#options = options;
  }

  /** Starts one server; gives its port. */
  async listen(handler: Handler): Promise<number> {
    const server = createServer((request, response) => void this.#serve(request, response, handler));
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      this.#connections.set(socket, this.#connections.size + 1);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return (server.address() as AddressInfo).port;
  }

  async #serve(request: IncomingMessage, response: ServerResponse, handler: Handler): Promise<void> {
    const entry: LoggedRequest = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      connection: this.#connections.get(request.socket) ?? 0,
      startedAt: performance.now(),
    };
    this.requests.push(entry);
    const { delay = 0, connectionDelay = 0, fault } = this.#options;
    const wait = delay + (this.#greeted.has(request.socket) ? 0 : connectionDelay);
    this.#greeted.add(request.socket);
    if (wait > 0) await sleep(wait);
    request.on('error', () => {}); // A client that goes away in the middle of a body is no business of the tests' process.
    let answer: Answer;
    try {
      const next = () => handler(request);
      answer = fault === undefined ? await next() : await fault(entry, next);
    } catch (error) {
      answer = failure(500, 'UNKNOWN', String(error));
    }
    if (answer.reset === true) {
      request.socket.destroy();
      return;
    }
    const body = answer.body ?? Buffer.alloc(0);
    entry.status = answer.status;
    response.once('close', () => (entry.finishedAt = performance.now()));
    const { times = 1 } = answer;
    response.writeHead(answer.status, { 'content-length': body.length * times, ...answer.headers });
    if (answer.cutAfter !== undefined) {
      response.write(body.subarray(0, answer.cutAfter), () => request.socket.destroy());
      return;
    }
    if (times > 1 && request.method !== 'HEAD') {
      // A client that goes away before the end is no business of the server's.
      pipeline(Readable.from(repeated(body, times)), response, () => {});
      return;
    }
    response.end(request.method === 'HEAD' ? undefined : body);
    // A body that nobody read (a refused upload) would block the connection for the next request.
    request.resume();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(
      this.#servers.map(
        (server) =>
          new Promise((resolve) => {
            server.close(resolve);
          }),
      ),
    );
  }

  /** The requests as `METHOD /path status`, digests cut to eight digits and upload sessions to `<id>`. */
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

  /** Connections that were opened so far. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Forgets the requests so far, so that a test sees only those that follow. */
  clearLog(): void {
    this.requests.length = 0;
  }
}

/**
 * How many requests had to wait for one another: the longest chain in which each starts after the one before has ended.
 * Of servers that do not delay their answers, chance has a say in it.
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

/** The most requests that were open at one moment. */
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

function* repeated(piece: Buffer, times: number): Generator<Buffer> {
  for (let time = 0; time < times; time += 1) yield piece;
}

/** Reads a request's body. */
export async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** An answer in JSON. */
export function json(status: number, value: unknown): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify(value)),
  };
}

/** An error answer in the shape of the distribution-spec. */
export function failure(status: number, code: string, message: string, detail?: unknown): Answer {
  return json(status, { errors: [{ code, message, detail }] });
}
