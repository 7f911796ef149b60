import { InvalidError } from '../oci/errors.js';
import type { HttpMethod, HttpRequest, HttpResponse, RequestBody } from './message.js';
import { hostReach, type Reach } from './private-address.js';
import { redactUrl } from './redact.js';

const MAX_REDIRECTS = 10;

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** All that another origin may see of a request (CVE-2020-15157 and its kin): nothing that says who asks. */
const CROSS_ORIGIN_HEADERS: ReadonlySet<string> = new Set(['accept', 'range', 'user-agent', 'content-type']);

/** One request of a chain of redirects. Header names are in lower case. */
export interface Hop {
  readonly method: HttpMethod;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: RequestBody | undefined;
}

/**
 * Sends a request and follows where it is redirected to, at most ten times.
 * @param send one request, without redirects
 * @param vet throws to refuse a target, in addition to the rules of {@link nextHop}
 * @throws InvalidError for a redirect that is refused; what `send` and `vet` throw
 */
export async function followRedirects(
  first: Hop,
  send: (hop: Hop) => Promise<HttpResponse>,
  vet: HttpRequest['vetRedirect'],
): Promise<HttpResponse> {
  let hop = first;
  for (let redirects = 0; ; redirects += 1) {
    const answer = await send(hop);
    const location = redirectLocation(answer);
    if (location === undefined) return answer;
    answer.discard();
    if (redirects === MAX_REDIRECTS) {
      throw new InvalidError(
        `${first.method} ${redactUrl(first.url)}: redirected more than ${MAX_REDIRECTS} times, last to ${redactUrl(hop.url)}`,
      );
    }
    // The answer tells the URL that was really asked: the hop's own may have had its scheme changed on the way.
    hop = nextHop({ ...hop, url: answer.url }, answer.status, location);
    vet?.(hop.url);
  }
}

/** The Location of a redirect; undefined for any other answer, and for a 3xx that leads nowhere. */
export function redirectLocation(answer: HttpResponse): string | undefined {
  return REDIRECT_STATUSES.has(answer.status) ? answer.headers['location'] : undefined;
}

/**
 * The request that a redirect asks for (RFC 9110, section 15.4). The body is sent again under 307 and 308, and under
 * 301 and 302 where the method is neither GET, HEAD nor POST; POST becomes GET there, as every client has it.
 * A changed origin (scheme, host or port) takes away all headers that could identify the sender, for the rest of the chain.
 * @param location as it came: bytes as Latin-1
 * @throws InvalidError for a target that is no HTTP URL, has user info, leaves HTTPS, or lies closer to this machine
 *   than the server that names it
 */
export function nextHop(from: Hop, status: number, location: string): Hop {
  const url = redirectTarget(from, location);
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

function redirectTarget(from: Hop, location: string): URL {
  const refuse = (why: string): InvalidError =>
    new InvalidError(`${from.method} ${redactUrl(from.url)}: refused to follow a redirect ${why}`);
  // Servers send UTF-8 in headers, node reads Latin-1.
  const text = Buffer.from(location, 'latin1').toString('utf8');
  if (!URL.canParse(text, from.url.href)) throw refuse('to something that is no URL');
  const url = new URL(text, from.url);
  url.hash = '';
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refuse(`to a ${url.protocol} URL`);
  if (url.username !== '' || url.password !== '') throw refuse('to a URL with user information');
  if (from.url.protocol === 'https:' && url.protocol === 'http:') {
    throw refuse(`from HTTPS to plain HTTP (${url.host})`);
  }
  if (url.hostname !== from.url.hostname && !mayLead(hostReach(from.url.hostname), hostReach(url.hostname))) {
    throw refuse(`to ${url.host}, an address inside this machine or its network`);
  }
  return url;
}

/** A server may send us as far in as it is itself: else it could have us ask what it cannot reach (ggcr #2243). */
function mayLead(from: Reach, to: Reach): boolean {
  if (to === 'public' || from === 'loopback') return true;
  return to === 'private' && from === 'private';
}
