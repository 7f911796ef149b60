import { Readable } from 'node:stream';

import { InvalidError } from '../oci/errors.js';
import { ResponseBody } from './response-body.js';
import type { HttpMethod, HttpResponse } from './message.js';
import { redactUrl } from './redact.js';

/** Status, headers and origin of a response. */
export interface ResponseHead {
  readonly method: HttpMethod;
  readonly url: URL;
  readonly remoteAddress: string | undefined;
  readonly status: number;
  /** Names and values in turn, as received. */
  readonly rawHeaders: readonly string[];
}

/** The response to one request sent with node. */
export class NodeResponse implements HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly url: URL;
  readonly remoteAddress: string | undefined;
  readonly request: { readonly method: HttpMethod; readonly url: string };
  readonly body: Readable;
  readonly #values: ReadonlyMap<string, readonly string[]>;

  /** @param body @default an empty body */
  constructor(head: ResponseHead, body?: ResponseBody) {
    this.status = head.status;
    this.url = head.url;
    this.remoteAddress = head.remoteAddress;
    this.request = { method: head.method, url: redactUrl(head.url) };
    this.body = body ?? Readable.from([]);
    this.#values = headerValues(head.rawHeaders);
    this.headers = Object.fromEntries(
      [...this.#values].map(([name, values]) => [name, values.join(', ')] as const),
    );
  }

  headerValues(name: string): readonly string[] {
    return this.#values.get(name.toLowerCase()) ?? [];
  }

  async bytes(limit: number): Promise<Uint8Array> {
    const announced = Number(this.headers['content-length'] ?? 0);
    if (this.body instanceof ResponseBody && announced > limit) throw this.#tooLong(limit);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.body as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > limit) throw this.#tooLong(limit);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  discard(): void {
    if (this.body instanceof ResponseBody) this.body.discard();
  }

  #tooLong(limit: number): InvalidError {
    this.body.destroy();
    const { method, url } = this.request;
    return new InvalidError(`${method} ${url}: the response is longer than the allowed ${limit} bytes`);
  }
}

/** Reports whether a response has a body (RFC 9112, section 6.3). */
export function hasBody(method: HttpMethod, status: number, contentLength: string | undefined): boolean {
  return method !== 'HEAD' && status !== 204 && status !== 304 && contentLength !== '0';
}

function headerValues(rawHeaders: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    const known = values.get(name);
    const value = rawHeaders[index + 1] ?? '';
    if (known === undefined) values.set(name, [value]);
    else known.push(value);
  }
  return values;
}
