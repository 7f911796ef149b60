import type { HttpResponse } from '../../http/message.js';
import { InvalidError } from '../../oci/errors.js';

const LINK = /<([^>]*)>((?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:"[^"]*"|[^\s;,"]*))?)*)/g;
const REL = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]*))/i;

/**
 * Where a list goes on: the `Link` of an answer with `rel="next"` (RFC 8288; distribution-spec, "Listing Referrers").
 * Nothing is taken of it but its query: a registry that could name a host or a path would say where our credentials go
 * (go-containerregistry#2332).
 *
 * @param asked the URL of the page that the answer is
 * @returns undefined for the last page
 * @throws InvalidError for one that leads to another server or path
 */
export function nextPage(response: Pick<HttpResponse, 'headerValues' | 'url'>, asked: URL): URL | undefined {
  const target = nextTarget(response.headerValues('link').join(', '));
  if (target === undefined) return undefined;
  const refuse = (why: string): InvalidError =>
    new InvalidError(`${asked.host} continues a list of referrers ${why}, which is refused`, {
      hint: 'If the registry is yours, correct the external URL in its configuration.',
    });
  // A redirect may have led elsewhere; its server has nothing to say about the registry's pages.
  if (!isSameHost(response.url, asked)) throw refuse(`from ${response.url.host}`);
  if (target === '' || !URL.canParse(target, response.url.href)) throw refuse('at something that is no URL');
  const url = new URL(target, response.url);
  if (url.username !== '' || url.password !== '') throw refuse('at an address with a user name');
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:';
  if (!isWeb || !isSameHost(url, asked)) throw refuse(`at ${url.protocol}//${url.host}`);
  if (url.pathname.replaceAll(/%3a/gi, ':') !== asked.pathname) throw refuse('at another path');
  const next = new URL(asked);
  next.search = url.search;
  return next;
}

/** By host and port. The scheme is found out by whoever sends the request, and a port may be left out for it. */
function isSameHost(url: URL, asked: URL): boolean {
  return url.hostname === asked.hostname && (url.port === asked.port || defaultPort(url) === asked.port);
}

function defaultPort(url: URL): string {
  if (url.port !== '') return url.port;
  return url.protocol === 'http:' ? '80' : '443';
}

function nextTarget(header: string): string | undefined {
  for (const [, target, parameters = ''] of header.matchAll(LINK)) {
    const [, quoted, bare = ''] = REL.exec(parameters) ?? [];
    if ((quoted ?? bare).toLowerCase().split(/\s+/).includes('next')) return target;
  }
  return undefined;
}
