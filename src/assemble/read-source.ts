import type { OnEvent } from '../content/events.js';
import { unlimited, type Limit } from '../content/limit.js';
import { readChild } from '../content/read-child.js';
import type { Selector, Source } from '../content/source.js';
import { readVerified } from '../content/verified-stream.js';
import { ATTESTATION_MANIFEST, REFERENCE_TYPE } from '../oci/annotation.js';
import type { Descriptor } from '../oci/descriptor.js';
import { documentDescriptor, type Document, type ManifestDocument } from '../oci/document.js';
import { InvalidError } from '../oci/errors.js';
import {
  MAX_CONFIG_BYTES,
  parseImageConfig,
  platformOfConfig,
  type ImageConfig,
} from '../oci/image-config.js';
import { isImageConfigType, isIndexType } from '../oci/media-type.js';
import { isCompletePlatform } from '../oci/platform.js';

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

/** Indexes within indexes are followed this deep; nothing real goes deeper, and a loop ends here. */
const MAX_DEPTH = 4;

/**
 * Reads what a source adds to an index: one entry for an image, all entries for an index, attestations and
 * annotations included. An index within an index is opened too, since clients do not look into one.
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
  const entries = await entriesOf(source, document, label, options, MAX_DEPTH);
  options.onEvent?.({ kind: 'resolved', source: label, entries: entries.map((entry) => entry.descriptor) });
  return { label, entries };
}

async function entriesOf(
  source: Source,
  document: Document,
  label: string,
  options: ReadSourceOptions,
  depth: number,
): Promise<SourceEntry[]> {
  if (document.kind === 'manifest') return [await imageEntry(source, document, label, options)];
  if (depth === 0) throw new InvalidError(`${label} nests image indexes more than ${MAX_DEPTH} deep`);
  const nested = await Promise.all(
    document.value.manifests.map(async (descriptor) => {
      if (isIndexType(descriptor.mediaType)) {
        return entriesOf(source, await readEntry(source, descriptor, options), label, options, depth - 1);
      }
      return [await indexedEntry(source, descriptor, options)];
    }),
  );
  return nested.flat();
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

function readManifest(source: Source, selector: Selector, options: ReadSourceOptions): Promise<Document> {
  const { limit = unlimited } = options;
  return limit(() => source.readManifest(selector, options));
}

function readEntry(source: Source, descriptor: Descriptor, options: ReadSourceOptions): Promise<Document> {
  const { limit = unlimited } = options;
  return limit(() => readChild(source, descriptor, options));
}
