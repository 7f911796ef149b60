import { isVerifiableDigest } from '../oci/digest.js';
import { ArgumentError, NotFoundError } from '../oci/errors.js';
import { formatImageLocation, parseImageLocation } from '../oci/image-location.js';
import { formatPlatformFull, parsePlatform, type Platform } from '../oci/platform.js';
import { satisfiesPlatform } from '../oci/platform-match.js';
import { presentPlatforms } from '../oci/required-platforms.js';
import type { Draft, Entry } from './draft.js';
import { entryDescriptor } from './entry-descriptor.js';
import { isAttestation, imagePlatforms } from '../oci/attestation.js';

/**
 * The entries that a user's word stands for: all with this digest, else all that this source gave, else all for this
 * platform. A source goes before a platform since `linux/arm64` may be either, and docker names images only.
 *
 * @param selector a digest, a source as the user writes it (`app:1.2-arm64`), or a platform (`linux/arm64`)
 * @returns at least one, in the draft's order
 * @throws NotFoundError, or ArgumentError for a text that can be neither of these
 */
export function findEntries(draft: Draft, selector: string): readonly Entry[] {
  const found = matches(draft, selector);
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
 * @throws NotFoundError where there is none
 */
export function findImages(draft: Draft, platform?: Platform): readonly Entry[] {
  const images = draft.entries.filter((entry) => !isAttestation(entry.descriptor));
  const found = platform === undefined ? images : images.filter((entry) => isFor(entry, platform));
  if (found.length > 0) return found;
  const wanted = platform === undefined ? 'images' : `image for ${formatPlatformFull(platform)}`;
  throw new NotFoundError(`${draft.target} has no ${wanted}`, {
    hint: presentPlatforms('It has', imagePlatforms(draft.entries.map(entryDescriptor))),
  });
}

/**
 * As {@link findEntries}, where one entry is meant. Statements about images do not count beside images, so a source of
 * one image with its provenance is that image.
 *
 * @throws NotFoundError, ArgumentError where several are meant; the message lists them
 */
export function findEntry(draft: Draft, selector: string): Entry {
  const found = findEntries(draft, selector);
  const images = found.filter((entry) => !isAttestation(entry.descriptor));
  const candidates = images.length > 0 ? images : found;
  const [entry, ...others] = candidates;
  if (entry !== undefined && others.length === 0) return entry;
  throw new ArgumentError(
    `${selector} stands for ${candidates.length} entries of ${draft.target}:${candidates.map(line).join('')}`,
    { hint: 'Name one of them by its platform or its digest.' },
  );
}

function matches({ entries }: Draft, selector: string): readonly Entry[] {
  if (isVerifiableDigest(selector)) return entries.filter((entry) => entry.descriptor.digest === selector);
  const location = attempt(() => formatImageLocation(parseImageLocation(selector)));
  const bySource = entries.filter((entry) => entry.source === location.value);
  if (bySource.length > 0) return bySource;
  const platform = attempt(() => parsePlatform(selector));
  if (platform.value !== undefined) return entries.filter((entry) => isFor(entry, platform.value));
  if (location.error !== undefined) throw location.error;
  return [];
}

function isFor(entry: Entry, platform: Platform): boolean {
  return satisfiesPlatform(entryDescriptor(entry).platform, platform);
}

function line(entry: Entry): string {
  const { platform, digest } = entryDescriptor(entry);
  return `\n  ${platform === undefined ? 'no platform' : formatPlatformFull(platform)} ${digest}`;
}

type Lookup<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly value?: undefined; readonly error: ArgumentError };

function attempt<T>(parse: () => T): Lookup<T> {
  try {
    return { value: parse() };
  } catch (error) {
    if (error instanceof ArgumentError) return { error };
    throw error;
  }
}
