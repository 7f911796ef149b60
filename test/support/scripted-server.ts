import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { TLSSocket, type PeerCertificate } from 'node:tls';

import { onTestFinished } from 'vitest';

/** What the server does with a request that it was told of. */
export type Script =
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string | readonly string[]>>;
      readonly body?: string | Uint8Array;
      /** The answer waits for this. */
      readonly after?: Promise<unknown>;
      /** Answers as soon as the request's headers are there, reads no body and closes the connection. */
      readonly early?: boolean;
    }
  /** `reset`: cuts the connection instead of an answer. `stall`: never answers. */
  | { readonly fault: 'reset' | 'stall' }
  /** Announces the whole body and sends so many bytes of it; then cuts the connection, closes it in good order, or sends no more. */
  | {
      readonly fault: 'cut-body' | 'short-body' | 'stall-body';
      readonly body: string | Uint8Array;
      readonly sent: number;
    }
  /** These bytes instead of an answer, and the end of the connection. */
  | { readonly fault: 'raw'; readonly bytes: string };

/** A request that is to come, and what it gets. Expectations are tried in the order in which they were given. */
export interface Expectation {
  readonly method: string;
  /** Path without the query. */
  readonly path: string | RegExp;
  /** The whole query, decoded. Without it, any. */
  readonly query?: Readonly<Record<string, string>>;
  /** Names in lower case; null: must not be there. Other headers may be there. */
  readonly headers?: Readonly<Record<string, string | RegExp | null>>;
  /** Without it, any. */
  readonly body?: string | Uint8Array;
  /** How often it comes: exactly so often, or with Infinity at least once. @default 1 */
  readonly times?: number;
  /** Only in this state. The server begins in none. */
  readonly requires?: string;
  /** The state after it. */
  readonly sets?: string;
  readonly answer: Script;
}

export interface ScriptedRequest {
  readonly method: string;
  /** With the query, as it came. */
  readonly path: string;
  readonly headers: Readonly<IncomingMessage['headers']>;
  readonly body: Buffer;
  /** Which connection it came on, counted from 1. */
  readonly connection: number;
  /** The common name in the certificate that the client showed. */
  readonly client: string | undefined;
}

/** PEM text. */
export interface TlsFiles {
  readonly key: string;
  readonly cert: string;
  /** Who has to vouch for a client's certificate. */
  readonly ca?: string;
  /** Whether to ask clients for one. It need not come. */
  readonly requestCert?: boolean;
}

/**
 * Starts a server for one test. At the test's end it closes, and fails the test for a request that was not foreseen or
 * an expectation that was not met.
 */
export async function startScriptedServer(tls?: TlsFiles): Promise<ScriptedServer> {
  const server = new ScriptedServer(tls);
  await server.listen();
  onTestFinished(async () => {
    await server.close();
    server.verify();
  });
  return server;
}

/** A local HTTP or HTTPS server that knows what is to come, and takes anything else for an error. */
export class ScriptedServer {
  /** Every request so far, also those that were not foreseen. */
  readonly requests: ScriptedRequest[] = [];
  readonly #scheme: 'http' | 'https';
  readonly #server: Server;
  readonly #sockets = new Map<Socket, number>();
  readonly #open = new Set<Socket>();
  readonly #expected: { readonly expectation: Expectation; used: number }[] = [];
  readonly #unforeseen: string[] = [];
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  #state: string | undefined;

  constructor(tls?: TlsFiles) {
    this.#scheme = tls === undefined ? 'http' : 'https';
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      this.#serve(request, response).catch((error: unknown) => this.#unforeseen.push(String(error)));
    };
    this.#server =
      tls === undefined ? createServer(serve) : createTlsServer({ ...tls, rejectUnauthorized: false }, serve);
    // What counts as a connection is one that can carry requests: for TLS, after the handshake.
    this.#server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      this.#sockets.set(socket, this.#sockets.size + 1);
    });
    this.#server.on('connection', (socket: Socket) => {
      this.#open.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => this.#open.delete(socket));
    });
    // The tests say when a connection ends.
    this.#server.keepAliveTimeout = 0;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Host and port. */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Connections that came so far. */
  get connections(): number {
    return this.#sockets.size;
  }

  url(path: string): URL {
    return new URL(`${this.#scheme}://${this.host}${path}`);
  }

  /** Requests as `METHOD /path?query`. */
  lines(): string[] {
    return this.requests.map(({ method, path }) => `${method} ${path}`);
  }

  expect(...expectations: readonly Expectation[]): this {
    this.#expected.push(...expectations.map((expectation) => ({ expectation, used: 0 })));
    return this;
  }

  /** Resolves when so many requests have come in all. */
  async came(count: number): Promise<void> {
    if (this.requests.length >= count) return;
    await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => {
      this.#server.close(resolve);
    });
    this.cut();
    await closed;
  }

  /** @throws where anything came that was not foreseen, or did not come that was */
  verify(): void {
    const unmet = this.#expected
      .filter(({ expectation: { times = 1 }, used }) => (times === Infinity ? used === 0 : used < times))
      .map(
        ({ expectation, used }) => `${describe(expectation)} came ${used} of ${expectation.times ?? 1} times`,
      );
    const problems = [...this.#unforeseen.map((line) => `not foreseen: ${line}`), ...unmet];
    if (problems.length > 0) throw new Error(`Scripted server:\n${problems.join('\n')}`);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const entry = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      connection: this.#sockets.get(request.socket) ?? 0,
      client: clientOf(request.socket),
    };
    request.on('error', () => {}); // A client that goes away in mid-body is often the point of the test.
    const early = this.#find(entry, undefined);
    const body = early === undefined ? await readAll(request) : Buffer.alloc(0);
    this.requests.push({ ...entry, body });
    for (const { count, resolve } of this.#waiting) if (this.requests.length >= count) resolve();
    const match = early ?? this.#find(entry, body);
    if (match === undefined) {
      this.#unforeseen.push(`${entry.method} ${entry.path} ${JSON.stringify(entry.headers)}`);
      response.writeHead(418, { connection: 'close' }).end('This request was not foreseen');
      return;
    }
    match.used += 1;
    this.#state = match.expectation.sets ?? this.#state;
    await play(match.expectation.answer, request, response);
  }

  /** @param body undefined before it was read: then only an answer that comes early can be found */
  #find(
    entry: Omit<ScriptedRequest, 'body'>,
    body: Buffer | undefined,
  ): { readonly expectation: Expectation; used: number } | undefined {
    const found = this.#expected.find(
      ({ expectation, used }) =>
        used < (expectation.times ?? 1) &&
        (expectation.requires === undefined || expectation.requires === this.#state) &&
        matchesHead(expectation, entry) &&
        (body === undefined || expectation.body === undefined || body.equals(Buffer.from(expectation.body))),
    );
    const early = found !== undefined && 'early' in found.expectation.answer;
    return body === undefined && !early ? undefined : found;
  }
}

function matchesHead(expectation: Expectation, entry: Omit<ScriptedRequest, 'body'>): boolean {
  const url = new URL(entry.path, 'http://server');
  const { method, path, query, headers = {} } = expectation;
  return (
    entry.method === method &&
    (typeof path === 'string' ? path === url.pathname : path.test(url.pathname)) &&
    (query === undefined || sortedQuery(Object.entries(query)) === sortedQuery(url.searchParams)) &&
    Object.entries(headers).every(([name, wanted]) => {
      const value = entry.headers[name];
      if (wanted === null || value === undefined) return wanted === null && value === undefined;
      const text = String(value);
      return typeof wanted === 'string' ? wanted === text : wanted.test(text);
    })
  );
}

/** The same text for the same parameters in any order. */
function sortedQuery(parameters: Iterable<readonly [string, string]>): string {
  return [...parameters]
    .map(([name, value]) => JSON.stringify([name, value]))
    .toSorted((a, b) => (a < b ? -1 : 1))
    .join();
}

async function play(script: Script, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!('fault' in script)) {
    await script.after;
    const body = Buffer.from(script.body ?? '');
    const headers = { 'content-length': String(body.length), ...script.headers };
    response.writeHead(script.status, script.early === true ? { ...headers, connection: 'close' } : headers);
    response.end(request.method === 'HEAD' ? undefined : body);
    return;
  }
  switch (script.fault) {
    case 'stall':
      return;
    case 'reset':
      request.socket.resetAndDestroy();
      return;
    case 'raw':
      request.socket.end(script.bytes);
      return;
    case 'cut-body':
    case 'short-body':
    case 'stall-body': {
      const body = Buffer.from(script.body);
      response.writeHead(200, { 'content-length': String(body.length) });
      await new Promise((resolve) => {
        response.write(body.subarray(0, script.sent), resolve);
      });
      if (script.fault === 'cut-body') request.socket.resetAndDestroy();
      if (script.fault === 'short-body') request.socket.end();
    }
  }
}

/** The common name in a client's certificate, where it showed one that is trusted. */
export function clientOf(socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  // An empty object where there was none.
  const { subject }: Partial<PeerCertificate> = socket.getPeerCertificate();
  const name = subject?.CN;
  return typeof name === 'string' ? name : name?.[0];
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function describe({ method, path, requires }: Expectation): string {
  return `${method} ${String(path)}${requires === undefined ? '' : ` in state ${requires}`}`;
}
