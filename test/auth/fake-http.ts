import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

import type { ConnectedServer, HttpClient, HttpRequest, HttpResponse } from '../../src/http/message.js';
import { InvalidError } from '../../src/oci/errors.js';

export interface SentRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface FakeAnswer {
  readonly status: number;
  /** A list is a header that is sent several times. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | object;
}

/**
 * An HttpClient whose other side is a function instead of a server. It needs no sockets, so tests above HTTP can use any
 * host name (`ecr.eu-west-1.amazonaws.com`) and check every request without a network, which a `FakeServer` on a
 * loopback port cannot. It follows redirects, and uses plain HTTP for the given hosts.
 */
export class FakeHttp implements HttpClient {
  readonly sent: SentRequest[] = [];
  /** Each with the number of requests that had been sent before. */
  readonly preconnected: { readonly origin: string; readonly connections: number; readonly after: number }[] =
    [];
  /** The address of every server. @default unknown, as behind a proxy */
  remoteAddress: string | undefined;
  /** Responses that were neither read nor discarded. */
  open = 0;
  readonly #answer: (request: SentRequest) => FakeAnswer | Promise<FakeAnswer>;
  readonly #plainHosts: readonly string[];

  constructor(
    answer: (request: SentRequest) => FakeAnswer | Promise<FakeAnswer>,
    plainHosts: readonly string[] = [],
  ) {
    this.#answer = answer;
    this.#plainHosts = plainHosts;
  }

  async send(request: HttpRequest): Promise<HttpResponse> {
    const url = new URL(request.url);
    if (request.negotiateScheme === true && this.#plainHosts.includes(url.host)) url.protocol = 'http:';
    return this.#hop(request, url, request.headers ?? {}, url.origin);
  }

  async #hop(
    request: HttpRequest,
    url: URL,
    headers: Readonly<Record<string, string>>,
    origin: string,
    leftBefore = false,
  ): Promise<HttpResponse> {
    request.signal?.throwIfAborted();
    const body = request.body && (await text(await request.body.open()));
    const sent: SentRequest = { method: request.method, url, headers, body, signal: request.signal };
    this.sent.push(sent);
    const answer = await this.#answer(sent);
    const leftOrigin = leftBefore || url.origin !== origin;
    const location = answer.headers?.['location'];
    if (answer.status >= 300 && answer.status < 400 && typeof location === 'string') {
      const to = new URL(location, url);
      request.vetRedirect?.(to, leftOrigin);
      const { authorization: _dropped, ...rest } = headers;
      return this.#hop(request, to, to.origin === url.origin ? headers : rest, origin, leftOrigin);
    }
    return { ...this.#response(request, url, answer), leftOrigin };
  }

  #response(request: HttpRequest, url: URL, answer: FakeAnswer): HttpResponse {
    const { status, headers = {}, body = '' } = answer;
    const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    this.open += 1;
    let done = false;
    const end = (): void => {
      if (!done) this.open -= 1;
      done = true;
    };
    const values = (name: string): readonly string[] => [headers[name] ?? []].flat();
    return {
      status,
      headers: Object.fromEntries(Object.keys(headers).map((name) => [name, values(name).join(', ')])),
      headerValues: values,
      url,
      request: { method: request.method, url: `${url.origin}${url.pathname}` },
      body: Readable.from([bytes]),
      bytes: async (limit) => {
        end();
        if (bytes.length > limit) throw new InvalidError(`longer than ${limit} bytes`);
        return bytes;
      },
      discard: end,
    };
  }

  async preconnect(url: URL, connections: number): Promise<ConnectedServer | undefined> {
    this.preconnected.push({ origin: url.origin, connections, after: this.sent.length });
    const { remoteAddress } = this;
    return remoteAddress === undefined ? undefined : { url, remoteAddress };
  }

  close(): void {}

  /** `METHOD host/path` of all requests so far. */
  get log(): readonly string[] {
    return this.sent.map(({ method, url }) => `${method} ${url.host}${url.pathname}`);
  }
}
