import { readChild } from '../content/read-child.js';
import { unlimited } from '../content/limit.js';
import type { Source } from '../content/source.js';
import type { ManifestOrIndex, IndexDocument, ManifestDocument } from '../oci/document.js';
import { InvalidError } from '../oci/errors.js';
import { isImageConfigType, type MediaType } from '../oci/media-type.js';
import { formatPlatformFull, type Platform } from '../oci/platform.js';
import { checkRequiredPlatforms } from '../oci/required-platforms.js';
import { createUncheckedIndexDocument } from '../oci/serialise.js';
import { readEntries, type ReadSourceOptions, type SourceEntry } from './read-source.js';
import { imageFor, selectEntries, type EntrySelection } from './select-entries.js';
import { imagePlatforms, isAttestation } from '../oci/attestation.js';
import { withoutStaleData } from './stale-data.js';

/** The selected part of a source's image or index. */
export interface ChosenContent {
  /** The document with its exact bytes, or a new index if entries were removed. */
  readonly document: ManifestOrIndex;
  /** The entries of an index; empty for an image. */
  readonly entries: readonly SourceEntry[];
  /** The platform of an image, if known. */
  readonly platform?: Platform;
}

export interface ChooseContentOptions extends ReadSourceOptions {
  /** The media type of a new index. @default that of the source */
  readonly indexType?: MediaType | undefined;
}

/**
 * Selects the wanted images of an index: the image itself for one platform, else a smaller index with the source's
 * other members, in order. An index that keeps all entries keeps its exact bytes. An image stays as it is, and must
 * match the selected platforms.
 *
 * Reads nested indexes, and the configs of images without a platform, only if entries are selected.
 *
 * @param label the name of the document in messages
 * @param options.configs determines the platform of an image also if none is selected
 * @throws RequirementError that lists the present platforms if one is missing; InvalidError if no entries are left
 */
export async function chooseContent(
  source: Source,
  document: ManifestOrIndex,
  label: string,
  selection: EntrySelection,
  options: ChooseContentOptions = {},
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
  options: ChooseContentOptions,
): Promise<ChosenContent> {
  const { platforms = [], attestations } = selection;
  const whole = { document, entries: document.value.manifests.map((descriptor) => ({ descriptor })) };
  if (platforms.length === 0 && attestations !== 'drop') return whole;
  // Without the configs of images that may be dropped.
  const entries = await readEntries(source, document, label, { ...options, configs: false });
  const present = imagePlatforms(entries.map(({ descriptor }) => descriptor));
  checkRequiredPlatforms(platforms, present, label);
  const wanted = selectEntries(entries, selection);
  const [platform, ...others] = platforms;
  if (platform !== undefined && others.length === 0) {
    return chooseImage(source, wanted, platform, label, options);
  }
  if (wanted.length === entries.length) return whole;
  if (wanted.length === 0) throw new InvalidError(`${label} has only attestations`);
  const { value } = document;
  const { indexType: mediaType = document.mediaType } = options;
  const kept = wanted.map((entry) => ({
    ...entry,
    descriptor: withoutStaleData(entry.descriptor, label, options.onEvent),
  }));
  const manifests = kept.map(({ descriptor }) => descriptor);
  return { document: createUncheckedIndexDocument({ ...value, mediaType, manifests }), entries: kept };
}

/** Chooses the image that clients select for a platform. */
async function chooseImage(
  source: Source,
  entries: readonly SourceEntry[],
  platform: Platform,
  label: string,
  options: ReadSourceOptions,
): Promise<ChosenContent> {
  const images = entries.filter(({ descriptor }) => !isAttestation(descriptor));
  const chosen = imageFor(platform, images);
  if (chosen === undefined)
    throw new InvalidError(`${label} has no image for ${formatPlatformFull(platform)}`);
  const { descriptor, document: known } = chosen;
  const { limit = unlimited, signal, onEvent } = options;
  const count = new Set(images.map((image) => image.descriptor.digest)).size;
  if (count > 1) {
    const message = `${label} has ${count} images for ${formatPlatformFull(platform)}: using ${descriptor.digest}, as clients do`;
    onEvent?.({ kind: 'warning', message });
  }
  const document = known ?? (await limit(() => readChild(source, descriptor, { signal })));
  return {
    document,
    entries: [],
    ...(descriptor.platform !== undefined && { platform: descriptor.platform }),
  };
}
