import type { OnEvent } from '../content/events.js';
import { unlimited, type Limit } from '../content/limit.js';
import { checkNesting } from '../content/nesting.js';
import { readChild } from '../content/read-child.js';
import type { Selector, Source } from '../content/source.js';
import { readVerified } from '../content/verified-stream.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { documentDescriptor, type ManifestOrIndex, type ManifestDocument } from '../oci/document.js';
import {
  MAX_CONFIG_BYTES,
  parseImageConfig,
  platformOfConfig,
  type ImageConfig,
} from '../oci/image-config.js';
import { isImageConfigType, isIndexType } from '../oci/media-type.js';
import { isCompletePlatform } from '../oci/platform.js';
import { ATTESTATION_MANIFEST, REFERENCE_TYPE } from '../oci/attestation.js';

/** One image, or one statement about an image, that a source gives to an index. */
export interface SourceEntry {
  /** With the platform: the source index's own where it states one, else the image config's. */
  readonly descriptor: Descriptor;
  /** The manifest, where it had to be read. */
  readonly document?: ManifestDocument;
  /** The image's config, where it had to be read. */
  readonly config?: ImageConfig;
}

/** What a source was found to be. */
export interface SourceImages {
  readonly label: string;
  readonly entries: readonly SourceEntry[];
}

export interface ReadSourceOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: OnEvent | undefined;
  /** @default unlimited */
  readonly limit?: Limit;
  /** Read the config of every image, also where an index says all that an entry needs. @default false */
  readonly configs?: boolean | undefined;
}

/**
 * Reads what a source adds to an index: one entry for an image, all entries for an index, attestations and
 * annotations included. An index within an index is opened too, since clients do not look into one: once, where it is
 * first listed.
 *
 * An image costs two requests (manifest, config); an index one, as long as it states its platforms.
 *
 * @param label how messages call the source
 * @throws NotFoundError, UnauthorizedError, InvalidError and the like, from the Source
 */
export async function readSource(
  source: Source,
  selector: Selector,
  label: string,
  options: ReadSourceOptions = {},
): Promise<SourceImages> {
  const document = await readManifest(source, selector, options);
  const entries = await readEntries(source, document, label, options);
  options.onEvent?.({ kind: 'resolved', source: label, entries: entries.map((entry) => entry.descriptor) });
  return { label, entries };
}

/** As {@link readSource}, of a document that was read from the source already. */
export async function readEntries(
  source: Source,
  document: ManifestOrIndex,
  label: string,
  options: ReadSourceOptions = {},
): Promise<SourceEntry[]> {
  const notTaken = await readNested(source, document, label, options);
  const entries: Promise<SourceEntry>[] = [];
  const take = (opened: ManifestOrIndex): void => {
    if (opened.kind === 'manifest') {
      entries.push(imageEntry(source, opened, label, options));
      return;
    }
    for (const descriptor of opened.value.manifests) {
      const { digest, mediaType } = descriptor;
      if (!isIndexType(mediaType)) {
        entries.push(indexedEntry(source, descriptor, options));
        continue;
      }
      const nested = notTaken.get(digest);
      // Listed again, it would add nothing.
      if (nested === undefined) continue;
      notTaken.delete(digest);
      take(nested);
    }
  };
  take(document);
  return Promise.all(entries);
}

/** Reads the indexes within a document, and those within them: each once, all of a level at the same time. */
async function readNested(
  source: Source,
  document: ManifestOrIndex,
  label: string,
  options: ReadSourceOptions,
): Promise<Map<Digest, ManifestOrIndex>> {
  const read = new Map<Digest, ManifestOrIndex>();
  let level: readonly ManifestOrIndex[] = [document];
  for (let above = 1; level.length > 0; above += 1) {
    const found = level
      .flatMap((opened) => (opened.kind === 'index' ? opened.value.manifests : []))
      .filter(({ digest, mediaType }) => isIndexType(mediaType) && !read.has(digest));
    const distinct = new Map(found.map((descriptor) => [descriptor.digest, descriptor]));
    const reached = above;
    level = await Promise.all(
      Array.from(distinct.values(), async (descriptor) => {
        const nested = await readEntry(source, descriptor, options);
        checkNesting(nested, reached, label);
        return nested;
      }),
    );
    for (const nested of level) read.set(nested.digest, nested);
  }
  return read;
}

/** An image that was named itself: its platform is in its config. */
async function imageEntry(
  source: Source,
  document: ManifestDocument,
  label: string,
  options: ReadSourceOptions,
): Promise<SourceEntry> {
  const config = await readConfig(source, document, options);
  if (config === undefined) {
    const { mediaType } = document.value.config;
    const message = `${label} is not an image: its config is ${mediaType}. No client will find it by a platform.`;
    options.onEvent?.({ kind: 'warning', message });
  }
  return describedEntry(documentDescriptor(document), document, config);
}

/** An entry of a source index: kept as it stands, and asked for its platform only where the index is silent. */
async function indexedEntry(
  source: Source,
  descriptor: Descriptor,
  options: ReadSourceOptions,
): Promise<SourceEntry> {
  const isKnown = isCompletePlatform(descriptor.platform) && options.configs !== true;
  if (isKnown || !mayBeImage(descriptor)) return { descriptor };
  const document = await readEntry(source, descriptor, options);
  if (document.kind !== 'manifest') return { descriptor };
  return describedEntry(descriptor, document, await readConfig(source, document, options));
}

/** What an index says of an image goes before what the image's config says. */
function describedEntry(
  descriptor: Descriptor,
  document: ManifestDocument,
  config: ImageConfig | undefined,
): SourceEntry {
  const stated = config === undefined ? undefined : platformOfConfig(config);
  const platform = isCompletePlatform(descriptor.platform) ? descriptor.platform : stated;
  return {
    descriptor: platform === undefined ? descriptor : { ...descriptor, platform },
    document,
    ...(config !== undefined && { config }),
  };
}

function mayBeImage(descriptor: Descriptor): boolean {
  return (
    descriptor.annotations?.[REFERENCE_TYPE] !== ATTESTATION_MANIFEST && descriptor.artifactType === undefined
  );
}

/** The config of an image; none of an artifact, whose config is not an image's. */
async function readConfig(
  source: Source,
  document: ManifestDocument,
  options: ReadSourceOptions,
): Promise<ImageConfig | undefined> {
  const { config } = document.value;
  if (!isImageConfigType(config.mediaType)) return undefined;
  const { limit = unlimited } = options;
  const bytes = await limit(async () =>
    readVerified(await source.openBlob(config, options), config, MAX_CONFIG_BYTES),
  );
  return parseImageConfig(bytes);
}

function readManifest(
  source: Source,
  selector: Selector,
  options: ReadSourceOptions,
): Promise<ManifestOrIndex> {
  const { limit = unlimited } = options;
  return limit(() => source.readManifest(selector, options));
}

function readEntry(
  source: Source,
  descriptor: Descriptor,
  options: ReadSourceOptions,
): Promise<ManifestOrIndex> {
  const { limit = unlimited } = options;
  return limit(() => readChild(source, descriptor, options));
}
