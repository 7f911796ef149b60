import type { Annotations, Descriptor } from '../oci/descriptor.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { parseDocument } from '../oci/parse.js';
import { normalisePlatform, type LoosePlatform, type Platform } from '../oci/platform.js';
import { hasForeignVariant } from '../oci/platform-names.js';
import type { Entry, EntryOverride } from './draft.js';

/**
 * The descriptor of an entry in the index: that of its source with the entry's override applied. An empty string in the
 * override changes nothing; `os.features` are added. A missing os or architecture is `""`. An override of the architecture
 * drops the variant of the source: see {@link droppedVariant}.
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

/** The annotations without the named ones. */
export function withoutAnnotations(
  annotations: Annotations | undefined,
  names: readonly string[] | undefined,
): Annotations {
  // Not by assignment: an annotation may be called `__proto__`.
  return Object.fromEntries(Object.entries(annotations ?? {}).filter(([name]) => !names?.includes(name)));
}

/** The platform without the named fields. */
export function withoutFields(
  platform: LoosePlatform | undefined,
  fields: readonly (keyof Platform)[] | undefined,
): LoosePlatform {
  const removed = new Set<string>(fields);
  return Object.fromEntries(Object.entries(platform ?? {}).filter(([part]) => !removed.has(part)));
}

/** Returns the variant of the source that the entry does not have, because it belongs to the replaced architecture. */
export function droppedVariant({ descriptor, override = {} }: Entry): string | undefined {
  return replacedVariant(descriptor.platform, override);
}

function replacedVariant(
  read: Platform | undefined,
  { platform: given, unset }: EntryOverride,
): string | undefined {
  if (read?.variant === undefined || !given?.architecture || unset?.platform?.includes('variant') === true) {
    return undefined;
  }
  const { architecture } = normalisePlatform({ architecture: given.architecture });
  const isSame = architecture === normalisePlatform({ architecture: read.architecture }).architecture;
  return isSame && !hasForeignVariant(read) ? undefined : read.variant;
}

function effectivePlatform(read: Platform | undefined, override: EntryOverride): Platform | undefined {
  const dropped = replacedVariant(read, override) === undefined ? [] : ['variant' as const];
  const kept = withoutFields(read, [...(override.unset?.platform ?? []), ...dropped]);
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

/** The exact text of a manifest, as {@link Entry.manifest} stores it. */
export function manifestText(document: ManifestOrIndex): string {
  return new TextDecoder().decode(document.bytes);
}

/**
 * The manifest stored in an entry; `undefined` if it stores none.
 * @throws InvalidError if the text does not match the entry's digest and size
 */
export function embeddedManifest({ source, manifest, descriptor }: Entry): ManifestOrIndex | undefined {
  if (manifest === undefined) return undefined;
  return parseDocument(new TextEncoder().encode(manifest), {
    ...descriptor,
    label: `the manifest of ${source}`,
  });
}
