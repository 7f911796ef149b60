import type { Operation } from '../operation.js';
import type { ErrorResponse } from './error-codes.js';

/** The settings of proxies that limit the size of requests, by what their responses contain. */
const PROXY_SETTINGS: readonly (readonly [RegExp, string])[] = [
  [/cloudflare/i, 'Cloudflare limits requests to 100 MB on most plans'],
  [/nginx|openresty|tengine/i, 'client_max_body_size in nginx'],
  [/apache/i, 'LimitRequestBody in Apache'],
  [/microsoft-iis/i, 'maxAllowedContentLength in IIS'],
  [/envoy/i, 'max_request_bytes in Envoy'],
];

const UNKNOWN_PROXY =
  'client_max_body_size in nginx, LimitRequestBody in Apache, maxRequestBodyBytes in Traefik';

/** Returns what to do about a request that was rejected because of its size (413). */
export function bodyLimitHint({ response, body }: ErrorResponse, operation: Operation): string {
  const { sentBytes, what } = operation;
  const sender = `${response.headers['server'] ?? ''} ${body.text}`;
  const setting = PROXY_SETTINGS.find(([pattern]) => pattern.test(sender))?.[1] ?? UNKNOWN_PROXY;
  const receiver = `${response.url.host}, or a proxy in front of it,`;
  // The request that closes an upload in chunks.
  if (sentBytes === 0) return `${receiver} does not accept a blob of this size: raise the limit.`;
  const size = sentBytes === undefined ? 'this size' : `${sentBytes} bytes`;
  const limit = `${receiver} does not accept a request of ${size}`;
  return what === 'manifest'
    ? `${limit}. Registries should accept manifests of 4 MiB: raise the limit (${setting}).`
    : `${limit}: raise the limit (${setting}), or send smaller requests with --chunk-size.`;
}
