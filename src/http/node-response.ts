import { Readable } from 'node:stream';

import { tooLong } from './buffered-body.js';
import type { ResponseBody } from './response-body.js';
import type { HttpMethod, HttpResponse } from './message.js';
import { redactUrl } from './redact.js';

/** Status, headers and origin of a response. */
export interface ResponseHead {
  readonly method: HttpMethod;
  readonly url: URL;
  readonly remoteAddress: string | undefined;
  readonly nearest: HttpResponse['nearest'];
  readonly status: number;
  /** Names and values in turn, as received. */
  readonly rawHeaders: readonly string[];
}

/** Returns the response to one request sent with node. @param body @default an empty body */
export function nodeResponse(head: ResponseHead, body?: ResponseBody): HttpResponse {
  const { method, url, remoteAddress, nearest, status } = head;
  const request = { method, url: redactUrl(url) };
  const values = headerValues(head.rawHeaders);
  const headers: HttpResponse['headers'] = Object.fromEntries(
    [...values].map(([name, each]) => [name, each.join(', ')] as const),
  );
  const stream = body ?? Readable.from([]);
  const rejectLonger = (limit: number): Error => {
    stream.destroy();
    return tooLong({ request }, limit);
  };
  return {
    status,
    headers,
    headerValues: (name) => values.get(name.toLowerCase()) ?? [],
    url,
    remoteAddress,
    nearest,
    request,
    body: stream,
    bytes: async (limit) => {
      if (body !== undefined && Number(headers['content-length'] ?? 0) > limit) throw rejectLonger(limit);
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of stream as AsyncIterable<Uint8Array>) {
        size += chunk.length;
        if (size > limit) throw rejectLonger(limit);
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    },
    discard: () => body?.discard(),
  };
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
