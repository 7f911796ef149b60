import { REF_NAME, type Descriptor, type DescriptorJson } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { ArgumentError, InvalidError, NotFoundError } from '../../oci/errors.js';
import { parseJson } from '../../oci/json.js';
import { isIndexType, isManifestType, OCI_INDEX } from '../../oci/media-type.js';
import { parseDocument } from '../../oci/parse.js';
import { isTag, parseReference, type Tag } from '../../oci/reference.js';
import { isReferrersTag } from '../../oci/referrers.js';

/** Where containerd, BuildKit and docker put an entry's reference in full; `ref.name` holds its tag alone there. */
export const CONTAINERD_NAME = 'io.containerd.image.name';

/** An `index.json` (image-spec, "OCI Image Layout"), with the fields of its own and of its entries that nobody here knows. */
export interface LayoutIndex {
  readonly manifests: readonly DescriptorJson[];
}

const PER_PLATFORM =
  ' They are one image for each platform, and no index joins them: `multiarch create` makes one from their digests.';

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
      hint: `To read one, name it by its digest: ${[first, ...others].map(describeEntry).join(', ')}. To publish, choose another tag.`,
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
  const [first, ...others] = distinct(imagesOf(index));
  if (first === undefined) {
    throw new NotFoundError(`${label} lists no image`, {
      hint: 'If it should hold one, it is not complete: make it again.',
    });
  }
  if (others.length > 0) {
    throw new ArgumentError(`${label} holds ${others.length + 1} images`, {
      hint: `Say which one: ${imageNames(index).join(', ')}.${isOnePerPlatform([first, ...others]) ? PER_PLATFORM : ''}`,
    });
  }
  return first;
}

/** As pushes of one platform each leave them. */
function isOnePerPlatform(entries: readonly DescriptorJson[]): boolean {
  const platforms = entries.map(
    ({ platform }) => platform && `${platform.os}/${platform.architecture}/${platform.variant}`,
  );
  return (
    !platforms.includes(undefined) &&
    new Set(platforms).size === entries.length &&
    entries.every((entry) => isManifestType(entry.mediaType) && refName(entry) === undefined)
  );
}

/** What each image can be asked for by: a tag that stands for it alone, else its digest. */
export function imageNames(index: LayoutIndex): (Tag | Digest)[] {
  const names = imagesOf(index).map(
    (entry) => tagsOf(entry).find((tag) => entriesNamed(index, tag).length === 1) ?? entry.digest,
  );
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

/** What may refer to an image of the layout: oras lists it without a name, beside the image. */
export function possibleReferrers(index: LayoutIndex): DescriptorJson[] {
  return index.manifests.filter(
    (entry) =>
      isImage(entry) && !isNamedReferrer(entry) && (isArtifact(entry) || refName(entry) === undefined),
  );
}

/**
 * The images of a layout, without what only speaks of them: lists of referrers and what cosign makes, by their tags, and
 * artifacts without a name. A layout that holds nothing but such artifacts was made for them.
 */
function imagesOf({ manifests }: LayoutIndex): DescriptorJson[] {
  const entries = manifests.filter((entry) => isImage(entry) && !isNamedReferrer(entry));
  const images = entries.filter((entry) => !isArtifact(entry) || refName(entry) !== undefined);
  return images.length > 0 ? images : entries;
}

function isNamedReferrer(entry: DescriptorJson): boolean {
  return isReferrersTag(refName(entry) ?? '');
}

function isArtifact({ artifactType }: DescriptorJson): boolean {
  return artifactType !== undefined && artifactType !== '';
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
