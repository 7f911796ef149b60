import { once } from 'node:events';
import {
  Agent,
  createServer,
  request as sendRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import timers from 'node:timers/promises';

import { Dice } from './dice.js';

/** The real one, which {@link withShortWaits} does not change. */
const wait = timers.setTimeout;

/** What the proxy does to a request or its response. */
const FAULTS = [
  'reset before the request',
  'reset within the request',
  'reset within the headers',
  'reset within the body',
  'truncated body',
  'lost response',
  'short stall',
  'slow bytes',
  'sent twice',
  'unauthorized once',
  '429',
  '500',
  '502',
  '503',
  '504',
] as const;

export type Fault = (typeof FAULTS)[number];

/** How likely faults are in a round. */
export interface Weather {
  /** The probability that one request has a fault. A repeated request is another one. */
  readonly fault: number;
  /** The probability that all equal requests of the round have the same fault. */
  readonly lasting: number;
}

export const CALM: Weather = { fault: 0, lasting: 0 };

interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface ProxyResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Faults that leave the client without a response. */
const SILENT: ReadonlySet<Fault> = new Set(['reset before the request', 'reset within the request']);

/**
 * A proxy to a registry that injects faults. Whether a request has a fault follows from the seed, the round and the request
 * itself, not from the order of requests: a client that sends the same requests gets the same faults.
 *
 * Equal requests are counted, so that a repeated request may succeed. Requests that start uploads of different blobs are equal.
 */
export class ChaosProxy {
  /** The number of injected faults by kind. */
  readonly faults = new Map<Fault, number>();
  /** The weather of this round. */
  weather = CALM;
  /** The number of requests so far. */
  requests = 0;
  /** The requests of this round that had a fault. */
  log: string[] = [];
  /** Called with each request of the round, by its number. */
  onRequest: ((number: number) => void) | undefined;
  readonly #server: Server;
  readonly #registry: string;
  readonly #agent = new Agent({ keepAlive: true });
  #round = '';
  #counts = new Map<string, number>();
  #inRound = 0;
  #uploadFaults = 0;
  #open = 0;

  /** @param registry host and port */
  private constructor(registry: string) {
    this.#registry = registry;
    this.#server = createServer((incoming, outgoing) => {
      this.#open += 1;
      void this.#serve(incoming, outgoing)
        // A connection that the client has closed.
        .catch(() => incoming.socket.destroy())
        .finally(() => {
          this.#open -= 1;
        });
    });
  }

  static async start(registry: string): Promise<ChaosProxy> {
    const proxy = new ChaosProxy(registry);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** Host and port. */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The faults of this round so far that may leave an upload session behind. */
  get uploadFaults(): number {
    return this.#uploadFaults;
  }

  /** Starts a round. Its faults follow from this text. */
  begin(round: string, weather: Weather): void {
    this.#round = round;
    this.weather = weather;
    this.#counts = new Map();
    this.#inRound = 0;
    this.#uploadFaults = 0;
    this.log = [];
    this.onRequest = undefined;
  }

  /** Waits until the registry has responded to all requests. */
  async settle(): Promise<void> {
    while (this.#open > 0) await wait(2);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
    this.#agent.destroy();
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = incoming;
    this.requests += 1;
    this.#inRound += 1;
    this.onRequest?.(this.#inRound);
    if (url.startsWith('/token')) {
      incoming.resume();
      outgoing.writeHead(200, { 'content-type': 'application/json' }).end('{"token":"chaos"}');
      return;
    }
    const [fault, dice] = this.#faultOf(method, url, headers);
    if (fault !== undefined) {
      this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
      if (url.includes('/blobs/uploads/')) this.#uploadFaults += 1;
      this.log.push(`${identityOf(method, url, headers)}: ${fault}`);
    }
    if (fault === 'reset before the request') {
      incoming.socket.destroy();
      return;
    }
    const body = await readBody(incoming);
    const received = { method, url, headers, body };
    if (fault === 'reset within the request') await this.#cut(received);
    if (fault !== undefined && SILENT.has(fault)) {
      incoming.socket.destroy();
      return;
    }
    const response = errorResponse(fault, headers) ?? (await this.#forwardWith(fault, received, dice));
    await respond(outgoing, method, response, fault);
  }

  /** The fault of a request, with the dice of its details. */
  #faultOf(
    method: string,
    url: string,
    headers: IncomingHttpHeaders,
  ): [fault: Fault | undefined, dice: Dice] {
    const identity = identityOf(method, url, headers);
    const count = (this.#counts.get(identity) ?? 0) + 1;
    this.#counts.set(identity, count);
    const always = new Dice(this.#round, identity);
    const isLasting = always.chance(this.weather.lasting);
    const dice = isLasting ? always : new Dice(this.#round, identity, count);
    const hasFault = isLasting || dice.chance(this.weather.fault);
    const fault = dice.pick(FAULTS);
    // The registry would have an upload session that no client knows of.
    const isRepeatable = method !== 'POST' && !url.includes('/blobs/uploads/');
    return [hasFault && (fault !== 'sent twice' || isRepeatable) ? fault : undefined, dice];
  }

  async #forwardWith(fault: Fault | undefined, received: Received, dice: Dice): Promise<ProxyResponse> {
    if (fault === 'short stall') await wait(20 + dice.below(200));
    if (fault === 'sent twice') await this.#forward(received);
    return this.#forward(received);
  }

  async #forward({ method, url, headers: given, body }: Received): Promise<ProxyResponse> {
    const { authorization: _, 'transfer-encoding': __, ...headers } = given;
    const [host, port] = this.#registry.split(':');
    // The registry makes its URLs from the Host header, so they lead to the proxy.
    const upstream = sendRequest({ host, port, method, path: url, headers, agent: this.#agent });
    upstream.end(body);
    const [response] = (await once(upstream, 'response')) as [IncomingMessage];
    return { status: response.statusCode ?? 502, headers: response.headers, body: await readBody(response) };
  }

  /** Sends a part of the request, and closes the connection. */
  async #cut({ method, url, headers: given, body }: Received): Promise<void> {
    const { authorization: _, ...headers } = given;
    const [host, port] = this.#registry.split(':');
    if (body.length < 2) return;
    const upstream = sendRequest({ host, port, method, path: url, headers, agent: false });
    upstream.on('error', () => {});
    const sent = once(upstream, 'finish').catch(() => {});
    upstream.write(body.subarray(0, body.length >> 1), () => setImmediate(() => upstream.destroy()));
    await Promise.race([sent, once(upstream, 'close')]);
  }
}

/** A request without what differs between two runs: the ID of an upload session and its state. */
function identityOf(method: string, url: string, headers: IncomingHttpHeaders): string {
  const [path = '', query = ''] = url.split('?');
  const parameters = new URLSearchParams(query);
  parameters.delete('_state');
  const { range, 'content-range': contentRange, 'content-length': length } = headers;
  const parts = [method, path.replace(/(\/uploads\/)[0-9a-f-]{36}$/, '$1ID'), parameters.toString()];
  return [...parts, range, contentRange, length].join(' ');
}

/** The response of a server in front of the registry, which does not get the request. */
function errorResponse(
  fault: Fault | undefined,
  { host, authorization }: IncomingHttpHeaders,
): ProxyResponse | undefined {
  if (fault === 'unauthorized once') {
    if (authorization !== undefined) return undefined;
    const challenge = `Bearer realm="http://${host}/token",service="chaos"`;
    return {
      status: 401,
      headers: { 'www-authenticate': challenge, 'content-type': 'application/json' },
      body: Buffer.from('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}'),
    };
  }
  if (fault === '429') {
    const body = Buffer.from('{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}');
    return { status: 429, headers: { 'retry-after': '0', 'content-type': 'application/json' }, body };
  }
  if (fault === undefined || !/^5\d\d$/.test(fault)) return undefined;
  const body = Buffer.from(`<html><head><title>${fault}</title></head><body>${fault}</body></html>`);
  return { status: Number(fault), headers: { 'content-type': 'text/html' }, body };
}

async function respond(
  outgoing: ServerResponse,
  method: string,
  { status, headers: given, body }: ProxyResponse,
  fault: Fault | undefined,
): Promise<void> {
  const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...headers } = given;
  const { socket } = outgoing;
  if (fault === 'lost response') {
    socket?.destroy();
    return;
  }
  if (fault === 'reset within the headers') {
    socket?.write(`HTTP/1.1 ${status} OK\r\ncontent-le`, () => socket.destroy());
    return;
  }
  outgoing.writeHead(status, { ...headers, ...(method !== 'HEAD' && { 'content-length': body.length }) });
  if (method === 'HEAD' || body.length === 0) outgoing.end();
  else if (fault === 'reset within the body' || fault === 'truncated body') {
    const half = body.subarray(0, body.length >> 1);
    if (fault === 'truncated body') outgoing.write(half, () => socket?.end());
    else outgoing.write(half, () => socket?.resetAndDestroy());
  } else if (fault === 'slow bytes') {
    const step = Math.ceil(body.length / 8);
    for (let at = 0; at < body.length; at += step) {
      outgoing.write(body.subarray(at, at + step));
      await wait(10);
    }
    outgoing.end();
  } else outgoing.end(body);
}

async function readBody(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
