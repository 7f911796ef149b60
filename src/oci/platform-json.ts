import type { Platform } from './platform.js';

/** A platform as JSON holds it: in an index entry or in an image's config, once its schema has allowed it. */
export interface PlatformJson {
  readonly architecture?: string;
  readonly os?: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[] | null;
  readonly variant?: string;
  readonly features?: readonly string[] | null;
}

/** The platform, empty members left out. `undefined` without os or architecture: half a platform selects nothing. */
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
