import { destinationProblem, upgradeOwnUrl } from '../http/destination-policy.js';
import { clippedLine } from '../http/error-text.js';
import type { HttpResponse } from '../http/message.js';
import type { Digest } from '../oci/digest.js';
import { FailedError, InvalidError } from '../oci/errors.js';
import type { RepositoryPath } from '../oci/reference.js';

/** In characters. */
const MAX_SHOWN_PATH = 200;
const UPLOAD_HINT = 'If the registry is yours, correct the external URL in its configuration.';

/** An endpoint of the distribution API: what precedes it belongs to the registry, what follows to a repository. */
const API_PATH = /(?:^|\/)v2\/(.*)$/s;
/** An upload session among these endpoints, and nothing below it that another repository could have. */
const SESSION_IN_API =
  /^(.+)\/blobs\/uploads?(?:\/(?!(?:.*\/)?(?:manifests|blobs|tags|referrers)(?:\/|$)).*)?$/s;
/** Segments that servers resolve in different ways, `..;` among them, and escapes that are decoded once more. */
const AMBIGUOUS_PATH = /(?:^|\/)\.\.?(?:;[^/]*)?(?:\/|$)|\\|%(?:2e|2f|5c)/i;

/** Who chose the URL of an upload session. */
export interface SessionOrigin {
  /** The repository that the blob is written to. */
  readonly path: RepositoryPath;
  /** Whether another server than the registry chose it, so that it may be an attempt to use the user's rights. */
  readonly isForeign: boolean;
  /** Reports whether a URL is at the registry itself. */
  readonly isOwn: (url: URL) => boolean;
}

/**
 * Returns the URL of an upload session (distribution-spec, "Pushing blobs"): the `Location` of a response, which may be
 * relative or on another host. On another host than the registry's, any path is accepted, and receives no credentials.
 *
 * @throws FailedError if there is no location. InvalidError if {@link destinationProblem} or {@link sessionProblem} rejects
 *   it.
 */
export function uploadLocation(
  response: Pick<HttpResponse, 'url' | 'remoteAddress' | 'nearest' | 'headers'>,
  origin: SessionOrigin,
): URL {
  const { url: server, headers } = response;
  const location = headers['location'];
  if (location === undefined || !URL.canParse(location, server.href)) {
    throw new FailedError(`${server.host} began an upload without a valid Location`);
  }
  const url = upgradeOwnUrl(new URL(location, server), server);
  url.hash = '';
  const problem = destinationProblem(url, response) ?? sessionProblem(url, origin);
  if (problem === undefined) return url;
  throw rejectedLocation(url, server, problem);
}

/** Returns the error for the URL of an upload session that must not be used. @param problem a clause to follow a colon */
export function rejectedLocation(url: URL, server: URL, problem: string): InvalidError {
  return new InvalidError(
    `rejected the upload location ${url.protocol}//${url.host} that ${server.host} names: ${problem}`,
    { hint: UPLOAD_HINT },
  );
}

/**
 * Returns why a URL at the registry cannot be an upload session, or `undefined` if it can be one, or is elsewhere. A session
 * is written to and deleted with the user's rights, so it must not be a manifest, a blob or the page of another program.
 *
 * Registries name sessions below `/v2/<name>/blobs/uploads/`, or `blobs/upload/` (GitHub), often behind a context path
 * (Artifactory, Nexus), of another repository (Google Artifact Registry, which also has `/artifacts-uploads/`). A session
 * that another server names is below that of the repository itself.
 * @returns a clause to follow a colon
 */
export function sessionProblem(url: URL, { path, isForeign, isOwn }: SessionOrigin): string | undefined {
  if (!isOwn(url)) return undefined;
  const pathname = decoded(url.pathname);
  if (pathname === undefined || AMBIGUOUS_PATH.test(pathname)) return 'its path can be read in two ways';
  const shown = clippedLine(url.pathname, MAX_SHOWN_PATH);
  const inApi = API_PATH.exec(pathname)?.[1];
  const name = inApi === undefined ? undefined : SESSION_IN_API.exec(inApi)?.[1];
  if (isForeign) {
    return name === path && pathname.startsWith('/v2/')
      ? undefined
      : `another server led there, and its path ${shown} is not that of an upload to ${path}`;
  }
  const isSession = inApi === undefined ? /upload/i.test(pathname) : name !== undefined;
  return isSession ? undefined : `its path ${shown} is not that of an upload session`;
}

/** Decodes the escapes of a path; `undefined` if they are not UTF-8. */
function decoded(pathname: string): string | undefined {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
}

/**
 * Returns the URL with `digest` as one more parameter. The rest of the query stays as it is: registries sign their
 * `_state`, and serialising it again would change its escapes.
 */
export function withDigest(url: URL, digest: Digest): URL {
  const result = new URL(url);
  result.search = `${url.search === '' ? '?' : `${url.search}&`}digest=${digest}`;
  return result;
}
