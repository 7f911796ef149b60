import { Readable } from 'node:stream';

import { InvalidError } from '../oci/errors.js';
import type { HttpResponse } from './message.js';
import { NetworkError } from './network-error.js';

/** The size of a body that is read together with its headers, in bytes: the largest manifest. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;

/** A response whose body was read. */
export interface ReadResponse {
  /** Its body, as far as it arrived, can be read once more. After that part, a broken body fails again. */
  readonly response: HttpResponse;
  /** Why the body broke off. */
  readonly broken?: NetworkError | undefined;
}

/**
 * Reads the body of a response, so that a body that breaks off counts as a failed request. A longer body than
 * any metadata is left unread.
 * @throws CancelledError
 */
export async function readWholeResponse(response: HttpResponse): Promise<ReadResponse> {
  if (Number(response.headers['content-length'] ?? 0) > MAX_BUFFERED_BYTES) return { response };
  const chunks: Uint8Array[] = [];
  let size = 0;
  let broken: NetworkError | undefined;
  try {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      size += chunk.length;
      // Leaving the loop closes the connection. A body of this size is too long for every reader.
      if (size > MAX_BUFFERED_BYTES) break;
    }
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    broken = error;
  }
  return { response: withBody(response, Buffer.concat(chunks), broken), broken };
}

/** Returns the response with another body. @param broken thrown to readers after the bytes */
export function withBody(response: HttpResponse, bytes: Uint8Array, broken?: Error): HttpResponse {
  const body = Readable.from(chunksOf(bytes, broken));
  // A body may never be read.
  body.on('error', () => {});
  return {
    ...response,
    body,
    bytes: async (limit) => {
      if (bytes.length > limit) throw tooLong(response, limit);
      if (broken !== undefined) throw broken;
      return bytes;
    },
    discard: () => void body.destroy(),
  };
}

/** Returns the error for a body that is longer than its reader allows. */
export function tooLong({ request }: Pick<HttpResponse, 'request'>, limit: number): InvalidError {
  const { method, url } = request;
  return new InvalidError(`${method} ${url}: the response is longer than the allowed ${limit} bytes`);
}

function* chunksOf(bytes: Uint8Array, broken: Error | undefined): Generator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
  if (broken !== undefined) throw broken;
}
