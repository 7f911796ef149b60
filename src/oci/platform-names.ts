import { architectureOfAlias, isKnownOsArch, isVariantOf, osOfAlias } from './known-platforms.js';
import {
  formatPlatform,
  isCompletePlatform,
  isKnownPlatform,
  normalisePlatform,
  type LoosePlatform,
  type Platform,
} from './platform.js';

/**
 * Returns the platform that an index states for an image whose config states the given one: containerd's canonical names,
 * because clients compare them with their own, without a variant of another architecture. Of a canonical platform, the
 * default variant stays as it is, as docker writes it: arm64 with `v8`, arm without any.
 */
export function indexPlatform(stated: Platform): Platform {
  const { os, architecture, variant } = canonicalNames(stated);
  const { variant: _, ...others } = stated;
  const isKept = variant !== undefined && isVariantOf(architecture, variant);
  return { ...others, architecture, os, ...(isKept && { variant }) };
}

/**
 * Returns the platform in quotes and what is wrong with its names, with the likely platform; `undefined` for a usable
 * platform, for the `unknown` of attestations and for an incomplete platform.
 */
export function platformDoubt(platform: LoosePlatform): string | undefined {
  if (!isKnownPlatform(platform)) return undefined;
  const stated = formatPlatform(platform);
  const likely = formatPlatform(likelyPlatform(platform));
  const { os, architecture } = platform;
  if (likely !== stated)
    return `${JSON.stringify(stated)}, which clients do not look for; probably ${likely} is meant`;
  if (isKnownOsArch(os, architecture) || architecture.startsWith('wasm')) return undefined;
  return `${JSON.stringify(stated)}, which is not a known operating system and architecture`;
}

/** Reports whether a platform has a variant of another architecture: `arm64/v7`. */
export function hasForeignVariant(platform: LoosePlatform): boolean {
  if (!isCompletePlatform(platform)) return false;
  const { architecture, variant = '' } = likelyPlatform(platform);
  return !isVariantOf(architecture, variant);
}

/** Returns the platform that is probably meant, by the names of Go. A variant of another architecture is kept. */
export function likelyPlatform(platform: Platform): Platform {
  const [architecture = '', variant = platform.variant ?? ''] = architectureOfAlias(
    foldName(platform.architecture),
  ).split('/');
  const os = osOfAlias(foldName(platform.os));
  const { variant: _, ...others } = platform;
  return { ...others, ...canonicalNames({ os, architecture, variant }) };
}

/** The canonical names, with the default variant of a canonical architecture as it is stated. */
function canonicalNames(stated: LoosePlatform): Pick<Platform, 'os' | 'architecture' | 'variant'> {
  const variantText = foldName(stated.variant ?? '').replace(/^arm(v\d)(?:l|hf)?$/, '$1');
  const { os, architecture, variant } = normalisePlatform({
    os: foldName(stated.os ?? ''),
    architecture: foldName(stated.architecture ?? ''),
    variant: variantText,
  });
  const isDefault =
    (architecture === 'arm64' && variantText === 'v8') ||
    (stated.architecture === 'arm' && variantText === '');
  const written = isDefault ? variantText : variant;
  return { os, architecture, ...(written !== undefined && written !== '' && { variant: written }) };
}

function foldName(name: string): string {
  return name.trim().toLowerCase();
}
