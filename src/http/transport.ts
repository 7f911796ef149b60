import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';

import { got } from 'got';

import { checkCancelled, onAbort } from '../content/cancellation.js';
import { cancelled } from '../oci/errors.js';
import type { Agents, Route } from './connections/agents.js';
import { ResponseBody } from './response-body.js';
import { NodeResponse, hasBody } from './node-response.js';
import type { ConnectLimits } from './connections/connection-agents.js';
import type { HttpMethod, RequestBody } from './message.js';
import { describeFailure } from './describe-failure.js';
import type { Peer } from './network-failure.js';
import { forwardThrough } from './proxy/forward.js';
import { truncatedResponse } from './network-error.js';
import { TimeLimitError } from './deadline.js';
import { openBody, Upload } from './upload.js';

/** In milliseconds. */
export interface TimeLimits extends ConnectLimits {
  /** From the last byte of a metadata request to the headers of its answer. */
  readonly response: number;
  /** Without a byte in the direction that is waited for. */
  readonly idle: number;
}

/** One request and one answer: no redirect, no retry. Header names are in lower case. */
export interface Exchange {
  readonly method: HttpMethod;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: RequestBody | undefined;
  readonly signal: AbortSignal;
  readonly timing: 'metadata' | 'content';
}

export interface Transport {
  readonly agents: Agents;
  readonly limits: TimeLimits;
  readonly route: Route;
  /** What can be advised about the server. */
  readonly role: Peer['role'];
  /** Bytes of the two bodies, told once, when the exchange is over. */
  readonly onBytes: (sent: number, received: number) => void;
}

/**
 * Sends one request and waits for the headers of its answer, also when that comes before the whole body was sent.
 * @throws NetworkError when there is no answer, CancelledError, and what the request's body fails with
 */
export async function exchange(request: Exchange, transport: Transport): Promise<NodeResponse> {
  checkCancelled(request.signal);
  const body = request.body === undefined ? undefined : await openBody(request.body, request.signal);
  return new Promise<NodeResponse>((resolve, reject) => {
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
      timeout: {
        response: request.timing === 'metadata' ? transport.limits.response : transport.limits.idle,
      },
      // Each of these is wrong or unsafe in got for what is sent here: see redirect.ts and retry.ts for what takes their place.
      followRedirect: false,
      retry: { limit: 0 },
      throwHttpErrors: false,
      // Digests and sizes are of the bytes as they are stored; this also keeps Accept-Encoding away.
      decompress: false,
    });
    if (request.body !== undefined && body !== undefined) {
      const { size, onSent, sizeError } = request.body;
      this.#upload = new Upload(body, this.#stream, {
        size,
        idleMilliseconds: transport.limits.idle,
        onStall: () => this.#stream.destroy(new TimeLimitError('MULTIARCH_UPLOAD')),
        onSent,
        sizeError,
      });
    }
  }

  start(resolve: (answer: NodeResponse) => void, reject: (error: Error) => void): void {
    const stream = this.#stream;
    const fail = (error: Error): void => {
      stopAbort();
      this.#upload?.stop();
      stream.destroy();
      this.#finish(0);
      reject(error);
    };
    const stopAbort = onAbort(this.#request.signal, () => fail(cancelled(this.#request.signal)));
    stream.once('request', (clientRequest: ClientRequest) => (this.#clientRequest = clientRequest));
    let answered = false;
    // Stays after the answer has begun: then the answer's body reports what fails, but an error needs a listener here too.
    stream.on('error', (error: unknown) => {
      if (!answered) fail(this.#describe(error));
    });
    stream.once('response', (message: IncomingMessage) => {
      answered = true;
      stopAbort();
      resolve(this.#answer(message));
    });
    if (this.#upload !== undefined) {
      this.#upload.run().catch((error: Error) => (answered ? stream.destroy() : fail(error)));
    }
    // got ends a GET and a HEAD itself.
    else if (this.#request.method !== 'GET' && this.#request.method !== 'HEAD') stream.end();
  }

  #answer(message: IncomingMessage): NodeResponse {
    const { method, url, signal } = this.#request;
    const status = message.statusCode ?? 0;
    // The server has decided. What it will not read is not sent, and not waiting for it saves its answer from the reset that follows.
    if (status >= 300) this.#upload?.stop();
    const head = { method, url, status, rawHeaders: message.rawHeaders };
    const length = message.headers['content-length'];
    if (!hasBody(method, status, length)) {
      this.#stream.once('end', () => this.#finish(0));
      this.#stream.resume();
      return new NodeResponse(head);
    }
    const expected = length === undefined ? undefined : Number(length);
    const body = new ResponseBody(this.#stream, {
      expected,
      idleMilliseconds: this.#transport.limits.idle,
      broken: (why, received) => truncatedResponse(this.#request, why, received, expected),
      onDone: (received) => {
        stopAbort();
        this.#finish(received);
      },
    });
    const stopAbort = onAbort(signal, () => body.destroy(cancelled(signal)));
    return new NodeResponse(head, body);
  }

  #finish(received: number): void {
    if (this.#finished) return;
    this.#finished = true;
    // Node keeps a connection whose request was not sent to its end open for ever.
    if (this.#upload !== undefined && !this.#upload.finished) this.#stream.destroy();
    this.#transport.onBytes(this.#upload?.sent ?? 0, received);
  }

  #describe(error: unknown): Error {
    const { agents, role, route } = this.#transport;
    const socket = this.#clientRequest?.socket ?? undefined;
    const wasWaiting = socket !== undefined && agents.wasPreconnected(socket);
    const isKept = wasWaiting || this.#clientRequest?.reusedSocket === true;
    const certificate = socket && agents.certificateOf(socket);
    const peer = { ...route.tls, role, certificate };
    return describeFailure(error, this.#request, isKept, { peer, proxy: route.proxy });
  }
}

/** Node would send a stream in chunks, which many registries refuse. */
function lengthHeader(request: Exchange): Record<string, string> {
  if (request.body !== undefined) return { 'content-length': String(request.body.size) };
  const mayHaveBody = request.method === 'POST' || request.method === 'PUT' || request.method === 'PATCH';
  return mayHaveBody ? { 'content-length': '0' } : {};
}
