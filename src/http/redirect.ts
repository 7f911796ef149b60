import { InvalidError } from '../oci/errors.js';
import { DestinationError, destinationProblem, nearestFor } from './destination-policy.js';
import type { Reach } from './host-reach.js';
import type { HttpMethod, HttpRequest, HttpResponse, RequestBody } from './message.js';
import { redactUrl } from './redact.js';

const MAX_REDIRECTS = 10;

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The only headers that another origin receives (CVE-2020-15157): none of them identifies the sender. */
const CROSS_ORIGIN_HEADERS: ReadonlySet<string> = new Set(['accept', 'range', 'user-agent', 'content-type']);

/** One request of a chain of redirects. Header names are in lower case. */
export interface Hop {
  readonly method: HttpMethod;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: RequestBody | undefined;
  /** See {@link HttpRequest.nearest}. */
  readonly nearest?: Reach | undefined;
}

/**
 * Sends a request and follows its redirects, at most ten.
 * @param send sends one request, without redirects
 * @param vet throws to reject a target, in addition to the rules of {@link nextHop}
 * @throws InvalidError for a rejected redirect; what `send` and `vet` throw
 */
export async function followRedirects(
  first: Hop,
  send: (hop: Hop) => Promise<HttpResponse>,
  vet: HttpRequest['vetRedirect'],
): Promise<HttpResponse> {
  let hop = first;
  let from: HttpResponse | undefined;
  let origin: string | undefined;
  let leftOrigin = false;
  for (let redirects = 0; ; redirects += 1) {
    const response = await sendHop(hop, send, from);
    // The scheme of the first hop may have been negotiated.
    origin ??= response.url.origin;
    leftOrigin ||= response.url.origin !== origin;
    const location = redirectLocation(response);
    if (location === undefined) return leftOrigin ? { ...response, leftOrigin } : response;
    response.discard();
    if (redirects === MAX_REDIRECTS) {
      throw new InvalidError(
        `${first.method} ${redactUrl(first.url)}: redirected more than ${MAX_REDIRECTS} times, last to ${redactUrl(hop.url)}`,
      );
    }
    const { url, remoteAddress } = response;
    hop = nextHop({ ...hop, url, remoteAddress }, response.status, location);
    vet?.(hop.url, leftOrigin);
    from = response;
  }
}

/** Sends one hop. @param from the response that redirects to it */
async function sendHop(
  hop: Hop,
  send: (hop: Hop) => Promise<HttpResponse>,
  from: HttpResponse | undefined,
): Promise<HttpResponse> {
  try {
    return await send(hop);
  } catch (error) {
    if (from === undefined || !(error instanceof DestinationError)) throw error;
    throw rejectedRedirect(from.request.method, from.url, error.problem);
  }
}

/** Returns the Location of a redirect, or `undefined` for any other response and for a 3xx without a Location. */
export function redirectLocation(response: HttpResponse): string | undefined {
  return REDIRECT_STATUSES.has(response.status) ? response.headers['location'] : undefined;
}

/**
 * Returns the request that a redirect asks for (RFC 9110, section 15.4). The body is sent again for 307 and 308, and for
 * 301 and 302 unless the method is POST, which becomes GET as in every client. A change of origin (scheme, host or port)
 * removes all headers that could identify the sender, for the rest of the chain.
 * @param from the request that was redirected, with the address that it reached
 * @param location the header as node gives it: bytes as Latin-1
 * @throws InvalidError for a target that is not a URL or that {@link destinationProblem} rejects
 */
export function nextHop(
  from: Hop & { readonly remoteAddress?: string | undefined },
  status: number,
  location: string,
): Hop {
  const rejected = (why: string): InvalidError => rejectedRedirect(from.method, from.url, why);
  // Servers send UTF-8 in headers, node reads Latin-1.
  const text = Buffer.from(location, 'latin1').toString('utf8');
  if (!URL.canParse(text, from.url.href)) throw rejected('its Location is not a URL');
  const url = new URL(text, from.url);
  url.hash = '';
  const problem = destinationProblem(url, from);
  if (problem !== undefined) throw rejected(problem);

  const toGet = status === 303 ? from.method !== 'HEAD' : status <= 302 && from.method === 'POST';
  const method = toGet ? 'GET' : from.method;
  const body = toGet ? undefined : from.body;
  const sameOrigin = url.origin === from.url.origin;
  const kept = Object.entries(from.headers).filter(
    ([name]) =>
      (sameOrigin || CROSS_ORIGIN_HEADERS.has(name)) && (body !== undefined || name !== 'content-type'),
  );
  return { method, url, headers: Object.fromEntries(kept), body, nearest: nearestFor(url, from) };
}

function rejectedRedirect(method: HttpMethod, url: URL, why: string): InvalidError {
  return new InvalidError(`${method} ${redactUrl(url)}: rejected a redirect: ${why}`);
}
