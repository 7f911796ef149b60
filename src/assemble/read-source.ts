import type { OnEvent } from '../content/events.js';
import { unlimited, type Limit } from '../content/limit.js';
import { readChild } from '../content/read-child.js';
import type { Selector, Source } from '../content/source.js';
import { readVerified } from '../content/verified-stream.js';
import { walkGraph } from '../content/walk.js';
import type { Descriptor } from '../oci/descriptor.js';
import {
  documentDescriptor,
  type IndexDocument,
  type ManifestDocument,
  type ManifestOrIndex,
} from '../oci/document.js';
import {
  MAX_CONFIG_BYTES,
  parseImageConfig,
  platformOfConfig,
  type ImageConfig,
} from '../oci/image-config.js';
import { isImageConfigType, isIndexType } from '../oci/media-type.js';
import { isCompletePlatform } from '../oci/platform.js';
import { mayBeImage } from '../oci/attestation.js';

/** An image or attestation that a source adds to an index. */
export interface SourceEntry {
  /** Has the platform of the source index if that is complete, else the one in the image config. */
  readonly descriptor: Descriptor;
  /** The manifest, if it was read. */
  readonly document?: ManifestDocument;
  /** The image config, if it was read. */
  readonly config?: ImageConfig;
}

/** The entries of a source. */
export interface SourceImages {
  readonly label: string;
  /** The index, if the source is one. */
  readonly index?: IndexDocument;
  readonly entries: readonly SourceEntry[];
}

export interface ReadSourceOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: OnEvent | undefined;
  /** @default unlimited */
  readonly limit?: Limit;
  /** Read the config of every image, even if the index has a complete platform. @default false */
  readonly configs?: boolean | undefined;
}

/**
 * Reads what a source adds to an index: one entry for an image; all entries of an index, including attestations and
 * annotations. Nested indexes are flattened, because clients do not open them: each once, where it is first listed.
 *
 * An image takes two requests (manifest, config); an index takes one if it has the platforms of its entries.
 *
 * @param label the source's name in messages
 * @throws what the Source throws; InvalidError for indexes that nest too deep
 */
export async function readSource(
  source: Source,
  selector: Selector,
  label: string,
  options: ReadSourceOptions = {},
): Promise<SourceImages> {
  const { limit = unlimited } = options;
  const document = await limit(() => source.readManifest(selector, options));
  const entries = await readEntries(source, document, label, options);
  options.onEvent?.({ kind: 'resolved', source: label, entries: entries.map((entry) => entry.descriptor) });
  return { label, ...(document.kind === 'index' && { index: document }), entries };
}

/** As {@link readSource}, for a document that has been read from the source already. */
export async function readEntries(
  source: Source,
  document: ManifestOrIndex,
  label: string,
  options: ReadSourceOptions = {},
): Promise<SourceEntry[]> {
  const root = { descriptor: documentDescriptor(document), source: { label }, document };
  const opened = await walkGraph<OpenedIndex, ManifestOrIndex | undefined, { readonly label: string }>(
    [root],
    {
      read: async ({ descriptor, document: known }, tasks) => {
        if (known !== undefined || !isIndexType(descriptor.mediaType)) return known;
        return tasks.run(() => readChild(source, descriptor, tasks));
      },
      visit: ({ document: read, below }) => ({ document: read, below }),
    },
    options,
  );
  return Promise.all(
    opened
      .flatMap((index) => [...flattened(index)])
      .map((entry) =>
        'bytes' in entry ? imageEntry(source, entry, label, options) : indexedEntry(source, entry, options),
      ),
  );
}

/** A document with the nested indexes among its entries; other entries have no document. */
interface OpenedIndex {
  readonly document: ManifestOrIndex | undefined;
  readonly below: readonly OpenedIndex[];
}

/** The entries of an index in order, with those of a nested index where it is first listed. */
function* flattened(
  { document, below }: OpenedIndex,
  seen = new Set<OpenedIndex>(),
): Generator<Descriptor | ManifestDocument> {
  if (document?.kind === 'manifest') yield document;
  if (document?.kind !== 'index') return;
  for (const [position, descriptor] of document.value.manifests.entries()) {
    const nested = below[position];
    if (nested?.document === undefined) {
      yield descriptor;
    } else if (!seen.has(nested)) {
      seen.add(nested);
      yield* flattened(nested, seen);
    }
  }
}

/** The entry of a single image. Its platform is in its config. */
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

/** The entry of a source index, kept as is. The image is read only if the index lacks its platform. */
async function indexedEntry(
  source: Source,
  descriptor: Descriptor,
  options: ReadSourceOptions,
): Promise<SourceEntry> {
  const isKnown = isCompletePlatform(descriptor.platform) && options.configs !== true;
  if (isKnown || !mayBeImage(descriptor)) return { descriptor };
  const { limit = unlimited } = options;
  const document = await limit(() => readChild(source, descriptor, options));
  if (document.kind !== 'manifest') return { descriptor };
  return describedEntry(descriptor, document, await readConfig(source, document, options));
}

/** The platform in the index takes precedence over the one in the config. */
function describedEntry(
  descriptor: Descriptor,
  document: ManifestDocument,
  config: ImageConfig | undefined,
): SourceEntry {
  const configured = config === undefined ? undefined : platformOfConfig(config);
  const platform = isCompletePlatform(descriptor.platform) ? descriptor.platform : configured;
  return {
    descriptor: platform === undefined ? descriptor : { ...descriptor, platform },
    document,
    ...(config !== undefined && { config }),
  };
}

/** Reads the config of an image; `undefined` for an artifact, which has another type of config. */
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
