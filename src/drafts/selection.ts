import { isVerifiableDigest } from '../oci/digest.js';
import { ArgumentError, NotFoundError } from '../oci/errors.js';
import { formatImageLocation, parseImageLocation } from '../oci/image-location.js';
import { formatPlatformFull, parsePlatform, type Platform } from '../oci/platform.js';
import { satisfiesPlatform } from '../oci/platform-match.js';
import { presentPlatforms } from '../oci/required-platforms.js';
import type { Draft, Entry } from './draft.js';
import { entryDescriptor } from './entry.js';
import { isAttestation, imagePlatforms } from '../oci/attestation.js';

/**
 * The entries that a selector matches: by digest, else by source, else by platform. The source takes precedence over the
 * platform because `linux/arm64` may be either, and docker accepts image names only.
 *
 * @param selector a digest, a source as the user writes it (`app:1.2-arm64`), or a platform (`linux/arm64`)
 * @returns at least one entry, in the draft's order
 * @throws NotFoundError if nothing matches; ArgumentError if the selector is none of the three
 */
export function findEntries(draft: Draft, selector: string): readonly Entry[] {
  const found = matchingEntries(draft, selector);
  if (found.length > 0) return found;
  throw new NotFoundError(`manifest for image ${selector} does not exist in ${draft.target}`, {
    hint:
      draft.entries.length === 0
        ? 'The draft has no entries yet.'
        : `It has ${[...new Set(draft.entries.map(({ source }) => source))].join(', ')}.`,
  });
}

/**
 * The images for a platform (see `satisfiesPlatform`), or all images, in the draft's order.
 * @throws NotFoundError if there are none
 */
export function findImages(draft: Draft, platform?: Platform): readonly Entry[] {
  const images = draft.entries.filter((entry) => !isAttestation(entry.descriptor));
  const found = platform === undefined ? images : images.filter((entry) => hasPlatform(entry, platform));
  if (found.length > 0) return found;
  const wanted = platform === undefined ? 'images' : `image for ${formatPlatformFull(platform)}`;
  throw new NotFoundError(`${draft.target} has no ${wanted}`, {
    hint: presentPlatforms('It has', imagePlatforms(draft.entries.map(entryDescriptor))),
  });
}

/**
 * As {@link findEntries}, for exactly one entry. Attestations are ignored if an image matches, so a source with one image
 * and its provenance selects the image.
 *
 * @throws NotFoundError; ArgumentError if several entries match, with a message that lists them
 */
export function findEntry(draft: Draft, selector: string): Entry {
  const found = findEntries(draft, selector);
  const images = found.filter((entry) => !isAttestation(entry.descriptor));
  const candidates = images.length > 0 ? images : found;
  const [entry, ...others] = candidates;
  if (entry !== undefined && others.length === 0) return entry;
  throw new ArgumentError(`${selector} matches ${candidates.length} entries of ${draft.target}:`, {
    details: candidates.map(describeEntry),
    hint: 'Select one by its platform or digest.',
  });
}

function matchingEntries({ entries }: Draft, selector: string): readonly Entry[] {
  if (isVerifiableDigest(selector)) return entries.filter((entry) => entry.descriptor.digest === selector);
  const location = tryParse(() => formatImageLocation(parseImageLocation(selector)));
  const bySource = entries.filter((entry) => entry.source === location.value);
  if (bySource.length > 0) return bySource;
  const platform = tryParse(() => parsePlatform(selector));
  if (platform.value !== undefined) return entries.filter((entry) => hasPlatform(entry, platform.value));
  if (location.error !== undefined) throw location.error;
  return [];
}

function hasPlatform(entry: Entry, platform: Platform): boolean {
  return satisfiesPlatform(entryDescriptor(entry).platform, platform);
}

function describeEntry(entry: Entry): string {
  const { platform, digest } = entryDescriptor(entry);
  return `  ${platform === undefined ? 'no platform' : formatPlatformFull(platform)} ${digest}`;
}

type ParseResult<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly value?: undefined; readonly error: ArgumentError };

function tryParse<T>(parse: () => T): ParseResult<T> {
  try {
    return { value: parse() };
  } catch (error) {
    if (error instanceof ArgumentError) return { error };
    throw error;
  }
}
