import { Readable } from 'node:stream';

import { charge } from '../content/budget.js';
import { InvalidError, UnavailableError } from '../oci/errors.js';
import { slowHint } from './describe-failure.js';
import { decodeBytes, decodedHeaders, isEncoded } from './content-encoding.js';
import { reportWait, startDeadline } from './deadline.js';
import { MAX_ERROR_BYTES } from './error-text.js';
import type { HttpResponse } from './message.js';
import { NetworkError } from './network-error.js';

/** The size of a successful body that is read together with its headers, in bytes: the largest manifest. */
const MAX_BUFFERED_BYTES = 8 * 1024 * 1024;

/** The time limits for a body that is read together with its headers, in milliseconds, and reports of the wait for it. */
export interface BodyTiming {
  /** Of a successful response. */
  readonly metadataBody: number;
  readonly errorBody: number;
  readonly onWait: (milliseconds: number) => void;
}

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
 * as failed: its status is known. A body that is compressed unasked is decoded, within the same limits.
 * @throws CancelledError; LimitError
 */
export async function readWholeResponse(response: HttpResponse, timing: BodyTiming): Promise<ReadResponse> {
  const isError = response.status >= 400;
  const limit = isError ? MAX_ERROR_BYTES : MAX_BUFFERED_BYTES;
  if (Number(response.headers['content-length'] ?? 0) > limit) return { response };
  const chunks: Uint8Array[] = [];
  let size = 0;
  let broken: NetworkError | undefined;
  let late: UnavailableError | undefined;
  const { method, url } = response.request;
  const milliseconds = isError ? timing.errorBody : timing.metadataBody;
  const stopDeadline = startDeadline(milliseconds, () => {
    const what = isError ? 'the error response' : 'the response';
    const why = `${method} ${url}: ${what} did not end within ${milliseconds / 1000} s`;
    if (isError) late = new UnavailableError(why, { request: { method, url } });
    response.body.destroy(
      late ??
        new NetworkError({
          why,
          request: { method, url },
          hint: slowHint({ url: new URL(url) }),
          timeLimit: true,
        }),
    );
  });
  const stopReports = reportWait(timing.onWait);
  try {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      charge('metadata', chunk.length, () => `${method} ${url}`);
      chunks.push(chunk);
      size += chunk.length;
      // Leaving the loop closes the connection. A body of this size is too long for every reader.
      if (size > limit) break;
    }
  } catch (error) {
    if (error instanceof NetworkError) broken = error;
    else if (error !== late) throw error;
  } finally {
    stopDeadline();
    stopReports();
  }
  const bytes = Buffer.concat(chunks);
  const end = size > limit ? tooLong(response, limit) : (broken ?? late);
  if (end !== undefined || !isEncoded(response)) return { response: withBody(response, bytes, end), broken };
  return { response: await decoded(response, bytes, limit) };
}

/** Returns the response with its decoded body. An error that cannot be decoded has its body as it arrived. */
async function decoded(response: HttpResponse, bytes: Uint8Array, limit: number): Promise<HttpResponse> {
  try {
    const result = await decodeBytes(response, bytes, limit);
    if (result === undefined) return withBody(response, new Uint8Array(), tooLong(response, limit));
    const { method, url } = response.request;
    charge('metadata', Math.max(0, result.length - bytes.length), () => `${method} ${url}`);
    return withBody({ ...response, ...decodedHeaders(response, result.length) }, result);
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    return response.status >= 400 ? withBody(response, bytes) : withBody(response, new Uint8Array(), error);
  }
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
