import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';

import { checkCancelled, onAbort } from '../content/cancellation.js';
import { cancelled } from '../oci/errors.js';
import type { Agents, Route } from './connections/agents.js';
import { ResponseBody } from './response-body.js';
import { got } from './got-library.js';
import { hasBody, nodeResponse } from './node-response.js';
import { certificateOf, type ConnectLimits } from './connections/connection-agents.js';
import { wasPreconnected } from './connections/preconnect-pool.js';
import type { HttpMethod, HttpRequest, HttpResponse, RequestBody } from './message.js';
import { describeFailure, truncatedResponse } from './describe-failure.js';
import type { Peer } from './network-error.js';
import { forwardThrough } from './proxy/forward.js';
import { reportWait, startDeadline, TimeLimitError } from './deadline.js';
import { openBody, Upload } from './upload.js';

/** In milliseconds. */
export interface TimeLimits extends ConnectLimits {
  /** From the last byte of a request to the headers of its response. */
  readonly response: number;
  /** The same for PUT and PATCH: a registry that commits a large blob to its storage may work for minutes. */
  readonly write: number;
  /** From the headers of a successful metadata response to its end. */
  readonly metadataBody: number;
  /** From the headers of an error response to its end. */
  readonly errorBody: number;
  /** Without any byte from the server, or accepted by it. */
  readonly idle: number;
}

/** One request and its response, without redirects and retries. Header names are in lower case. */
export interface Exchange {
  readonly method: HttpMethod;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: RequestBody | undefined;
  readonly nearest?: HttpRequest['nearest'];
  readonly timing?: HttpRequest['timing'] | undefined;
  readonly signal: AbortSignal;
}

export interface Transport {
  readonly agents: Agents;
  readonly limits: TimeLimits;
  readonly route: Route;
  /** Decides the advice in errors. */
  readonly role: Peer['role'];
  /**
   * Called while the response is awaited, with the time since the last byte of the request, or since a request without a body
   * began, in milliseconds.
   */
  readonly onWait: (milliseconds: number) => void;
  /** Called while a reader waits for more of the body, with the time since the last byte in milliseconds. */
  readonly onBodyWait: ((milliseconds: number) => void) | undefined;
  /** Called once, with the sizes of both bodies, when the exchange is over. */
  readonly onBytes: (sent: number, received: number) => void;
}

/**
 * Sends one request and returns when the headers of its response arrive, even before the whole body was sent.
 * @throws NetworkError without a response, CancelledError, and the errors of the request's body
 */
export async function exchange(request: Exchange, transport: Transport): Promise<HttpResponse> {
  checkCancelled(request.signal);
  const body = request.body === undefined ? undefined : await openBody(request.body, request.signal);
  return new Promise<HttpResponse>((resolve, reject) => {
    new RunningExchange(request, transport, body).start(resolve, reject);
  });
}

class RunningExchange {
  readonly #request: Exchange;
  readonly #transport: Transport;
  readonly #stream: ReturnType<typeof got.stream>;
  readonly #upload: Upload | undefined;
  #clientRequest: ClientRequest | undefined;
  #finished = false;
  /** Ends the wait for the response. */
  #stopWaiting = (): void => {};

  constructor(request: Exchange, transport: Transport, body: Readable | undefined) {
    this.#request = request;
    this.#transport = transport;
    const { agents, route } = transport;
    const { proxy, tls } = route;
    this.#stream = got.stream(request.url, {
      method: request.method,
      headers: { ...request.headers, ...lengthHeader(request) },
      agent: agents.select(route),
      ...(tls === undefined &&
        proxy !== undefined && { request: forwardThrough(proxy, agents.forwarder(proxy)) }),
      // Each of these is wrong or unsafe in got for registries. redirect.ts and retry.ts replace them.
      followRedirect: false,
      retry: { limit: 0 },
      throwHttpErrors: false,
      // Digests and sizes are those of the bytes as stored. This also omits Accept-Encoding.
      decompress: false,
    });
    if (request.body !== undefined && body !== undefined) {
      const { size, onSent, sizeError } = request.body;
      this.#upload = new Upload(body, {
        size,
        idleMilliseconds: transport.limits.idle,
        onStall: () => this.#stream.destroy(new TimeLimitError('MULTIARCH_UPLOAD', transport.limits.idle)),
        onSent,
        sizeError,
      });
    }
  }

  start(resolve: (response: HttpResponse) => void, reject: (error: Error) => void): void {
    const stream = this.#stream;
    const fail = (error: Error): void => {
      stopAbort();
      this.#stopWaiting();
      this.#upload?.stop();
      stream.destroy();
      this.#finish(0);
      reject(error);
    };
    const stopAbort = onAbort(this.#request.signal, () => fail(cancelled(this.#request.signal)));
    let responded = false;
    // The time to connect counts. A body may take long to be sent.
    const stopReports = this.#upload === undefined ? reportWait(this.#transport.onWait) : undefined;
    if (stopReports !== undefined) this.#stopWaiting = stopReports;
    stream.once('request', (clientRequest: ClientRequest) => {
      this.#clientRequest = clientRequest;
      clientRequest.once('finish', () => {
        if (!responded) this.#awaitResponse(stopReports);
      });
      // The body is written to node's request, as the response is read from node's message: in the streams of got, each
      // chunk would pass through one more queue and raise events of progress.
      this.#upload?.run(clientRequest).catch((error: Error) => (responded ? stream.destroy() : fail(error)));
      // Without a listener, node would close the connection and emit no error. got listens to it, and does nothing.
      clientRequest.once('upgrade', (_message, socket: Duplex) => {
        socket.destroy();
        fail(this.#describe(new UpgradeError()));
      });
    });
    // Stays for the response's body, which reports its own failures: an error without a listener would be thrown.
    stream.on('error', (error: unknown) => {
      if (!responded) fail(this.#describe(error));
    });
    stream.once('response', (message: IncomingMessage) => {
      // Node reports a 101 without an Upgrade header as a response, whose body would never end.
      if (message.statusCode === 101) {
        fail(this.#describe(new UpgradeError()));
        return;
      }
      responded = true;
      stopAbort();
      this.#stopWaiting();
      // With got's listener, node would not let the message flow.
      message.removeAllListeners('readable');
      resolve(this.#respond(message));
    });
    // got ends a GET and a HEAD itself.
    const { method } = this.#request;
    if (this.#upload === undefined && method !== 'GET' && method !== 'HEAD') stream.end();
  }

  /** @param reports of a wait that has begun already */
  #awaitResponse(reports: (() => void) | undefined): void {
    const { limits, onWait } = this.#transport;
    const { method } = this.#request;
    const limit = method === 'PUT' || method === 'PATCH' ? limits.write : limits.response;
    const stopReports = reports ?? reportWait(onWait);
    const stopDeadline = startDeadline(limit, () =>
      this.#stream.destroy(new TimeLimitError('MULTIARCH_RESPONSE', limit)),
    );
    this.#stopWaiting = () => {
      stopReports();
      stopDeadline();
    };
  }

  #respond(message: IncomingMessage): HttpResponse {
    const { method, url, nearest, signal } = this.#request;
    const { proxy } = this.#transport.route;
    const status = message.statusCode ?? 0;
    // The server will not read the rest of the body, and may reset the connection: read its response now.
    if (status >= 300) this.#upload?.stop();
    const remoteAddress = proxy === undefined ? message.socket.remoteAddress : undefined;
    const head = { method, url, remoteAddress, nearest, status, rawHeaders: message.rawHeaders };
    const length = message.headers['content-length'];
    if (!hasBody(method, status, length)) {
      message.once('end', () => this.#finish(0));
      message.resume();
      return nodeResponse(head);
    }
    const expected = length === undefined ? undefined : Number(length);
    const body = new ResponseBody(message, {
      expected,
      idleMilliseconds: this.#transport.limits.idle,
      onWait: this.#transport.onBodyWait,
      broken: (why, received, timeLimit) =>
        truncatedResponse(this.#request, why, received, expected, timeLimit),
      onDone: (received) => {
        stopAbort();
        this.#finish(received);
      },
    });
    const stopAbort = onAbort(signal, () => body.destroy(cancelled(signal)));
    return nodeResponse(head, body);
  }

  #finish(received: number): void {
    if (this.#finished) return;
    this.#finished = true;
    // Node would keep the connection of an incomplete request open for ever.
    if (this.#upload !== undefined && !this.#upload.finished) this.#stream.destroy();
    this.#transport.onBytes(this.#upload?.sent ?? 0, received);
  }

  #describe(error: unknown): Error {
    const { role, route } = this.#transport;
    const { socket, reusedSocket = false } = this.#clientRequest ?? {};
    const isKept = reusedSocket || (socket !== null && socket !== undefined && wasPreconnected(socket));
    const certificate = socket ? certificateOf(socket) : undefined;
    const peer = { ...route.tls, role, certificate };
    return describeFailure(error, this.#request, { isKept, peer, proxy: route.proxy });
  }
}

/** A response with 101 Switching Protocols, as an error with a code. Never leaves `http`. */
class UpgradeError extends Error {
  readonly code = 'MULTIARCH_UPGRADE';
}

/** Without Content-Length, node would send the body chunked, which many registries reject. */
function lengthHeader(request: Exchange): Record<string, string> {
  if (request.body !== undefined) return { 'content-length': String(request.body.size) };
  const mayHaveBody = request.method === 'POST' || request.method === 'PUT' || request.method === 'PATCH';
  return mayHaveBody ? { 'content-length': '0' } : {};
}
