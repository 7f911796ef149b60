import type { ReadOptions } from '../../content/source.js';
import type { Digest } from '../../oci/digest.js';
import { childrenOf, type ManifestOrIndex } from '../../oci/document.js';
import { NotFoundError, UnauthorizedError } from '../../oci/errors.js';
import { isNonDistributableType } from '../../oci/media-type.js';
import type { Blobs } from '../blobs/blobs.js';
import type { Manifests } from './manifests.js';

/** The parts of a repository that are asked. */
export interface Repository {
  readonly manifests: Manifests;
  readonly blobs: Blobs;
}

/**
 * Returns the content that a document points to and that the repository says it lacks: children, except layers that it may
 * lack, and the subject. One HEAD request each, in parallel.
 */
export async function findMissingContent(
  { manifests, blobs }: Repository,
  document: ManifestOrIndex,
  options: ReadOptions,
): Promise<ReadonlySet<Digest>> {
  const isMissing = async (digest: Digest): Promise<boolean> => {
    try {
      return (await manifests.find(digest, options)) === undefined;
    } catch (error) {
      if (error instanceof UnauthorizedError || error instanceof NotFoundError) return false;
      throw error;
    }
  };
  const children = childrenOf(document).filter(({ mediaType }) => !isNonDistributableType(mediaType));
  const digests = new Set(children.map(({ digest }) => digest));
  const subject = document.value.subject?.digest;
  const states = await Promise.all([
    ...[...digests].map(async (digest) => {
      const missing = await (document.kind === 'index'
        ? isMissing(digest)
        : blobs.isMissing(digest, options));
      return missing ? [digest] : [];
    }),
    ...(subject === undefined ? [] : [isMissing(subject).then((missing) => (missing ? [subject] : []))]),
  ]);
  return new Set(states.flat());
}
