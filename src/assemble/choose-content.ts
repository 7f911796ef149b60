import { readChild } from '../content/read-child.js';
import { unlimited } from '../content/limit.js';
import type { Source } from '../content/source.js';
import type { ManifestOrIndex, IndexDocument, ManifestDocument } from '../oci/document.js';
import { InvalidError } from '../oci/errors.js';
import { isImageConfigType } from '../oci/media-type.js';
import { formatPlatformFull, type Platform } from '../oci/platform.js';
import { selectPlatform } from '../oci/platform-match.js';
import { checkRequiredPlatforms } from '../oci/required-platforms.js';
import { createIndexDocument } from '../oci/serialise.js';
import { readEntries, type ReadSourceOptions, type SourceEntry } from './read-source.js';
import { selectEntries, type EntrySelection } from './select-entries.js';
import { imagePlatforms, isAttestation } from '../oci/attestation.js';

/** What is wanted of an image or index that a source gave. */
export interface ChosenContent {
  /** With its own bytes, unless something was taken out of an index: then it is another index. */
  readonly document: ManifestOrIndex;
  /** Of an index, its entries. */
  readonly entries: readonly SourceEntry[];
  /** Of an image, where it is known. */
  readonly platform?: Platform;
}

/**
 * Takes of an index the images that are wanted, in its order: for one platform the image itself, for several a smaller
 * index with all else that the source's says of itself. An index that loses nothing stays as it is, byte for byte. An
 * image is taken as it is, and must be for the platform asked for.
 *
 * Where nothing is left out, nothing is read; else indexes within the index are opened, and configs of images whose
 * platform it does not say.
 *
 * @param label how messages call what the source gave
 * @param options.configs also of an image that is taken as it is, find out the platform
 * @throws RequirementError where a platform is not there: it lists those that are; InvalidError where nothing is left
 */
export async function chooseContent(
  source: Source,
  document: ManifestOrIndex,
  label: string,
  selection: EntrySelection,
  options: ReadSourceOptions = {},
): Promise<ChosenContent> {
  return document.kind === 'index'
    ? ofIndex(source, document, label, selection, options)
    : ofImage(source, document, label, selection, options);
}

async function ofImage(
  source: Source,
  document: ManifestDocument,
  label: string,
  { platforms = [] }: EntrySelection,
  options: ReadSourceOptions,
): Promise<ChosenContent> {
  const isDescribed = options.configs === true && isImageConfigType(document.value.config.mediaType);
  if (platforms.length === 0 && !isDescribed) return { document, entries: [] };
  const [entry] = await readEntries(source, document, label, options);
  const platform = entry?.descriptor.platform;
  checkRequiredPlatforms(platforms, [platform], label);
  return { document, entries: [], ...(platform !== undefined && { platform }) };
}

async function ofIndex(
  source: Source,
  document: IndexDocument,
  label: string,
  selection: EntrySelection,
  options: ReadSourceOptions,
): Promise<ChosenContent> {
  const { platforms = [], attestations } = selection;
  const whole = { document, entries: document.value.manifests.map((descriptor) => ({ descriptor })) };
  if (platforms.length === 0 && attestations !== 'drop') return whole;
  // Without their configs: of what is taken out, nobody wants to know more.
  const entries = await readEntries(source, document, label, { ...options, configs: false });
  const present = imagePlatforms(entries.map(({ descriptor }) => descriptor));
  checkRequiredPlatforms(platforms, present, label);
  const wanted = selectEntries(entries, selection);
  const [platform, ...others] = platforms;
  if (platform !== undefined && others.length === 0) {
    return chooseImage(source, wanted, platform, label, options);
  }
  if (wanted.length === entries.length) return whole;
  if (wanted.length === 0) throw new InvalidError(`${label} has nothing but statements about images`);
  const { value, mediaType } = document;
  const manifests = wanted.map(({ descriptor }) => descriptor);
  return { document: createIndexDocument({ ...value, mediaType, manifests }), entries: wanted };
}

/** Of images for one platform, the one that its machines would take. */
async function chooseImage(
  source: Source,
  entries: readonly SourceEntry[],
  platform: Platform,
  label: string,
  options: ReadSourceOptions,
): Promise<ChosenContent> {
  const images = entries.filter(({ descriptor }) => !isAttestation(descriptor));
  const platforms = images.map(({ descriptor }) => descriptor.platform);
  const chosen = images[selectPlatform(platform, platforms) ?? 0];
  if (chosen === undefined)
    throw new InvalidError(`${label} has no image for ${formatPlatformFull(platform)}`);
  const { descriptor, document: known } = chosen;
  const { limit = unlimited, signal, onEvent } = options;
  const count = new Set(images.map((image) => image.descriptor.digest)).size;
  if (count > 1) {
    const message = `${label} has ${count} images for ${formatPlatformFull(platform)}: ${descriptor.digest} is taken, as clients would`;
    onEvent?.({ kind: 'warning', message });
  }
  const document = known ?? (await limit(() => readChild(source, descriptor, { signal })));
  return {
    document,
    entries: [],
    ...(descriptor.platform !== undefined && { platform: descriptor.platform }),
  };
}
