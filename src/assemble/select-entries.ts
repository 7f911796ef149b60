import type { Descriptor } from '../oci/descriptor.js';
import { RequirementError } from '../oci/errors.js';
import { satisfiesPlatform } from '../oci/platform-match.js';
import type { Platform } from '../oci/platform.js';
import { missingPlatforms, platformNames, presentPlatforms } from '../oci/required-platforms.js';
import type { SourceEntry } from './read-source.js';
import { attestedDigest, imagePlatforms, isAttestation } from '../oci/attestation.js';

export interface EntrySelection {
  /** Only what runs on one of these, spelling aside (see `satisfiesPlatform`). @default all, as for an empty list */
  readonly platforms?: readonly Platform[] | undefined;
  /** What becomes of statements about images, such as BuildKit's provenance. @default 'keep' */
  readonly attestations?: 'keep' | 'drop' | undefined;
}

/**
 * Of what one source gave, the entries that are wanted, in their order. With platforms asked for, a statement stays
 * exactly where its image does: one about an image that is not among the entries goes, and so does everything else
 * that says no platform. Without, all is kept as the source has it.
 */
export function selectEntries(
  entries: readonly SourceEntry[],
  { platforms = [], attestations = 'keep' }: EntrySelection,
): SourceEntry[] {
  const wanted =
    attestations === 'keep' ? entries : entries.filter(({ descriptor }) => !isAttestation(descriptor));
  if (platforms.length === 0) return [...wanted];
  const runs = ({ platform }: Descriptor): boolean =>
    platforms.some((asked) => satisfiesPlatform(platform, asked));
  const images = wanted.filter(({ descriptor }) => !isAttestation(descriptor) && runs(descriptor));
  const kept = new Set<string | undefined>(images.map(({ descriptor }) => descriptor.digest));
  return wanted.filter(({ descriptor }) =>
    isAttestation(descriptor) ? kept.has(attestedDigest(descriptor)) : runs(descriptor),
  );
}

/**
 * A platform may be asked for that one source does not have, but not one that none has: a list would be published
 * without it and nobody told.
 *
 * @param entries what all sources gave, before anything was taken out
 * @param label how the message calls the list that is being made
 * @throws RequirementError that lists what is missing and what there is
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
    hint: presentPlatforms('They have', present),
  });
}
