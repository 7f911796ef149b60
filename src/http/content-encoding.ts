import { pipeline, type Transform } from 'node:stream';
import { promisify } from 'node:util';
import {
  brotliDecompress,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  gunzip,
  inflate,
  type InputType,
  type ZlibOptions,
} from 'node:zlib';

import { InvalidError, MultiarchError } from '../oci/errors.js';
import type { HttpResponse } from './message.js';

interface Coding {
  readonly decode: (bytes: InputType, options: ZlibOptions) => Promise<Buffer>;
  readonly createStream: () => Transform;
}

const GZIP: Coding = {
  decode: promisify<InputType, ZlibOptions, Buffer>(gunzip),
  createStream: createGunzip,
};

/** The content codings of RFC 9110, section 8.4.1, and RFC 7932. */
const CODINGS: ReadonlyMap<string, Coding> = new Map<string, Coding>([
  ['gzip', GZIP],
  ['x-gzip', GZIP],
  ['deflate', { decode: promisify<InputType, ZlibOptions, Buffer>(inflate), createStream: createInflate }],
  [
    'br',
    {
      decode: promisify<InputType, ZlibOptions, Buffer>(brotliDecompress),
      createStream: createBrotliDecompress,
    },
  ],
]);

/**
 * Returns the coding of a body that a server or proxy has compressed although no request asks for it. `undefined` for no
 * coding, and for one that is unknown or wrong, such as `utf-8`: the bytes are used as they are.
 */
function codingOf({ headers }: Pick<HttpResponse, 'headers'>): Coding | undefined {
  return CODINGS.get(headers['content-encoding']?.trim().toLowerCase() ?? '');
}

/** Reports whether {@link decodeBytes} and {@link decodedBody} decode the body of a response. */
export function isEncoded(response: Pick<HttpResponse, 'headers'>): boolean {
  return codingOf(response) !== undefined;
}

/**
 * Decodes the whole body of a response.
 * @param limit in bytes, for the result
 * @returns `undefined` for a longer result
 * @throws InvalidError if the body does not have the coding that the response states
 */
export async function decodeBytes(
  response: Pick<HttpResponse, 'headers' | 'request'>,
  bytes: Uint8Array,
  limit: number,
): Promise<Uint8Array | undefined> {
  const coding = codingOf(response);
  if (coding === undefined || bytes.length === 0) return bytes;
  try {
    return await coding.decode(bytes, { maxOutputLength: limit });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw undecodable(response);
  }
}

/** Returns a response whose body is decoded while it is read. The body fails with InvalidError if it is not encoded. */
export function decodedBody(response: HttpResponse): HttpResponse {
  const coding = codingOf(response);
  if (coding === undefined) return response;
  const decoder = coding.createStream();
  decoder.once('error', () => {});
  const body = pipeline(response.body, decoder, () => {});
  const destroy = decoder._destroy.bind(decoder);
  decoder._destroy = (error, done) =>
    destroy(error, (failure) =>
      done(
        failure === null || failure === undefined || failure instanceof MultiarchError
          ? failure
          : undecodable(response),
      ),
    );
  return { ...response, ...decodedHeaders(response), body, discard: () => void body.destroy() };
}

/** Returns the headers of a response whose body is decoded. @param size in bytes, if it is known */
export function decodedHeaders(
  { headers }: Pick<HttpResponse, 'headers'>,
  size?: number,
): Pick<HttpResponse, 'headers'> {
  return {
    headers: {
      ...headers,
      'content-encoding': undefined,
      'content-length': size === undefined ? undefined : String(size),
    },
  };
}

function undecodable({ headers, request }: Pick<HttpResponse, 'headers' | 'request'>): InvalidError {
  return new InvalidError(
    `${request.method} ${request.url}: the response cannot be decoded as ${headers['content-encoding']?.trim()}, which its Content-Encoding states`,
  );
}
