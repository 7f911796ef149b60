import type { Annotations, Descriptor } from '../oci/descriptor.js';
import type { LoosePlatform, Platform } from '../oci/platform.js';
import type { Entry, EntryOverride } from './draft.js';

/**
 * What the index says of an entry: the descriptor as it was read with the entry's override laid over it. An empty text
 * in the override changes nothing; `os.features` are added. os and architecture that nobody stated are `""`.
 */
export function entryDescriptor({ descriptor, override }: Entry): Descriptor {
  if (override === undefined) return descriptor;
  const { platform: readPlatform, annotations: readAnnotations, ...rest } = descriptor;
  const platform = effectivePlatform(readPlatform, override);
  const annotations = {
    ...withoutAnnotations(readAnnotations, override.unset?.annotations),
    ...override.annotations,
  };
  return {
    ...rest,
    ...(Object.keys(annotations).length > 0 && { annotations }),
    ...(platform !== undefined && { platform }),
  };
}

/** Annotations without some of them. */
export function withoutAnnotations(
  annotations: Annotations | undefined,
  names: readonly string[] | undefined,
): Annotations {
  // Not by assignment: an annotation may be called `__proto__`.
  return Object.fromEntries(Object.entries(annotations ?? {}).filter(([name]) => !names?.includes(name)));
}

/** A platform without some of its parts. */
export function withoutParts(
  platform: LoosePlatform | undefined,
  parts: readonly (keyof Platform)[] | undefined,
): LoosePlatform {
  const gone = new Set<string>(parts);
  return Object.fromEntries(Object.entries(platform ?? {}).filter(([part]) => !gone.has(part)));
}

function effectivePlatform(read: Platform | undefined, override: EntryOverride): Platform | undefined {
  const kept = withoutParts(read, override.unset?.platform);
  const added = override.platform ?? {};
  const scalars = Object.entries(added).filter(([, value]) => typeof value === 'string' && value !== '');
  const features = new Set([...(kept['os.features'] ?? []), ...(added['os.features'] ?? [])]);
  const platform: LoosePlatform = {
    ...kept,
    ...Object.fromEntries(scalars),
    ...(features.size > 0 && { 'os.features': [...features] }),
  };
  if (Object.keys(platform).length === 0) return undefined;
  return { architecture: '', os: '', ...platform };
}
