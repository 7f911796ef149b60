import { ArgumentError } from './errors.js';
import { isKnownArchitecture, isKnownOs } from './known-platforms.js';

/** The platform of an image (image-spec, "OCI Image Index", `platform`). Names are Go's GOOS and GOARCH. */
export interface Platform {
  readonly architecture: string;
  readonly os: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
  readonly variant?: string;
  /** Reserved by OCI, CPU features in Docker lists; kept as read. */
  readonly features?: readonly string[];
}

/** A platform as published documents contain it: os and architecture can be missing. */
export type LoosePlatform = Partial<Platform>;

/** An operating system with its options, `os(version+feature+feature)`, as containerd writes it. */
const OS = /^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$/;
const PART = /^[A-Za-z0-9_.-]+$/;
const DEFAULT_HOST: Platform = { os: 'linux', architecture: 'amd64' };

/**
 * Parses `OS/ARCH[/VARIANT]`, containerd's `OS(VERSION+FEATURE)/ARCH[/VARIANT]`, an OS alone or an architecture alone.
 * Aliases are replaced (`x86_64`, `aarch64`, `armhf`, `macos`). The default variant of an architecture is kept for arm
 * and arm64 if the text has it, and otherwise omitted, as in containerd.
 *
 * @param host completes an OS or an architecture alone. @default linux/amd64
 * @throws ArgumentError
 */
export function parsePlatform(text: string, host: Platform = DEFAULT_HOST): Platform {
  const [osText = '', ...rest] = text.split('/');
  const match = OS.exec(osText);
  if (match === null || rest.length > 2 || !rest.every((part) => PART.test(part))) throw invalid(text);
  const [, osName = '', version = '', features = ''] = match;
  const [architectureText, variantText = ''] = rest;
  const options = {
    ...(version !== '' && { 'os.version': decodeOption(version, text) }),
    ...(features !== '' && {
      'os.features': features
        .slice(1)
        .split('+')
        .map((feature) => decodeOption(feature, text)),
    }),
  };

  if (architectureText !== undefined) {
    const cpu = normaliseCpu(architectureText, variantText);
    return { ...parsedCpu(cpu, variantText !== ''), os: normaliseOs(osName), ...options };
  }
  if (isKnownOs(normaliseOs(osName))) {
    const cpu = normaliseCpu(host.architecture, host.variant ?? '');
    return { ...parsedCpu(cpu, false), os: normaliseOs(osName), ...options };
  }
  const cpu = normaliseCpu(osText, '');
  if (!isKnownArchitecture(cpu.architecture)) throw invalid(text);
  return { ...parsedCpu(cpu, false), os: normaliseOs(host.os) };
}

/**
 * Returns the canonical form: lower-case names without aliases, `os.features` sorted and without duplicates, the
 * variant as in containerd (none for arm64/v8 and amd64/v1, always one for arm, v7 by default). A missing os or
 * architecture is `""`.
 */
export function normalisePlatform(platform: LoosePlatform): Platform {
  const { architecture, variant } = normaliseCpu(platform.architecture ?? '', platform.variant ?? '');
  const osFeatures = sortedSet(platform['os.features']);
  return {
    architecture,
    os: normaliseOs(platform.os ?? ''),
    ...(!isBlank(platform['os.version']) && { 'os.version': platform['os.version'] }),
    ...(osFeatures.length > 0 && { 'os.features': osFeatures }),
    ...(variant !== '' && { variant }),
    ...(platform.features !== undefined && { features: platform.features }),
  };
}

/** Formats a platform for display, as it is: `linux/arm/v7`; `unknown` without an os. */
export function formatPlatform(platform: LoosePlatform): string {
  return join(platform, platform.os ?? '');
}

/**
 * Formats a platform with `os.version` and `os.features`: `windows(10.0.17763+win32k)/amd64`. {@link parsePlatform}
 * parses the result back; characters that would be ambiguous are percent-encoded.
 */
export function formatPlatformFull(platform: LoosePlatform): string {
  const features = sortedSet(platform['os.features']).map((feature) => `+${encodeOption(feature)}`);
  const options = encodeOption(platform['os.version'] ?? '') + features.join('');
  return join(
    platform,
    options === '' || isBlank(platform.os) ? (platform.os ?? '') : `${platform.os}(${options})`,
  );
}

/**
 * Returns a comparison key, which is equal for equal platforms: arm64 and arm64/v8, arm and arm/v7, x86_64 and amd64.
 * `os.version`, `os.features` and `features` must be equal too.
 */
export function platformKey(platform: LoosePlatform): string {
  const { os, architecture, variant, features, ...options } = normalisePlatform(platform);
  const { 'os.version': osVersion, 'os.features': osFeatures } = options;
  return JSON.stringify([os, architecture, variant, osVersion, osFeatures, sortedSet(features)]);
}

/** Reports whether two platforms are equal apart from spelling. See {@link platformKey}. */
export function samePlatform(a: LoosePlatform, b: LoosePlatform): boolean {
  return platformKey(a) === platformKey(b);
}

/** Reports whether a platform has the os and the architecture that an index entry needs (`unknown` is a value). */
export function isCompletePlatform(platform: LoosePlatform | undefined): platform is Platform {
  return platform !== undefined && !isBlank(platform.os) && !isBlank(platform.architecture);
}

/** As {@link isCompletePlatform}, and not the os `unknown` that BuildKit writes for entries without a platform. */
export function isKnownPlatform(platform: LoosePlatform | undefined): platform is Platform {
  return isCompletePlatform(platform) && platform.os !== 'unknown';
}

interface Cpu {
  readonly architecture: string;
  /** `""` for none. */
  readonly variant: string;
}

function normaliseOs(os: string): string {
  const name = os.toLowerCase();
  return name === 'macos' ? 'darwin' : name;
}

function normaliseCpu(architectureText: string, variantText: string): Cpu {
  const architecture = architectureText.toLowerCase();
  const variant = variantText.toLowerCase();
  switch (architecture) {
    case 'i386':
      return { architecture: '386', variant: '' };
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return { architecture: 'amd64', variant: variant === 'v1' ? '' : variant };
    case 'aarch64':
    case 'arm64':
      if (['8', 'v8', 'v8.0'].includes(variant)) return { architecture: 'arm64', variant: '' };
      if (['9', '9.0', 'v9.0'].includes(variant)) return { architecture: 'arm64', variant: 'v9' };
      return { architecture: 'arm64', variant };
    case 'armhf':
      return { architecture: 'arm', variant: 'v7' };
    case 'armel':
      return { architecture: 'arm', variant: 'v6' };
    case 'arm':
      if (variant === '') return { architecture, variant: 'v7' };
      return { architecture, variant: /^[5-8]$/.test(variant) ? `v${variant}` : variant };
    default:
      return { architecture, variant };
  }
}

/** Restores a default variant that the text has, and removes one that it does not have. */
function parsedCpu(
  { architecture, variant }: Cpu,
  isVariantWritten: boolean,
): Pick<Platform, 'architecture' | 'variant'> {
  if (isVariantWritten && architecture === 'arm64' && variant === '') return { architecture, variant: 'v8' };
  const isDefault = variant === '' || (!isVariantWritten && architecture === 'arm' && variant === 'v7');
  return isDefault ? { architecture } : { architecture, variant };
}

function join(platform: LoosePlatform, os: string): string {
  if (os === '') return 'unknown';
  return [os, platform.architecture, platform.variant].filter((part) => !isBlank(part)).join('/');
}

function sortedSet(values: readonly string[] | undefined): string[] {
  return [...new Set(values)].filter((value) => value !== '').sort();
}

function isBlank(text: string | undefined): text is undefined | '' {
  return text === undefined || text === '';
}

function encodeOption(text: string): string {
  return text.replace(/[^A-Za-z0-9_.-]/gu, (character) =>
    Array.from(
      new TextEncoder().encode(character),
      (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    ).join(''),
  );
}

function decodeOption(text: string, platform: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(platform);
  }
}

function invalid(text: string): ArgumentError {
  const shown = JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
  return new ArgumentError(`invalid platform ${shown}`, {
    hint: 'Write OS/ARCH or OS/ARCH/VARIANT, such as linux/amd64 or linux/arm/v7.',
  });
}

/** The JSON of a platform, in an index entry or an image's config that matches its schema. */
export interface PlatformJson {
  readonly architecture?: string;
  readonly os?: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[] | null;
  readonly variant?: string;
  readonly features?: readonly string[] | null;
}

/** Converts platform JSON; drops empty members. `undefined` without os or architecture, since nothing matches it. */
export function readPlatform(json: PlatformJson): Platform | undefined {
  const { architecture, os, variant, features, 'os.version': version, 'os.features': osFeatures } = json;
  if (!architecture || !os) return undefined;
  return {
    architecture,
    os,
    ...(version ? { 'os.version': version } : {}),
    ...(osFeatures && osFeatures.length > 0 ? { 'os.features': osFeatures } : {}),
    ...(variant ? { variant } : {}),
    ...(features && features.length > 0 ? { features } : {}),
  };
}
