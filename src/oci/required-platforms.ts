import { ArgumentError, RequirementError } from './errors.js';
import { satisfiesPlatform } from './platform-match.js';
import {
  formatPlatformFull,
  isCompletePlatform,
  parsePlatform,
  platformKey,
  type LoosePlatform,
  type Platform,
} from './platform.js';

/**
 * Reads the values of an option that takes platforms: `linux/amd64,linux/arm64`, and the option may be repeated. What
 * is named twice, in whatever spelling, counts once.
 *
 * @returns in the order given; none for no values
 * @throws ArgumentError, for an empty value too: an unset variable in a script must not turn a requirement off
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
 * Those of the required platforms that nothing is there for (see `satisfiesPlatform`: arm64 is arm64/v8, and 386 is
 * not amd64). `unknown`, which statements about images are said to run on, serves nobody.
 */
export function missingPlatforms(
  required: readonly Platform[],
  present: readonly (LoosePlatform | undefined)[],
): Platform[] {
  const usable = present.filter(isUsable);
  return required.filter((wanted) => !usable.some((candidate) => satisfiesPlatform(candidate, wanted)));
}

/**
 * @param label how the message calls what must have the platforms: `app:1.2`
 * @throws RequirementError that lists what is missing and what is there
 */
export function checkRequiredPlatforms(
  required: readonly Platform[],
  present: readonly (LoosePlatform | undefined)[],
  label: string,
): void {
  const missing = missingPlatforms(required, present);
  if (missing.length === 0) return;
  throw new RequirementError(`${label} has no image for ${platformNames(missing)}`, {
    hint: presentPlatforms('It has', present),
  });
}

/** For a hint: what there is, each once and in its order. */
export function presentPlatforms(start: string, present: readonly (LoosePlatform | undefined)[]): string {
  const usable = present.filter(isUsable);
  return usable.length === 0 ? `${start} no platforms.` : `${start} ${platformNames(distinct(usable))}.`;
}

/** `linux/amd64, linux/arm64`. For a message. */
export function platformNames(platforms: readonly Platform[]): string {
  return platforms.map(formatPlatformFull).join(', ');
}

function isUsable(platform: LoosePlatform | undefined): platform is Platform {
  return isCompletePlatform(platform) && platform.os !== 'unknown';
}

function distinct(platforms: readonly Platform[]): Platform[] {
  const first = new Map<string, Platform>();
  for (const platform of platforms) {
    const key = platformKey(platform);
    if (!first.has(key)) first.set(key, platform);
  }
  return [...first.values()];
}
