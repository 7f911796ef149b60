import { registryApiHost } from '../auth/credentials/docker-hub.js';
import type { Selector } from '../content/source.js';
import type { Digest } from '../oci/digest.js';
import { ArgumentError } from '../oci/errors.js';
import type { Repository, RepositoryPath } from '../oci/reference.js';

/**
 * The URLs of the distribution protocol (distribution-spec, "Endpoints"). All have the scheme `https:`; the HTTP client
 * finds out whether a registry speaks plain HTTP (`HttpRequest.negotiateScheme`).
 */

/** `/v2/<name>/manifests/<tag or digest>` */
export function manifestUrl(repository: Repository, selector: Selector): URL {
  return endpoint(repository, `manifests/${selector}`);
}

/** `/v2/<name>/tags/list`, with the most tags that the response may have (`n`) */
export function tagsUrl(repository: Repository, most?: number): URL {
  const url = endpoint(repository, 'tags/list');
  if (most !== undefined) url.searchParams.set('n', String(most));
  return url;
}

/** `/v2/<name>/referrers/<digest>` */
export function referrersUrl(repository: Repository, digest: Digest): URL {
  return endpoint(repository, `referrers/${digest}`);
}

/** `/v2/<name>/blobs/<digest>` */
export function blobUrl(repository: Repository, digest: Digest): URL {
  return endpoint(repository, `blobs/${digest}`);
}

/** `/v2/<name>/blobs/uploads/` */
export function uploadsUrl(repository: Repository): URL {
  return endpoint(repository, 'blobs/uploads/');
}

/** `/v2/<name>/blobs/uploads/?mount=<digest>&from=<other name>` */
export function mountUrl(repository: Repository, digest: Digest, from: RepositoryPath): URL {
  const url = uploadsUrl(repository);
  url.searchParams.set('mount', digest);
  url.searchParams.set('from', from);
  return url;
}

function endpoint({ registry, path }: Repository, rest: string): URL {
  const pathname = `/v2/${path}/${rest}`;
  const url = new URL(`https://${registryApiHost(registry)}${pathname}`);
  // `new URL` collapses `..` and `%2e%2e` and cuts at `?` and `#`. Names were checked before. One that passed the check by
  // mistake must not lead to another repository with the credentials of this one (CVE-2024-3727).
  if (url.pathname !== pathname || url.username !== '' || url.search !== '' || url.hash !== '') {
    throw new ArgumentError(`invalid name in a request to a registry: ${registry}/${path}/${rest}`);
  }
  return url;
}
