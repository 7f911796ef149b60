import type { Readable } from 'node:stream';

import { bodyOf, type HttpClient, type HttpMethod } from '../../http/message.js';
import { MultiarchError, UnavailableError } from '../../oci/errors.js';
import type { SecretRedactor } from '../requests/secret-redactor.js';

/** A signed request of the AWS SDK. */
interface AwsRequest {
  readonly method: string;
  /** With the colon. */
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

/** The SDK's port for an HTTP client. */
export interface AwsRequestHandler {
  readonly metadata: { readonly handlerProtocol: string };
  handle(
    request: AwsRequest,
    options?: { readonly abortSignal?: unknown },
  ): Promise<{ readonly response: AwsResponse }>;
  updateHttpClientConfig(): void;
  httpHandlerConfigs(): object;
}

/** A request without a response, which the SDK retries because of `$retryable`. */
export class AwsRequestError extends Error {
  readonly $retryable = { throttling: false };
  readonly failure: MultiarchError;

  constructor(failure: MultiarchError) {
    super(failure.message);
    this.failure = failure;
  }
}

/**
 * Sends the AWS SDK's requests, also those to STS and SSO for credentials, with the client for registries, so that the same
 * proxies and certificates apply.
 *
 * @param secrets the secrets of each request are added, since some services repeat them in errors
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
          ...(bytes.length > 0 && { body: bodyOf(bytes) }),
          signal: abortSignal instanceof AbortSignal ? abortSignal : undefined,
          // The SDK retries itself, by AWS_MAX_ATTEMPTS.
          retry: false,
          readsResponse: true,
          vetRedirect: rejectRedirect,
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

/** Returns a request's secrets: tokens in headers, the signature, and fields of the body by name. */
function secretsOf(headers: AwsRequest['headers'], body: Uint8Array): readonly string[] {
  const ofHeaders = Object.entries(headers).flatMap(([name, value]) => {
    if (SECRET_NAME.test(name)) return [value];
    if (name.toLowerCase() !== 'authorization') return [];
    const [, signature] = /\bSignature=(\w+)/.exec(value) ?? [];
    return [signature ?? value.replace(/^\w+ /, '')];
  });
  // Not with Buffer.from: for the SDK's arrays it prints a warning on stderr.
  const ofBody = fieldsOf(new TextDecoder().decode(body)).flatMap(([name, value]) =>
    SECRET_NAME.test(name) && typeof value === 'string' ? [value] : [],
  );
  return [...ofHeaders, ...ofBody];
}

/** Returns the fields of a body: a form for STS, else JSON. */
function fieldsOf(body: string): readonly (readonly [name: string, value: unknown])[] {
  if (!body.startsWith('{')) return [...new URLSearchParams(body)];
  return Object.entries(JSON.parse(body) as Readonly<Record<string, unknown>>);
}

const METHODS: readonly HttpMethod[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

function methodOf(method: string): HttpMethod {
  const known = METHODS.find((candidate) => candidate === method);
  if (known === undefined) throw new TypeError(`unexpected method from the AWS SDK: ${method}`);
  return known;
}

function urlOf({ protocol, hostname, port, path, query = {} }: AwsRequest): URL {
  // Encoded as it was signed: with %20 for a space.
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

/** Returns the headers without those that the client sets itself. */
function headersOf({ headers }: AwsRequest): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !['host', 'content-length'].includes(name.toLowerCase())),
  );
}

/** Returns the body as bytes. Requests for credentials have no streams. */
function bytesOf(body: unknown): Uint8Array {
  if (body === undefined || body === null) return new Uint8Array();
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return body;
  throw new TypeError('unexpected stream from the AWS SDK');
}

/** The API never redirects, and a signature is for one host only. */
function rejectRedirect(to: URL): void {
  throw new UnavailableError(`the AWS API redirects to ${to.host}, which is not allowed`);
}
