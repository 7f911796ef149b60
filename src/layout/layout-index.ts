import { REF_NAME } from '../oci/annotation.js';
import type { Descriptor, DescriptorJson } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { ArgumentError, InvalidError, NotFoundError } from '../oci/errors.js';
import { parseJson } from '../oci/json.js';
import { isIndexType, isManifestType, OCI_INDEX } from '../oci/media-type.js';
import { parseDocument } from '../oci/parse.js';
import { isTag, parseReference, type Tag } from '../oci/reference.js';

/** Where containerd, BuildKit and docker put an entry's reference in full; `ref.name` holds its tag alone there. */
const CONTAINERD_NAME = 'io.containerd.image.name';

/** An `index.json` (image-spec, "OCI Image Layout"), with the fields of its own and of its entries that nobody here knows. */
export interface LayoutIndex {
  readonly manifests: readonly DescriptorJson[];
}

/** What a layout starts with. */
export const EMPTY_LAYOUT_INDEX = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] } as const;

/**
 * Reads an `index.json`, as tolerantly as any index: an entry whose media type is none does not keep the others from
 * being read.
 *
 * @param label what messages call the file
 * @throws InvalidError
 */
export function parseLayoutIndex(bytes: Uint8Array, label: string): LayoutIndex {
  parseDocument(bytes, { mediaType: OCI_INDEX, label });
  // Read again, since a document's value holds what is known only, and an edit has to keep the rest.
  const json = parseJson(bytes, label) as { readonly manifests: readonly DescriptorJson[] | null };
  return { ...json, manifests: json.manifests ?? [] };
}

/**
 * Finds the entry of a tag: the one whose `ref.name` is the tag. Where none is, the one that some tools name by a
 * reference in full, in `ref.name` (podman, skopeo) or beside it (containerd, BuildKit, docker), with this tag.
 *
 * @throws ArgumentError where different images have the name, as `docker save a:1 b:1` writes them;
 *   InvalidError where the entry is neither a manifest nor an index
 */
export function findTag(index: LayoutIndex, tag: Tag, label: string): DescriptorJson | undefined {
  const [first, ...others] = entriesNamed(index, tag);
  if (first === undefined) return undefined;
  if (others.length > 0) {
    throw new ArgumentError(`${label} holds ${others.length + 1} different images named ${tag}`, {
      hint: `Say which one by its digest: ${[first, ...others].map(describeEntry).join(', ')}.`,
    });
  }
  if (!isImage(first)) {
    throw new InvalidError(
      `${tag} of ${label} is of media type ${JSON.stringify(first.mediaType)}, neither an image manifest nor an index`,
    );
  }
  return first;
}

/** Finds the image of a digest among those that are listed. */
export function findDigest(index: LayoutIndex, digest: Digest): DescriptorJson | undefined {
  return index.manifests.find((entry) => entry.digest === digest && isImage(entry));
}

/**
 * The only image of a layout.
 * @throws NotFoundError where there is none, ArgumentError where there are several: the hint lists them
 */
export function onlyImage(index: LayoutIndex, label: string): DescriptorJson {
  const [first, ...others] = distinct(index.manifests.filter(isImage));
  if (first === undefined) throw new NotFoundError(`${label} lists no image`);
  if (others.length > 0) {
    throw new ArgumentError(`${label} holds ${others.length + 1} images`, {
      hint: `Say which one: ${imageNames(index).join(', ')}.`,
    });
  }
  return first;
}

/** What each image can be asked for by: a tag that stands for it alone, else its digest. */
export function imageNames(index: LayoutIndex): (Tag | Digest)[] {
  const names = index.manifests
    .filter(isImage)
    .map((entry) => tagsOf(entry).find((tag) => entriesNamed(index, tag).length === 1) ?? entry.digest);
  return [...new Set(names)];
}

/**
 * Puts an image under a tag: in the place of the entry that had the tag, so that what the tag stood for before is no
 * longer listed, else at the end. An entry of the same image without a name gets the name.
 *
 * @returns the same index where the tag stands for the image already
 */
export function setTag(index: LayoutIndex, image: Descriptor, tag: Tag): LayoutIndex {
  const { manifests } = index;
  const tagged = manifests.filter((entry) => refName(entry) === tag);
  if (tagged.length === 1 && tagged[0] !== undefined && sameContent(tagged[0], image)) return index;
  const known = manifests.find(
    (entry) => entry.digest === image.digest && [undefined, tag].some((name) => name === refName(entry)),
  );
  const entry = { ...known, ...image, annotations: { ...known?.annotations, [REF_NAME]: tag } };
  const replaced = new Set([...tagged, known]);
  const kept = manifests.filter((other) => !replaced.has(other));
  const at = manifests.findIndex((other) => replaced.has(other));
  return { ...index, manifests: kept.toSpliced(at === -1 ? kept.length : at, 0, entry) };
}

/** The entries that a tag may mean, one for each image. */
function entriesNamed({ manifests }: LayoutIndex, tag: Tag): DescriptorJson[] {
  const exact = manifests.filter((entry) => refName(entry) === tag);
  return distinct(exact.length > 0 ? exact : manifests.filter((entry) => tagsOf(entry).includes(tag)));
}

function distinct(entries: readonly DescriptorJson[]): DescriptorJson[] {
  const byDigest = new Map<Digest, DescriptorJson>();
  for (const entry of entries) if (!byDigest.has(entry.digest)) byDigest.set(entry.digest, entry);
  return [...byDigest.values()];
}

function isImage({ mediaType }: DescriptorJson): boolean {
  return isManifestType(mediaType) || isIndexType(mediaType);
}

function refName(entry: DescriptorJson): string | undefined {
  return entry.annotations?.[REF_NAME];
}

/** The tags that an entry's names hold, be they tags themselves or references in full. */
function tagsOf(entry: DescriptorJson): Tag[] {
  const names = [refName(entry), entry.annotations?.[CONTAINERD_NAME]];
  return names.flatMap((name) => (name === undefined ? [] : (tagIn(name) ?? [])));
}

function tagIn(name: string): Tag | undefined {
  if (isTag(name)) return name;
  try {
    return parseReference(name).tag;
  } catch (error) {
    // Any text may be an annotation.
    if (error instanceof ArgumentError) return undefined;
    throw error;
  }
}

function describeEntry({ digest, annotations }: DescriptorJson): string {
  const name = annotations?.[CONTAINERD_NAME];
  return name === undefined ? digest : `${digest} (${name})`;
}

function sameContent(a: DescriptorJson, b: DescriptorJson): boolean {
  return a.digest === b.digest && a.size === b.size && a.mediaType === b.mediaType;
}
