import { isVerifiableDigest } from '../oci/digest.js';
import { ArgumentError, type Problem } from '../oci/errors.js';
import {
  formatImageLocation,
  isTagIn,
  parseImageLocation,
  type ImageLocation,
} from '../oci/image-location.js';
import { checkVariant, DUPLICATE_PLATFORM, selectionKey } from '../oci/index-rules.js';
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
import { expandTemplate, isTemplate } from './template.js';

/** An image of a file, as far as it is valid. */
export interface CheckedImage extends CheckedLocation, CheckedPlatforms {
  /** The location of the image in the file. */
  readonly pointer: string;
  /** The annotations of the image's entry. */
  readonly annotations?: unknown;
}

interface CheckedLocation {
  readonly problems: readonly Problem[];
  readonly location?: ImageLocation | undefined;
}

interface CheckedPlatforms {
  readonly problems: readonly Problem[];
  /** The valid platforms, each with its location. */
  readonly platforms: readonly (readonly [pointer: string, platform: Platform])[];
}

/** A target that is named on the command line may be a layout. */
const ANY_TARGET: ImageLocation = { transport: 'oci', path: '.' };
const ANY_PLATFORM: Platform = { os: 'linux', architecture: 'amd64' };

/**
 * Checks the rules for one list of an assembly file.
 * @param base the location of the list in the file
 */
export function checkList(base: string, value: Readonly<Record<string, unknown>>): Problem[] {
  const images = toArray(value['images']).map((image, index) => checkImage(`${base}/images/${index}`, image));
  return [
    ...checkLocation(`${base}/target`, value['target']).problems,
    ...checkTags(value['tags'], value['target'], base),
    ...checkPlatforms(`${base}/require`, value['require']).problems,
    ...images.flatMap(({ problems }) => problems),
    ...checkDuplicateImages(images),
    ...checkFormat(value, base),
  ];
}

/** Checks an image location. */
export function checkLocation(pointer: string, text: unknown): CheckedLocation {
  if (!isText(text)) return { problems: [] };
  const { value, problems } = tryParse(pointer, 'reference/invalid', () => parseImageLocation(text));
  return { location: value, problems };
}

/** Checks additional tags: a tag alone, which depends on the target, or a reference. */
export function checkTags(tags: unknown, target: unknown, base = ''): Problem[] {
  const { location = ANY_TARGET } = checkLocation('', target);
  return toArray(tags).flatMap((tag, index) =>
    typeof tag === 'string' && isTagIn(tag, location)
      ? []
      : checkLocation(`${base}/tags/${index}`, tag).problems,
  );
}

/** Checks the platform override of an image. It needs both os and architecture or neither, and a known platform. */
export function checkOverride(pointer: string, given: string | LoosePlatform): CheckedPlatforms {
  if (typeof given !== 'string' && given.os === undefined && given.architecture === undefined) {
    return { platforms: [], problems: [] };
  }
  const { value, problems } = tryParse(pointer, 'platform/invalid', () =>
    typeof given === 'string' ? parseFullPlatform(given) : parseOverride(given),
  );
  if (value === undefined) return { platforms: [], problems };
  const { os, architecture } = normalisePlatform(value);
  if (isKnownOsArch(os, architecture)) {
    const foreign = checkVariant('', { platform: value });
    const unfit = foreign.map(({ message, rule }) => ({
      pointer,
      message: `has a variant that ${message}`,
      rule,
    }));
    return { platforms: [[pointer, value]], problems: [...problems, ...unfit] };
  }
  const pair = JSON.stringify(`${os}/${architecture}`);
  const message = `${pair} is not a known os and architecture, such as linux/amd64`;
  return { platforms: [], problems: [{ pointer, message, rule: 'platform/unknown' }] };
}

/**
 * Parses a platform override: a string, or the parts of a platform. Replaces aliases and keeps the variant.
 * @throws ArgumentError
 */
export function parseOverride(given: string | LoosePlatform): Platform {
  if (typeof given !== 'string' && !isCompletePlatform(given)) {
    const missing = given.os === undefined ? 'os' : 'architecture';
    throw new ArgumentError(`the platform has no ${missing}`, {
      hint: 'Give both os and architecture, or neither.',
    });
  }
  return parsePlatform(typeof given === 'string' ? given : formatPlatformFull(given));
}

/**
 * Checks for images that would give two entries of one platform that clients cannot tell apart, or one entry twice. Ignores
 * platforms that the image's config may complete: Windows without a version, arm without a variant.
 */
export function checkDuplicateImages(images: readonly CheckedImage[]): Problem[] {
  const platforms = new Map<string, string>();
  const sources = new Map<string, { readonly pointer: string; readonly isWhole: boolean }>();
  const problems: Problem[] = [];
  for (const image of images) {
    const { pointer, location } = image;
    for (const [at, platform] of image.platforms.filter(([, candidate]) => isComplete(candidate))) {
      const key = selectionKey({ platform, annotations: image.annotations }) ?? platformKey(platform);
      const first = platforms.get(key);
      if (first === undefined) platforms.set(key, pointer);
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
  const selected = checkPlatforms(`${pointer}/platforms`, platforms);
  const override =
    typeof platform === 'string' || isPlatformParts(platform)
      ? checkOverride(`${pointer}/platform`, platform)
      : { platforms: [], problems: [] };
  const { location, problems: sourceProblems } = isText(source)
    ? checkSource(`${pointer}/source`, source, platforms, selected)
    : { problems: [] };
  const problems = [...sourceProblems, ...override.problems, ...selected.problems];
  if (platform !== undefined && selected.platforms.length > 1) {
    const message = 'is for one image, but "platforms" has several';
    problems.push({ pointer: `${pointer}/platform`, message, rule: 'platform/several' });
  }
  const claimed = override.platforms.length > 0 ? override.platforms : selected.platforms;
  return { pointer, annotations: image['annotations'], location, platforms: claimed, problems };
}

function checkSource(
  pointer: string,
  source: string,
  listed: unknown,
  selected: CheckedPlatforms,
): CheckedLocation {
  if (isVerifiableDigest(source)) return { problems: [] };
  if (!isTemplate(source)) return checkLocation(pointer, source);
  // Any platform shows whether the expanded template is a valid location.
  const platforms =
    selected.platforms.length > 0 ? selected.platforms.map(([, platform]) => platform) : [ANY_PLATFORM];
  const { problems } = tryParse(pointer, 'template/invalid', () => {
    for (const expanded of expandTemplate(source, platforms)) parseImageLocation(expanded.source);
  });
  if (problems.length > 0 || listed !== undefined) return { problems };
  const message = 'is a template: list its platforms in "platforms"';
  return { problems: [{ pointer, message, rule: 'template/platforms' }] };
}

function checkPlatforms(pointer: string, list: unknown): CheckedPlatforms {
  const problems: Problem[] = [];
  const platforms = new Map<string, readonly [string, Platform]>();
  for (const [index, text] of toArray(list).entries()) {
    if (!isText(text)) continue;
    const at = `${pointer}/${index}`;
    const { value, problems: found } = tryParse(at, 'platform/invalid', () => parseFullPlatform(text));
    for (const problem of found) problems.push(problem);
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

/** Parses a platform with both os and architecture: a file should not depend on an implicit default. */
function parseFullPlatform(text: string): Platform {
  const platform = parsePlatform(text);
  if (text.includes('/')) return platform;
  throw new ArgumentError(`${JSON.stringify(text)} is only part of a platform`, {
    hint: `Write both os and architecture, such as ${formatPlatformFull(platform)}.`,
  });
}

function checkFormat(
  { format, annotations, images }: Readonly<Record<string, unknown>>,
  base: string,
): Problem[] {
  if (format !== 'docker') return [];
  const locations: [pointer: string, annotations: unknown][] = [
    [`${base}/annotations`, annotations],
    ...toArray(images).map((image, index): [string, unknown] => [
      `${base}/images/${index}/annotations`,
      isJsonObject(image) ? image['annotations'] : undefined,
    ]),
  ];
  const message = 'are not supported by a Docker manifest list: remove them, or use the format "oci"';
  return locations
    .filter(([, value]) => isJsonObject(value) && Object.keys(value).length > 0)
    .map(([pointer]) => ({ pointer, message, rule: 'format/annotations' }));
}

function isComplete({ os, architecture, variant, 'os.version': version }: Platform): boolean {
  return !(os === 'windows' && version === undefined) && !(architecture === 'arm' && variant === undefined);
}

/** Parses a value and converts an ArgumentError to a problem. */
function tryParse<T>(
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

/** Reports whether a value is a name according to the schema. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && /^\S/.test(value);
}

function toArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
