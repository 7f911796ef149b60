import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { cosignTags, type CosignTag } from '../oci/referrers.js';
import { unlimited, type Limit } from './limit.js';
import type { ReadOptions, Source } from './source.js';
import { undefinedIfDenied } from './undefined-if-denied.js';

/** A manifest that speaks of another one: a signature, an SBOM, an attestation. */
export interface Referrer {
  readonly descriptor: Descriptor;
  /** Where it was found by the name that cosign gives it. */
  readonly cosign?: CosignTag;
}

/**
 * Looks for all that refers to a digest: what the place lists, each once, and what cosign has put under tags made of the
 * digest. Four requests to a registry at once, one more where it has no lists. A place that never holds any is not asked.
 *
 * @throws what the Source throws; a tag that a registry does not let us see counts as none
 */
export async function findReferrers(
  source: Source,
  subject: Digest,
  { limit = unlimited, signal }: ReadOptions & { readonly limit?: Limit | undefined } = {},
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
