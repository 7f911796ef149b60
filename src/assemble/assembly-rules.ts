import { isVerifiableDigest } from '../oci/digest.js';
import { ArgumentError, type Problem } from '../oci/errors.js';
import { formatImageLocation, parseImageLocation, type ImageLocation } from '../oci/image-location.js';
import { DUPLICATE_PLATFORM } from '../oci/index-rules.js';
import { isJsonObject } from '../oci/json.js';
import { isKnownOsArch } from '../oci/known-platforms.js';
import {
  formatPlatformFull,
  isCompletePlatform,
  normalisePlatform,
  parsePlatform,
  platformKey,
  type LoosePlatform,
  type Platform,
} from '../oci/platform.js';
import { isTag } from '../oci/reference.js';
import { expandTemplate, isTemplate } from './template.js';

/** An image of a file, as far as it could be understood. */
export interface CheckedImage extends CheckedLocation, CheckedPlatforms {
  /** Where the image stands in the file. */
  readonly pointer: string;
}

interface CheckedLocation {
  readonly problems: readonly Problem[];
  readonly location?: ImageLocation | undefined;
}

interface CheckedPlatforms {
  readonly problems: readonly Problem[];
  /** Each that was understood, with the place where it stands. */
  readonly platforms: readonly (readonly [pointer: string, platform: Platform])[];
}

const ANY: Platform = { os: 'linux', architecture: 'amd64' };

/**
 * What is wrong with an assembly file although its schema allows it: references, platforms, templates, and images that
 * would come twice.
 * @param value As read. What has the wrong type is left to the schema.
 */
export function checkAssembly(value: unknown): Problem[] {
  if (!isJsonObject(value)) return [];
  const images = toArray(value['images']).map((image, index) => checkImage(`/images/${index}`, image));
  return [
    ...checkLocation('/target', value['target']).problems,
    ...checkTags(value['tags']),
    ...checkPlatforms('/require', value['require']).problems,
    ...images.flatMap(({ problems }) => problems),
    ...checkDuplicateImages(images),
    ...checkFormat(value),
  ];
}

/** Where an image is, or is to be. */
export function checkLocation(pointer: string, text: unknown): CheckedLocation {
  if (!isText(text)) return { problems: [] };
  const { value, problems } = attempt(pointer, 'reference/invalid', () => parseImageLocation(text));
  return { location: value, problems };
}

/** Further tags: a tag alone, or a reference. */
export function checkTags(tags: unknown): Problem[] {
  return toArray(tags).flatMap((tag, index) =>
    typeof tag === 'string' && isTag(tag) ? [] : checkLocation(`/tags/${index}`, tag).problems,
  );
}

/** What the index is to say of an image. If it says an os or an architecture, it must say both, of those there are. */
export function checkOverride(pointer: string, given: string | LoosePlatform): CheckedPlatforms {
  if (typeof given !== 'string' && given.os === undefined && given.architecture === undefined) {
    return { platforms: [], problems: [] };
  }
  const { value, problems } = attempt(pointer, 'platform/invalid', () =>
    typeof given === 'string' ? parseFullPlatform(given) : parseOverride(given),
  );
  if (value === undefined) return { platforms: [], problems };
  const { os, architecture } = normalisePlatform(value);
  if (isKnownOsArch(os, architecture)) return { platforms: [[pointer, value]], problems };
  const pair = JSON.stringify(`${os}/${architecture}`);
  const message = `${pair} is no known os and architecture, such as linux/amd64`;
  return { platforms: [], problems: [{ pointer, message, rule: 'platform/unknown' }] };
}

/**
 * The platform that an image is to be given: as text, or in parts. Aliases are mended, a variant stays as written.
 * @throws ArgumentError
 */
export function parseOverride(given: string | LoosePlatform): Platform {
  if (typeof given !== 'string' && !isCompletePlatform(given)) {
    const missing = given.os === undefined ? 'os' : 'architecture';
    throw new ArgumentError(`the platform says no ${missing}`, { hint: 'Say both, or neither.' });
  }
  return parsePlatform(typeof given === 'string' ? given : formatPlatformFull(given));
}

/**
 * Images that would make two entries for one platform, or one entry twice. A platform to which the image itself has
 * something to add may still turn out another: Windows without a version, arm without a variant.
 */
export function checkDuplicateImages(images: readonly CheckedImage[]): Problem[] {
  const platforms = new Map<string, string>();
  const sources = new Map<string, { readonly pointer: string; readonly isWhole: boolean }>();
  const problems: Problem[] = [];
  for (const image of images) {
    const { pointer, location } = image;
    for (const [at, platform] of image.platforms.filter(([, claimed]) => isSettled(claimed))) {
      const first = platforms.get(platformKey(platform));
      if (first === undefined) platforms.set(platformKey(platform), pointer);
      else if (first !== pointer) {
        const message = `is ${formatPlatformFull(platform)}, as is that of ${first}`;
        problems.push({ pointer: at, message, rule: DUPLICATE_PLATFORM });
      }
    }
    if (location === undefined) continue;
    const name = formatImageLocation(location);
    const isWhole = image.platforms.length === 0;
    const first = sources.get(name);
    if (first === undefined) sources.set(name, { pointer, isWhole });
    else if (isWhole || first.isWhole) {
      problems.push({ pointer, message: `is the same image as ${first.pointer}`, rule: 'source/duplicate' });
    }
  }
  return problems;
}

function checkImage(pointer: string, image: unknown): CheckedImage {
  if (!isJsonObject(image)) return { pointer, platforms: [], problems: [] };
  const { source, platform, platforms } = image;
  const kept = checkPlatforms(`${pointer}/platforms`, platforms);
  const override =
    isText(platform) || isPlatformParts(platform)
      ? checkOverride(`${pointer}/platform`, platform)
      : { platforms: [], problems: [] };
  const { location, problems: ofSource } = isText(source)
    ? checkSource(`${pointer}/source`, source, platforms, kept)
    : { problems: [] };
  const problems = [...ofSource, ...override.problems, ...kept.problems];
  if (platform !== undefined && kept.platforms.length > 1) {
    const message = 'is for one image, but "platforms" stands for several';
    problems.push({ pointer: `${pointer}/platform`, message, rule: 'platform/several' });
  }
  const said = override.platforms.length > 0 ? override.platforms : kept.platforms;
  return { pointer, location, platforms: said, problems };
}

function checkSource(
  pointer: string,
  source: string,
  asked: unknown,
  kept: CheckedPlatforms,
): CheckedLocation {
  if (isVerifiableDigest(source)) return { problems: [] };
  if (!isTemplate(source)) return checkLocation(pointer, source);
  // Filled in with anything, it shows whether it can be filled in and read at all.
  const platforms = kept.platforms.length > 0 ? kept.platforms.map(([, platform]) => platform) : [ANY];
  const { problems } = attempt(pointer, 'template/invalid', () => {
    for (const filled of expandTemplate(source, platforms)) parseImageLocation(filled.source);
  });
  if (problems.length > 0 || asked !== undefined) return { problems };
  const message = 'stands for several images: say for which platforms in "platforms"';
  return { problems: [{ pointer, message, rule: 'template/platforms' }] };
}

function checkPlatforms(pointer: string, list: unknown): CheckedPlatforms {
  const problems: Problem[] = [];
  const platforms = new Map<string, readonly [string, Platform]>();
  for (const [index, text] of toArray(list).entries()) {
    if (!isText(text)) continue;
    const at = `${pointer}/${index}`;
    const { value, problems: found } = attempt(at, 'platform/invalid', () => parseFullPlatform(text));
    problems.push(...found);
    if (value === undefined) continue;
    const first = platforms.get(platformKey(value));
    if (first === undefined) platforms.set(platformKey(value), [at, value]);
    else {
      const message = `is ${formatPlatformFull(value)}, as is ${first[0]}`;
      problems.push({ pointer: at, message, rule: DUPLICATE_PLATFORM });
    }
  }
  return { platforms: [...platforms.values()], problems };
}

/** What a file says should not depend on a default that is written nowhere. */
function parseFullPlatform(text: string): Platform {
  const platform = parsePlatform(text);
  if (text.includes('/')) return platform;
  throw new ArgumentError(`${JSON.stringify(text)} is only a part of a platform`, {
    hint: `Write both os and architecture, such as ${formatPlatformFull(platform)}.`,
  });
}

function checkFormat({ format, annotations, images }: Readonly<Record<string, unknown>>): Problem[] {
  if (format !== 'docker') return [];
  const places: [pointer: string, annotations: unknown][] = [
    ['/annotations', annotations],
    ...toArray(images).map((image, index): [string, unknown] => [
      `/images/${index}/annotations`,
      isJsonObject(image) ? image['annotations'] : undefined,
    ]),
  ];
  const message = 'cannot be held by a Docker manifest list: leave them out, or use the format "oci"';
  return places
    .filter(([, value]) => isJsonObject(value) && Object.keys(value).length > 0)
    .map(([pointer]) => ({ pointer, message, rule: 'format/annotations' }));
}

function isSettled({ os, architecture, variant, 'os.version': version }: Platform): boolean {
  return !(os === 'windows' && version === undefined) && !(architecture === 'arm' && variant === undefined);
}

/** What cannot be parsed is a problem of the file. */
function attempt<T>(
  pointer: string,
  rule: string,
  parse: () => T,
): { readonly value?: T; readonly problems: readonly Problem[] } {
  try {
    return { value: parse(), problems: [] };
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    const message = error.hint === undefined ? error.message : `${error.message}. ${error.hint}`;
    return { problems: [{ pointer, message, rule }] };
  }
}

function isPlatformParts(value: unknown): value is Platform {
  if (!isJsonObject(value) || !isText(value['os']) || !isText(value['architecture'])) return false;
  const { variant = '', 'os.version': version = '', 'os.features': features = [] } = value;
  return (
    typeof variant === 'string' &&
    typeof version === 'string' &&
    Array.isArray(features) &&
    features.every((feature) => typeof feature === 'string')
  );
}

/** What the schema lets pass as a name. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && /^\S/.test(value);
}

function toArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
