import { REF_NAME, type DescriptorJson } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import {
  formatReference,
  isTag,
  parseReferenceIfValid,
  withDefaultTag,
  type RefName,
} from '../../oci/reference.js';

/** The annotation in which containerd, BuildKit and docker store the full reference; their `ref.name` is its tag. */
export const CONTAINERD_NAME = 'io.containerd.image.name';

type Entries = readonly DescriptorJson[];

/**
 * The entries of an `index.json` by their names: a layout may have thousands, and each tag that is read or written looks for
 * one. Each list has one entry for each image.
 */
export class LayoutNames {
  readonly #manifests: Entries;
  readonly #byRefName: Lookup;
  #byTag: Lookup | undefined;
  #byFullName: Lookup | undefined;

  constructor(manifests: Entries) {
    this.#manifests = manifests;
    this.#byRefName = lookup(manifests, (entry) => refName(entry) ?? []);
  }

  /** The entries whose `ref.name` is the tag. */
  named(tag: RefName): Entries {
    return this.#byRefName.get(tag) ?? [];
  }

  /** The entries with the same reference or, for a tag alone, with a reference that has the tag. */
  matching(name: RefName): Entries {
    if (isTag(name)) {
      this.#byTag ??= lookup(this.#manifests, tagsOf);
      return this.#byTag.get(name) ?? [];
    }
    const full = fullName(name);
    if (full === undefined) return [];
    this.#byFullName ??= lookup(this.#manifests, (entry) =>
      namesOf(entry).flatMap((other) => fullName(other) ?? []),
    );
    return this.#byFullName.get(full) ?? [];
  }
}

/** The first entry of each image, by name. */
type Lookup = ReadonlyMap<string, Entries>;

function lookup(manifests: Entries, keysOf: (entry: DescriptorJson) => string | readonly string[]): Lookup {
  const found = new Map<string, Map<Digest, DescriptorJson>>();
  for (const entry of manifests) {
    for (const key of [keysOf(entry)].flat()) {
      const images = found.get(key) ?? new Map<Digest, DescriptorJson>();
      found.set(key, images);
      if (!images.has(entry.digest)) images.set(entry.digest, entry);
    }
  }
  return new Map([...found].map(([key, images]) => [key, [...images.values()]]));
}

/** The first entry of each digest. */
export function distinct(entries: Entries): DescriptorJson[] {
  const byDigest = new Map<Digest, DescriptorJson>();
  for (const entry of entries) if (!byDigest.has(entry.digest)) byDigest.set(entry.digest, entry);
  return [...byDigest.values()];
}

export function refName(entry: DescriptorJson): string | undefined {
  return entry.annotations?.[REF_NAME];
}

/** An entry's names, which are tags or full references. */
export function namesOf({ annotations }: DescriptorJson): string[] {
  return [annotations?.[REF_NAME], annotations?.[CONTAINERD_NAME]].flatMap((name) => name ?? []);
}

/** The tags in an entry's names. */
export function tagsOf(entry: DescriptorJson): RefName[] {
  return namesOf(entry).flatMap((name) => (isTag(name) ? name : (parseReferenceIfValid(name)?.tag ?? [])));
}

/** A reference in full: `docker.io/library/app:1.2` for `app:1.2`; `undefined` for a tag alone and any other text. */
function fullName(name: string): string | undefined {
  const reference = isTag(name) ? undefined : parseReferenceIfValid(name);
  return reference === undefined ? undefined : formatReference(withDefaultTag(reference));
}
