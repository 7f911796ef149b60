import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { UnauthorizedError } from '../oci/errors.js';
import { cosignTags, type CosignTag } from '../oci/referrers.js';
import { unlimited, type TaskOptions } from './limit.js';
import type { Source } from './source.js';

/** A manifest that refers to another one: a signature, an SBOM, an attestation. */
export interface Referrer {
  readonly descriptor: Descriptor;
  /** Set if the referrer was found under a tag of cosign's. */
  readonly cosign?: CosignTag;
}

/**
 * Finds the distinct referrers of a digest: those that the source lists, and those under cosign's tags for the digest. Sends
 * four requests to a registry in parallel, and a fifth if it lacks the referrers API.
 *
 * @returns an empty list for a source that does not support referrers
 * @throws what the Source throws. A tag to which a registry denies access counts as missing.
 */
export async function findReferrers(
  source: Source,
  subject: Digest,
  { limit = unlimited, signal }: TaskOptions = {},
): Promise<readonly Referrer[]> {
  if (source.listReferrers === undefined) return [];
  const [listed, ...tagged] = await Promise.all([
    limit(async () => (await source.listReferrers?.(subject, { signal })) ?? []),
    ...cosignTags(subject).map(async (cosign): Promise<Referrer[]> => {
      const descriptor = await limit(() => undefinedIfDenied(source.find(cosign.tag, { signal })));
      return descriptor === undefined ? [] : [{ descriptor, cosign }];
    }),
  ]);
  const byTag = tagged.flat();
  const known = new Set(byTag.map(({ descriptor }) => descriptor.digest));
  return [
    ...listed.filter(({ digest }) => !known.has(digest)).map((descriptor) => ({ descriptor })),
    ...byTag,
  ];
}

/**
 * Turns UnauthorizedError into `undefined`: some registries respond so for missing content too, or if the login may only
 * push.
 */
export async function undefinedIfDenied(
  found: Promise<Descriptor | undefined>,
): Promise<Descriptor | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof UnauthorizedError) return undefined;
    throw error;
  }
}
