import { ArgumentError, RequirementError } from './errors.js';
import { satisfiesPlatform } from './platform-match.js';
import { platformDoubt } from './platform-names.js';
import {
  formatPlatformFull,
  isKnownPlatform,
  parsePlatform,
  platformKey,
  type LoosePlatform,
  type Platform,
} from './platform.js';

/**
 * Parses the values of a repeatable option with comma-separated platforms: `linux/amd64,linux/arm64`. Drops duplicates,
 * also in another spelling.
 *
 * @returns the platforms in the order given
 * @throws ArgumentError, also for an empty value: an unset variable in a script must not disable a requirement
 */
export function parsePlatformList(texts: readonly string[]): Platform[] {
  const platforms = texts
    .flatMap((text) => text.split(','))
    .map((text) => {
      if (text.trim() !== '') return parsePlatform(text.trim());
      throw new ArgumentError(`invalid list of platforms ${JSON.stringify(texts.join(','))}: one is empty`, {
        hint: 'Write OS/ARCH[/VARIANT], separated by commas.',
      });
    });
  return distinct(platforms);
}

/**
 * Returns the required platforms that are missing (see `satisfiesPlatform`: arm64 is arm64/v8, and 386 is not amd64).
 * The platform `unknown` of attestations matches nothing.
 */
export function missingPlatforms(
  required: readonly Platform[],
  present: readonly (LoosePlatform | undefined)[],
): Platform[] {
  const usable = present.filter(isKnownPlatform);
  return required.filter((wanted) => !usable.some((candidate) => satisfiesPlatform(candidate, wanted)));
}

/**
 * Checks that all required platforms are present.
 * @param label the name of the image in messages: `app:1.2`
 * @throws RequirementError that lists the missing and the present platforms
 */
export function checkRequiredPlatforms(
  required: readonly Platform[],
  present: readonly (LoosePlatform | undefined)[],
  label: string,
): void {
  const missing = missingPlatforms(required, present);
  if (missing.length === 0) return;
  throw new RequirementError(`${label} has no image for ${platformNames(missing)}`, {
    hint: [presentPlatforms('It has', present), ...missing.flatMap(likelyMeant)].join(' '),
  });
}

/** Returns a sentence for a hint if the platform is one that clients do not look for; none for a usable platform. */
export function likelyMeant(platform: Platform): string[] {
  const doubt = platformDoubt(platform);
  return doubt === undefined ? [] : [`The platform asked for is ${doubt}.`];
}

/** Returns a sentence for a hint that lists the platforms in order, without duplicates. */
export function presentPlatforms(start: string, present: readonly (LoosePlatform | undefined)[]): string {
  const usable = present.filter(isKnownPlatform);
  return usable.length === 0 ? `${start} no platforms.` : `${start} ${platformNames(distinct(usable))}.`;
}

/** Formats platforms for a message: `linux/amd64, linux/arm64`. */
export function platformNames(platforms: readonly Platform[]): string {
  return platforms.map(formatPlatformFull).join(', ');
}

function distinct(platforms: readonly Platform[]): Platform[] {
  const first = new Map<string, Platform>();
  for (const platform of platforms) {
    const key = platformKey(platform);
    if (!first.has(key)) first.set(key, platform);
  }
  return [...first.values()];
}
