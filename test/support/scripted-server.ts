import type { IncomingMessage } from 'node:http';

import { onTestFinished } from 'vitest';

import { FakeServer, read, type Answer, type LoggedRequest, type TlsFiles } from './fake-server.js';

/** An expected request and its response. Expectations are tried in order. */
export interface Expectation {
  readonly method: string;
  /** Path without the query. */
  readonly path: string | RegExp;
  /** The whole query, decoded. @default any */
  readonly query?: Readonly<Record<string, string>>;
  /** Names in lower case. Null: the header must be missing. Other headers are allowed. */
  readonly headers?: Readonly<Record<string, string | RegExp | null>>;
  /** @default any */
  readonly body?: string | Uint8Array;
  /** The exact number of requests, or Infinity for at least one. @default 1 */
  readonly times?: number;
  /** Matches only in this state. The server starts without a state. */
  readonly requires?: string;
  /** The state after the request. */
  readonly sets?: string;
  readonly answer: Answer;
}

export interface ScriptedRequest extends LoggedRequest {
  body: Buffer;
}

/** Starts a server for one test. After the test it closes, and fails the test if the script was not followed. */
export async function startScriptedServer(tls?: TlsFiles): Promise<ScriptedServer> {
  const server = await ScriptedServer.start(tls);
  onTestFinished(async () => {
    await server.close();
    server.verify();
  });
  return server;
}

/** A server that plays a script of expected requests. Any other request is an error. */
export class ScriptedServer extends FakeServer {
  /** All requests, including unexpected ones. */
  declare readonly requests: ScriptedRequest[];
  readonly #scheme: 'http' | 'https';
  readonly #expected: { readonly expectation: Expectation; used: number }[] = [];
  readonly #unexpected: string[] = [];
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  #received = 0;
  #state: string | undefined;
  #port = 0;

  private constructor(tls?: TlsFiles) {
    super({ tls });
    this.#scheme = tls === undefined ? 'http' : 'https';
  }

  static async start(tls?: TlsFiles): Promise<ScriptedServer> {
    const server = new ScriptedServer(tls);
    server.#port = await server.listen(async (request, entry) => {
      try {
        return await server.#answer(request, entry as ScriptedRequest);
      } catch (error) {
        server.#unexpected.push(String(error));
        throw error;
      }
    });
    return server;
  }

  get port(): number {
    return this.#port;
  }

  /** Host and port. */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  url(path: string): URL {
    return new URL(`${this.#scheme}://${this.host}${path}`);
  }

  /** The requests as `METHOD /path?query`. */
  override lines(): string[] {
    return this.requests.map(({ method, path }) => `${method} ${path}`);
  }

  expect(...expectations: readonly Expectation[]): this {
    this.#expected.push(...expectations.map((expectation) => ({ expectation, used: 0 })));
    return this;
  }

  /** Resolves after this many requests in total. */
  async came(count: number): Promise<void> {
    if (this.#received >= count) return;
    await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
  }

  /** @throws if a request was unexpected, or an expected one is missing */
  verify(): void {
    const unmet = this.#expected
      .filter(({ expectation: { times = 1 }, used }) => (times === Infinity ? used === 0 : used < times))
      .map(
        ({ expectation, used }) => `${describe(expectation)} came ${used} of ${expectation.times ?? 1} times`,
      );
    const problems = [...this.#unexpected.map((line) => `unexpected: ${line}`), ...unmet];
    if (problems.length > 0) throw new Error(`Scripted server:\n${problems.join('\n')}`);
  }

  async #answer(request: IncomingMessage, entry: ScriptedRequest): Promise<Answer> {
    entry.body = Buffer.alloc(0);
    const early = this.#find(entry, undefined);
    if (early === undefined) entry.body = await read(request);
    this.#received += 1;
    for (const { count, resolve } of this.#waiting) if (this.#received >= count) resolve();
    const match = early ?? this.#find(entry, entry.body);
    if (match === undefined) {
      this.#unexpected.push(`${entry.method} ${entry.path} ${JSON.stringify(entry.headers)}`);
      return { status: 418, headers: { connection: 'close' }, body: 'This request was not expected' };
    }
    match.used += 1;
    this.#state = match.expectation.sets ?? this.#state;
    return match.expectation.answer;
  }

  /** @param body Undefined before it is read: then only an expectation with an early response matches. */
  #find(
    entry: LoggedRequest,
    body: Buffer | undefined,
  ): { readonly expectation: Expectation; used: number } | undefined {
    const found = this.#expected.find(
      ({ expectation, used }) =>
        used < (expectation.times ?? 1) &&
        (expectation.requires === undefined || expectation.requires === this.#state) &&
        matchesHead(expectation, entry) &&
        (body === undefined || expectation.body === undefined || body.equals(Buffer.from(expectation.body))),
    );
    return body === undefined && found?.expectation.answer.early !== true ? undefined : found;
  }
}

function matchesHead(expectation: Expectation, entry: LoggedRequest): boolean {
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

function describe({ method, path, requires }: Expectation): string {
  return `${method} ${String(path)}${requires === undefined ? '' : ` in state ${requires}`}`;
}
