import { parseContent } from '../../content/parse-content.js';
import { REF_NAME, type Descriptor, type DescriptorJson } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { ArgumentError, InvalidError, NotFoundError, printable } from '../../oci/errors.js';
import { parseJson } from '../../oci/json.js';
import { withoutNullMembers } from '../../oci/null-members.js';
import { isIndexType, isManifestType, OCI_INDEX } from '../../oci/media-type.js';
import { isRefName } from '../../oci/ref-name.js';
import { isTag, type RefName } from '../../oci/reference.js';
import { isReferrersTag } from '../../oci/referrers.js';
import { CONTAINERD_NAME, distinct, LayoutNames, namesOf, refName, tagsOf } from './layout-names.js';

/** An `index.json` (image-spec, "OCI Image Layout"). Unknown fields of the index and its entries are kept. */
export interface LayoutIndex {
  readonly manifests: readonly DescriptorJson[];
}

const PER_PLATFORM_HINT =
  ' They are one image per platform, without an index: `multiarch create` makes one from their digests.';

/** The index of a new layout. */
export const EMPTY_LAYOUT_INDEX = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] } as const;

/**
 * Parses an `index.json`. Like any index, it may have entries with unknown media types.
 *
 * @param label the file's name in messages
 * @throws InvalidError
 */
export function parseLayoutIndex(bytes: Uint8Array, label: string): LayoutIndex {
  parseContent(bytes, { mediaType: OCI_INDEX, label });
  // Parsed again, because a document's value lacks unknown fields, which edits must keep.
  const json = withoutNullMembers(parseJson(bytes, label)) as {
    readonly manifests: readonly DescriptorJson[] | null;
  };
  return { ...json, manifests: json.manifests ?? [] };
}

/**
 * Finds the entry of a tag: the one whose `ref.name` is the tag, else one with the same reference, else one with a full
 * reference that has the tag. The reference is in `ref.name` (podman, skopeo) or in {@link CONTAINERD_NAME} (containerd,
 * BuildKit, docker).
 *
 * @throws ArgumentError if several images have the tag, as after `docker save a:1 b:1`;
 *   InvalidError if the entry is neither a manifest nor an index
 */
export function findTag(index: LayoutIndex, tag: RefName, label: string): DescriptorJson | undefined {
  const exact = findExactTag(index, tag, label);
  if (exact !== undefined) return exact;
  const [first, ...others] = layoutNames(index).matching(tag);
  if (first === undefined || others.length === 0) return checkedImage(first, tag, label);
  throw new ArgumentError(`${label} holds ${others.length + 1} different images named ${tag}`, {
    hint: `Choose one by its full name: ${[first, ...others].map((entry) => selectorOf(index, entry)).join(', ')}.`,
  });
}

/** As {@link findTag}, but finds only an entry whose `ref.name` is the tag: the one that writing the tag replaces. */
export function findExactTag(index: LayoutIndex, tag: RefName, label: string): DescriptorJson | undefined {
  const [first, ...others] = layoutNames(index).named(tag);
  if (others.length === 0) return checkedImage(first, tag, label);
  throw new ArgumentError(`${label} holds ${others.length + 1} different images named ${tag}`, {
    hint: `To read one, use its digest: ${[first, ...others]
      .flatMap((entry) => entry ?? [])
      .map(describeEntry)
      .join(', ')}. To publish, choose another tag.`,
  });
}

function checkedImage(
  entry: DescriptorJson | undefined,
  tag: RefName,
  label: string,
): DescriptorJson | undefined {
  if (entry === undefined || isImage(entry)) return entry;
  throw new InvalidError(
    `${tag} of ${label} has media type ${JSON.stringify(entry.mediaType)}, neither an image manifest nor an index`,
  );
}

/**
 * Finds an entry by its position in `manifests`, counted from 0.
 * @throws NotFoundError if the list is shorter; InvalidError if the entry is neither a manifest nor an index
 */
export function findPosition({ manifests }: LayoutIndex, position: number, label: string): DescriptorJson {
  const entry = manifests[position];
  if (entry === undefined) {
    throw new NotFoundError(`${label} has no image at position ${position}`, {
      hint: `It lists ${manifests.length}; the first is @0.`,
    });
  }
  if (isImage(entry)) return entry;
  throw new InvalidError(
    `@${position} of ${label} has media type ${JSON.stringify(entry.mediaType)}, neither an image manifest nor an index`,
  );
}

/** Finds the entry of a digest. */
export function findDigest(index: LayoutIndex, digest: Digest): DescriptorJson | undefined {
  return index.manifests.find((entry) => entry.digest === digest && isImage(entry));
}

/**
 * The only image of a layout.
 * @throws NotFoundError if there are none; ArgumentError if there are several, with a hint that lists them
 */
export function onlyImage(index: LayoutIndex, label: string): DescriptorJson {
  const [first, ...others] = distinct(imagesOf(index));
  if (first === undefined) {
    throw new NotFoundError(`${label} lists no image`, {
      hint: 'If it should, it is incomplete: create it again.',
    });
  }
  if (others.length > 0) {
    throw new ArgumentError(`${label} holds ${others.length + 1} images`, {
      hint: `Choose one: ${choices(index).join(', ')}.${isOnePerPlatform([first, ...others]) ? PER_PLATFORM_HINT : ''}`,
    });
  }
  return first;
}

/** Reports whether the entries are unnamed images of different platforms, as separate pushes leave them. */
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

/** The selector of each image: a tag that no other image has, else its full name, else its digest. */
export function imageNames(index: LayoutIndex): (RefName | Digest)[] {
  return [...new Set(imagesOf(index).map((entry) => selectorOf(index, entry)))];
}

/** {@link imageNames} for messages: a digest is followed by the name that the image has, although it selects no image. */
export function choices(index: LayoutIndex): string[] {
  const texts = imagesOf(index).map((entry) => {
    const selector = selectorOf(index, entry);
    const name = refName(entry);
    const isShown = selector === entry.digest && name !== undefined && !isTag(name);
    return isShown ? `${selector} (${printable(name)})` : selector;
  });
  return [...new Set(texts)];
}

function selectorOf(index: LayoutIndex, entry: DescriptorJson): RefName | Digest {
  const names = [...tagsOf(entry), ...namesOf(entry).filter(isRefName)];
  return names.find((name) => selects(index, name, entry)) ?? entry.digest;
}

/** Reports whether a name selects an image, and no other. */
function selects(index: LayoutIndex, name: RefName, { digest }: DescriptorJson): boolean {
  const exact = layoutNames(index).named(name);
  const found = exact.length > 0 ? exact : layoutNames(index).matching(name);
  return found.length === 1 && found[0]?.digest === digest;
}

/**
 * Sets a tag to an image. The new entry replaces the tag's old one, or an untagged entry of the same image, or is
 * appended.
 *
 * @returns the same object if the tag is set to the image already
 */
export function setTag(index: LayoutIndex, image: Descriptor, tag: RefName): LayoutIndex {
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

/** Removes the entries of a tag. Returns the same object if it has none. */
export function removeTag(index: LayoutIndex, tag: RefName): LayoutIndex {
  const manifests = index.manifests.filter((entry) => refName(entry) !== tag);
  return manifests.length === index.manifests.length ? index : { ...index, manifests };
}

/** Removes the entries of a digest, whatever their tags. Returns the same object if it has none. */
export function removeDigest(index: LayoutIndex, digest: Digest): LayoutIndex {
  const manifests = index.manifests.filter((entry) => entry.digest !== digest);
  return manifests.length === index.manifests.length ? index : { ...index, manifests };
}

/** The names of all images, as they select them: tags and full references. */
export function tagNames(index: LayoutIndex): string[] {
  const names = index.manifests.filter(isImage).flatMap((entry) => {
    const selector = selectorOf(index, entry);
    return selector === entry.digest ? [] : [selector];
  });
  return [...new Set(names)];
}

/** Made once for each index: an edit makes another index. */
const namesOfIndexes = new WeakMap<LayoutIndex, LayoutNames>();

function layoutNames(index: LayoutIndex): LayoutNames {
  const names = namesOfIndexes.get(index) ?? new LayoutNames(index.manifests);
  namesOfIndexes.set(index, names);
  return names;
}

/** The entries that may have a subject: oras lists referrers without a name beside their subject. */
export function possibleReferrers(index: LayoutIndex): DescriptorJson[] {
  return index.manifests.filter(
    (entry) =>
      isImage(entry) && !isNamedReferrer(entry) && (isArtifact(entry) || refName(entry) === undefined),
  );
}

/**
 * The images of a layout, without referrers: referrers lists and cosign signatures (recognised by their tags), and
 * unnamed artifacts. A layout that only has unnamed artifacts lists those.
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

function describeEntry({ digest, annotations }: DescriptorJson): string {
  const name = annotations?.[CONTAINERD_NAME];
  return name === undefined ? digest : `${digest} (${name})`;
}

function sameContent(a: DescriptorJson, b: DescriptorJson): boolean {
  return a.digest === b.digest && a.size === b.size && a.mediaType === b.mediaType;
}
