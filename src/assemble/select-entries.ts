import type { Descriptor } from '../oci/descriptor.js';
import { RequirementError } from '../oci/errors.js';
import { satisfiesPlatform, selectPlatform } from '../oci/platform-match.js';
import type { Platform } from '../oci/platform.js';
import { likelyMeant, missingPlatforms, platformNames, presentPlatforms } from '../oci/required-platforms.js';
import type { SourceEntry } from './read-source.js';
import { attestedDigest, imagePlatforms, isAttestation } from '../oci/attestation.js';

/** Keeps or drops attestations; `from-referrers` keeps them, and adds those that are attached to images as referrers. */
export type AttestationsMode = 'keep' | 'drop' | 'from-referrers';

export interface EntrySelection {
  /** Keeps only these platforms (see `satisfiesPlatform`). @default all, as for an empty list */
  readonly platforms?: readonly Platform[] | undefined;
  /** Keeps or drops attestations, such as BuildKit's provenance. @default 'keep' */
  readonly attestations?: AttestationsMode | undefined;
}

/**
 * Selects the wanted entries of a source, in order. With platforms, an attestation is kept if its image is, and other
 * entries without a platform are dropped. Without platforms, all entries are kept.
 */
export function selectEntries(
  entries: readonly SourceEntry[],
  { platforms = [], attestations = 'keep' }: EntrySelection,
): SourceEntry[] {
  const wanted =
    attestations !== 'drop' ? entries : entries.filter(({ descriptor }) => !isAttestation(descriptor));
  if (platforms.length === 0) return [...wanted];
  const matches = ({ platform }: Descriptor): boolean =>
    platforms.some((selected) => satisfiesPlatform(platform, selected));
  const images = wanted.filter(({ descriptor }) => !isAttestation(descriptor) && matches(descriptor));
  const kept = new Set<string | undefined>(images.map(({ descriptor }) => descriptor.digest));
  return wanted.filter(({ descriptor }) =>
    isAttestation(descriptor) ? kept.has(attestedDigest(descriptor)) : matches(descriptor),
  );
}

/**
 * Returns the image for a platform that clients select: of those that satisfy it (see `satisfiesPlatform`) the best one,
 * else the first; `undefined` if none does.
 */
export function imageFor<T extends Pick<SourceEntry, 'descriptor'>>(
  platform: Platform,
  images: readonly T[],
): T | undefined {
  const matching = images.filter(({ descriptor }) => satisfiesPlatform(descriptor.platform, platform));
  const platforms = matching.map(({ descriptor }) => descriptor.platform);
  return matching[selectPlatform(platform, platforms) ?? 0];
}

/**
 * Checks that each selected platform is in at least one source. Otherwise the index would lack it without notice.
 *
 * @param entries the entries of all sources, before any selection
 * @param label the name of the new index in messages
 * @throws RequirementError that lists the missing and the present platforms
 */
export function checkSelected(
  platforms: readonly Platform[],
  entries: readonly SourceEntry[],
  label: string,
): void {
  const present = imagePlatforms(entries.map(({ descriptor }) => descriptor));
  const missing = missingPlatforms(platforms, present);
  if (missing.length === 0) return;
  throw new RequirementError(`no source of ${label} has an image for ${platformNames(missing)}`, {
    hint: [presentPlatforms('They have', present), ...missing.flatMap(likelyMeant)].join(' '),
  });
}
