import { Readable } from 'node:stream';

import type { HttpClient, HttpMethod } from '../../http/message.js';
import { MultiarchError, UnavailableError } from '../../oci/errors.js';
import type { SecretRedactor } from '../requests/secret-redactor.js';

/** A request as the SDK of AWS makes it, signed and ready to be sent. */
interface AwsRequest {
  readonly method: string;
  /** With its colon. */
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface AwsResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: Readable;
}

/** What the SDK takes in place of its own way to send requests. */
export interface AwsRequestHandler {
  readonly metadata: { readonly handlerProtocol: string };
  handle(
    request: AwsRequest,
    options?: { readonly abortSignal?: unknown },
  ): Promise<{ readonly response: AwsResponse }>;
  updateHttpClientConfig(): void;
  httpHandlerConfigs(): object;
}

/** A request that got no answer. The SDK sends it again, as the mark on it says. */
export class AwsRequestError extends Error {
  readonly $retryable = { throttling: false };
  readonly failure: MultiarchError;

  constructor(failure: MultiarchError) {
    super(failure.message);
    this.failure = failure;
  }
}

/**
 * Makes the SDK of AWS send its requests by our client, so that proxies and certificates are the same for Amazon's API as for
 * registries. Those of the services that give credentials (STS, SSO) go the same way.
 *
 * @param secrets is told what of each request must not be shown, since some services repeat it
 */
export function awsRequestHandler(http: HttpClient, secrets: SecretRedactor): AwsRequestHandler {
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    handle: async (request, { abortSignal } = {}) => {
      const bytes = bytesOf(request.body);
      for (const secret of secretsOf(request.headers, bytes)) secrets.addToken(secret);
      try {
        const { status, headers, body } = await http.send({
          method: methodOf(request.method),
          url: urlOf(request),
          headers: headersOf(request),
          ...(bytes.length > 0 && { body: { size: bytes.length, open: () => Readable.from([bytes]) } }),
          signal: abortSignal instanceof AbortSignal ? abortSignal : undefined,
          // The SDK does that itself, as AWS_MAX_ATTEMPTS says.
          retry: false,
          vetRedirect: refuseRedirect,
        });
        const known = Object.entries(headers).flatMap(([name, value]) =>
          value === undefined ? [] : [[name, value] as const],
        );
        return { response: { statusCode: status, headers: Object.fromEntries(known), body } };
      } catch (error) {
        throw error instanceof MultiarchError && error.kind === 'unavailable'
          ? new AwsRequestError(error)
          : error;
      }
    },
    updateHttpClientConfig: () => {},
    httpHandlerConfigs: () => ({}),
  };
}

const SECRET_NAME = /token|secret|password|assertion/i;

/** The tokens in its headers, its signature, and what its form or document calls a secret. */
function secretsOf(headers: AwsRequest['headers'], body: Uint8Array): readonly string[] {
  const ofHeaders = Object.entries(headers).flatMap(([name, value]) => {
    if (SECRET_NAME.test(name)) return [value];
    if (name.toLowerCase() !== 'authorization') return [];
    const [, signature] = /\bSignature=(\w+)/.exec(value) ?? [];
    return [signature ?? value.replace(/^\w+ /, '')];
  });
  // Not by a Buffer: the SDK's arrays complain on stderr when they are made into one.
  const ofBody = fieldsOf(new TextDecoder().decode(body)).flatMap(([name, value]) =>
    SECRET_NAME.test(name) && typeof value === 'string' ? [value] : [],
  );
  return [...ofHeaders, ...ofBody];
}

/** Those of STS are forms, the others JSON. */
function fieldsOf(body: string): readonly (readonly [name: string, value: unknown])[] {
  if (!body.startsWith('{')) return [...new URLSearchParams(body)];
  return Object.entries(JSON.parse(body) as Readonly<Record<string, unknown>>);
}

const METHODS: readonly HttpMethod[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

function methodOf(method: string): HttpMethod {
  const known = METHODS.find((candidate) => candidate === method);
  if (known === undefined) throw new TypeError(`the SDK of AWS wants to send ${method}`);
  return known;
}

function urlOf({ protocol, hostname, port, path, query = {} }: AwsRequest): URL {
  // As it was signed: with %20 for a blank.
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value].flat().map((one) => (one === null ? encoded(name) : `${encoded(name)}=${encoded(one)}`)),
  );
  const authority = port === undefined ? hostname : `${hostname}:${port}`;
  return new URL(`${protocol}//${authority}${path}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`);
}

function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Without those that the client writes itself. */
function headersOf({ headers }: AwsRequest): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !['host', 'content-length'].includes(name.toLowerCase())),
  );
}

/** What logs in sends small documents and no streams. */
function bytesOf(body: unknown): Uint8Array {
  if (body === undefined || body === null) return new Uint8Array();
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return body;
  throw new TypeError('the SDK of AWS wants to send a stream');
}

/** Amazon's API redirects nobody, and what was signed is for one host alone. */
function refuseRedirect(to: URL): void {
  throw new UnavailableError(`the API of AWS redirects to ${to.host}, which is refused`);
}
