import { destinationProblem, upgradeOwnUrl, type RespondingServer } from '../../http/destination-policy.js';
import type { HttpResponse } from '../../http/message.js';
import { InvalidError } from '../../oci/errors.js';

const LINK = /<([^<>]*)>((?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:"[^"]*"|[^\s;,"]*))?)*)/g;
const REL = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]*))/i;

/**
 * Returns the URL of the next page of a list: the `Link` of a response with `rel="next"` (RFC 8288; distribution-spec,
 * "Listing Referrers" and "Listing Tags"), or `undefined` for the last page. Only the query of the link is used: a registry that could name
 * a host or a path would decide where credentials go (go-containerregistry#2332).
 *
 * @param requested the URL of the page in the response
 * @param list the list, for messages: `referrers list`
 * @throws InvalidError for a link to another server or path
 */
export function nextPage(
  response: RespondingServer & Pick<HttpResponse, 'headerValues' | 'leftOrigin'>,
  requested: URL,
  list: string,
): URL | undefined {
  const target = nextTarget(response.headerValues('link').join(', '));
  if (target === undefined) return undefined;
  const rejected = (why: string): InvalidError =>
    new InvalidError(`rejected the next page of the ${list} of ${requested.host}: ${why}`, {
      hint: 'If the registry is yours, correct the external URL in its configuration.',
    });
  const { url: server } = response;
  // The scheme may have been negotiated. After a redirect, the other server cannot continue the registry's list.
  if (server.hostname !== requested.hostname || portOf(server, requested) !== requested.port) {
    throw rejected(`the response came from ${server.host}`);
  }
  if (response.leftOrigin === true) throw rejected('another server led to the response');
  if (target === '' || !URL.canParse(target, server.href)) throw rejected('the link is not a URL');
  const url = upgradeOwnUrl(new URL(target, server), server);
  const problem = destinationProblem(url, response);
  if (problem !== undefined) throw rejected(problem);
  if (url.host !== server.host) throw rejected(`it is at ${url.protocol}//${url.host}`);
  if (url.pathname.replaceAll(/%3a/gi, ':') !== requested.pathname) throw rejected('it has another path');
  const next = new URL(requested);
  next.search = url.search;
  return next;
}

/** The port in the notation of the requested URL, which may name the default port of the scheme that was negotiated. */
function portOf(server: URL, requested: URL): string {
  return server.port === '' && requested.port !== '' && server.protocol === 'http:' ? '80' : server.port;
}

function nextTarget(header: string): string | undefined {
  for (const [, target, parameters = ''] of header.matchAll(LINK)) {
    const [, quoted, bare = ''] = REL.exec(parameters) ?? [];
    if ((quoted ?? bare).toLowerCase().split(/\s+/).includes('next')) return target;
  }
  return undefined;
}
