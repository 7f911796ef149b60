import { Readable } from 'node:stream';

import type { HttpMethod, HttpResponse } from '../../src/http/message.js';

/** A response made without a server. It can be invalid, which no Node.js server allows: a line feed in a header. */
export function fakeResponse(options: {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly method?: HttpMethod;
  readonly url?: string;
  readonly isAnonymous?: boolean;
}): HttpResponse {
  const { status, headers = {}, method = 'GET', isAnonymous } = options;
  const { url = 'https://registry.example.com/v2/app/x' } = options;
  const bytes = Buffer.from(options.body ?? '');
  return {
    status,
    headers,
    headerValues: (name) => (headers[name] === undefined ? [] : [headers[name]]),
    url: new URL(url),
    ...(isAnonymous !== undefined && { isAnonymous }),
    request: { method, url },
    body: Readable.from([bytes], { objectMode: false }),
    bytes: () => Promise.resolve(bytes),
    discard: () => {},
  };
}
