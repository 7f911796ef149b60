import { InvalidError } from '../oci/errors.js';
import { destinationProblem } from './destination-policy.js';
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
  for (let redirects = 0; ; redirects += 1) {
    const response = await send(hop);
    const location = redirectLocation(response);
    if (location === undefined) return response;
    response.discard();
    if (redirects === MAX_REDIRECTS) {
      throw new InvalidError(
        `${first.method} ${redactUrl(first.url)}: redirected more than ${MAX_REDIRECTS} times, last to ${redactUrl(hop.url)}`,
      );
    }
    // The scheme of the hop's own URL may have been negotiated.
    const { url, remoteAddress } = response;
    hop = nextHop({ ...hop, url, remoteAddress }, response.status, location);
    vet?.(hop.url);
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
  const rejected = (why: string): InvalidError =>
    new InvalidError(`${from.method} ${redactUrl(from.url)}: rejected a redirect: ${why}`);
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
  return { method, url, headers: Object.fromEntries(kept), body };
}
