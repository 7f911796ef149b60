import { Readable } from 'node:stream';

import { charge } from '../content/budget.js';
import { InvalidError, UnavailableError } from '../oci/errors.js';
import { startDeadline } from './deadline.js';
import { MAX_ERROR_BYTES } from './error-text.js';
import type { HttpResponse } from './message.js';
import { NetworkError } from './network-error.js';

/** The size of a successful body that is read together with its headers, in bytes: the largest manifest. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;

/** A response whose body was read. */
export interface ReadResponse {
  /** Its body, as far as it arrived, can be read once more. After that part, a broken body fails again. */
  readonly response: HttpResponse;
  /** Why the body broke off. */
  readonly broken?: NetworkError | undefined;
}

/**
 * Reads the body of a response, so that a body that breaks off counts as a failed request. A body that is longer than
 * metadata or an error can be is left unread. An error that does not end in time is read up to there, and does not count
 * as failed: its status is known.
 * @param errorMilliseconds the time limit for the body of an error
 * @throws CancelledError; LimitError
 */
export async function readWholeResponse(
  response: HttpResponse,
  errorMilliseconds: number,
): Promise<ReadResponse> {
  const limit = response.status >= 400 ? MAX_ERROR_BYTES : MAX_BUFFERED_BYTES;
  if (Number(response.headers['content-length'] ?? 0) > limit) return { response };
  const chunks: Uint8Array[] = [];
  let size = 0;
  let broken: NetworkError | undefined;
  let late: UnavailableError | undefined;
  const stop = startDeadline(errorMilliseconds, () => {
    if (response.status < 400) return;
    const { method, url } = response.request;
    late = new UnavailableError(`${method} ${url}: the error response did not end in time`);
    response.body.destroy(late);
  });
  try {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      charge('metadata', chunk.length, () => `${response.request.method} ${response.request.url}`);
      chunks.push(chunk);
      size += chunk.length;
      // Leaving the loop closes the connection. A body of this size is too long for every reader.
      if (size > limit) break;
    }
  } catch (error) {
    if (error instanceof NetworkError) broken = error;
    else if (error !== late) throw error;
  } finally {
    stop();
  }
  const end = size > limit ? tooLong(response, limit) : (broken ?? late);
  return { response: withBody(response, Buffer.concat(chunks), end), broken };
}

/** Returns the response with another body. @param failure thrown to readers after the bytes */
export function withBody(response: HttpResponse, bytes: Uint8Array, failure?: Error): HttpResponse {
  const body = Readable.from(chunksOf(bytes, failure));
  // A body may never be read.
  body.on('error', () => {});
  return {
    ...response,
    body,
    bytes: async (limit) => {
      if (bytes.length > limit) throw tooLong(response, limit);
      if (failure !== undefined) throw failure;
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

function* chunksOf(bytes: Uint8Array, failure: Error | undefined): Generator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
  if (failure !== undefined) throw failure;
}
