import { destinationProblem, upgradeOwnUrl, type RespondingServer } from '../http/destination-policy.js';
import type { HttpResponse } from '../http/message.js';
import type { Digest } from '../oci/digest.js';
import { FailedError, InvalidError } from '../oci/errors.js';

/**
 * Returns the URL of an upload session (distribution-spec, "Pushing blobs"): the `Location` of a response, which may be
 * relative or on another host. Credentials go to the registry's own origin only, so not to another host.
 *
 * @throws FailedError if there is no location. InvalidError if {@link destinationProblem} rejects it.
 */
export function uploadLocation(response: RespondingServer & Pick<HttpResponse, 'headers'>): URL {
  const { url: server, headers } = response;
  const location = headers['location'];
  if (location === undefined || !URL.canParse(location, server.href)) {
    throw new FailedError(`${server.host} began an upload without a valid Location`);
  }
  const url = upgradeOwnUrl(new URL(location, server), server);
  url.hash = '';
  const problem = destinationProblem(url, response);
  if (problem === undefined) return url;
  throw new InvalidError(
    `rejected the upload location ${url.protocol}//${url.host} that ${server.host} names: ${problem}`,
    { hint: 'If the registry is yours, correct the external URL in its configuration.' },
  );
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
