import { isDigest } from '../../oci/digest.js';
import { formatReference, isTag } from '../../oci/reference.js';
import type { Operation } from '../operation.js';
import { deleteFromEcr } from './ecr-hints.js';
import type { ErrorResponse } from './error-codes.js';

/** Registries whose images are deleted in another way than by the distribution protocol. */
const OTHER_WAYS: Readonly<Record<string, string>> = {
  'docker.io': 'Docker Hub deletes images on hub.docker.com and with its own API only.',
  'ghcr.io':
    'GitHub deletes images as versions of a package: on its web site, or with gh api --method DELETE and the id of the version.',
};

/** Returns what to do about a registry that does not allow a deletion. */
export function notDeletedHint(status: number, { repository, selector }: Operation): string {
  const { registry } = repository;
  const ecr = selector === undefined ? undefined : deleteFromEcr(repository, selector);
  if (ecr !== undefined) return `Amazon ECR deletes tags and images with its own API too: ${ecr}`;
  const other = OTHER_WAYS[registry];
  if (other !== undefined) return other;
  const enable = `If ${registry} is yours, allow deletions in its configuration (in distribution: storage.delete.enabled, or REGISTRY_STORAGE_DELETE_ENABLED=true).`;
  if (selector === undefined || isDigest(selector) || !isTag(selector)) return enable;
  const manifest = `multiarch delete --manifest ${formatReference({ ...repository, tag: selector })}`;
  const alone = `${registry} may not delete a tag alone. Deleting the manifest deletes all tags that point to it: ${manifest}`;
  // Distribution responds with 405 to every deletion if they are disabled, and with 400 to that of a tag.
  return status === 405 ? `${enable} ${alone}` : alone;
}

/** Returns what to do about a deletion that is rejected because tags or indexes still point to the manifest. */
export function stillUsedHint({ body }: ErrorResponse, { verb }: Operation): string | undefined {
  if (verb !== 'delete' || !/dangling|still referenced|referenced by/i.test(body.text)) return undefined;
  return 'Delete first what points to it: its tags, and the indexes that list it.';
}
