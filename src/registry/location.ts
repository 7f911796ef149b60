import { isLoopbackHost, isPrivateAddress } from '../http/private-address.js';
import type { Digest } from '../oci/digest.js';
import { FailedError, InvalidError } from '../oci/errors.js';

/**
 * Where a registry wants the bytes of an upload (distribution-spec, "Pushing blobs"): the `Location` of its answer.
 * It may be relative, and it may be on another host: then no credential goes there, which the caller sees to by
 * comparing origins.
 *
 * @param location as the header has it
 * @param answeredBy the URL that gave the answer, after redirects
 * @throws FailedError where there is no location. InvalidError where it is not to be trusted: it holds a login,
 *   leaves TLS, or leads into a private network that the registry itself is not in (go-containerregistry#2243 and others)
 */
export function resolveUploadLocation(location: string | undefined, answeredBy: URL): URL {
  if (location === undefined || !URL.canParse(location, answeredBy.href)) {
    throw new FailedError(`${answeredBy.host} began an upload but did not say where to send it`);
  }
  const url = sameHostUpgraded(new URL(location, answeredBy), answeredBy);
  url.hash = '';
  const reason = rejectionReason(url, answeredBy);
  if (reason !== undefined) {
    throw new InvalidError(
      `${answeredBy.host} wants an upload sent to ${url.protocol}//${url.host}, which is refused: ${reason}`,
      { hint: 'If the registry is yours, correct the external URL in its configuration.' },
    );
  }
  return url;
}

/**
 * The same URL with `digest` as one more parameter. The query stays as it is otherwise: registries sign their `_state`,
 * and writing it anew would change its escapes.
 */
export function withDigest(url: URL, digest: Digest): URL {
  const result = new URL(url);
  result.search = `${url.search === '' ? '?' : `${url.search}&`}digest=${digest}`;
  return result;
}

/** Registries behind a proxy that ends TLS often write their own address with `http:`. */
function sameHostUpgraded(url: URL, answeredBy: URL): URL {
  if (url.protocol !== 'http:' || answeredBy.protocol !== 'https:') return url;
  const upgraded = new URL(url);
  upgraded.protocol = 'https:';
  return upgraded.host === answeredBy.host ? upgraded : url;
}

function rejectionReason(url: URL, answeredBy: URL): string | undefined {
  if (url.username !== '' || url.password !== '') return 'the address holds a user name or password';
  if (url.protocol !== 'https:' && (url.protocol !== 'http:' || answeredBy.protocol === 'https:')) {
    return 'the upload would leave HTTPS';
  }
  return leadsInside(url, answeredBy) ? "it is a private address and not the registry's own" : undefined;
}

function leadsInside(url: URL, registryUrl: URL): boolean {
  if (url.hostname === registryUrl.hostname) return false;
  if (isPrivateAddress(url.hostname)) return true;
  return isLoopbackHost(url.hostname) && !isLoopbackHost(registryUrl.hostname);
}
