import type { OnEvent } from '../content/events.js';
import { unlimited, type Limit } from '../content/limit.js';
import { readChild } from '../content/read-child.js';
import { SharedReads } from '../content/shared-reads.js';
import type { Selector, Source } from '../content/source.js';
import { walkGraph } from '../content/walk.js';
import type { Descriptor } from '../oci/descriptor.js';
import {
  childrenOf,
  documentDescriptor,
  type IndexDocument,
  type ManifestDocument,
  type ManifestOrIndex,
} from '../oci/document.js';
import { parseImageConfig, platformOfConfig, statedPlatform, type ImageConfig } from '../oci/image-config.js';
import { InvalidError } from '../oci/errors.js';
import { mixedTypes } from '../oci/manifest-warnings.js';
import { isImageConfigType, isIndexType } from '../oci/media-type.js';
import { formatPlatform, isCompletePlatform } from '../oci/platform.js';
import { mayBeImage } from '../oci/attestation.js';
import { withoutStaleData } from './stale-data.js';
import { warnOfUnverifiable } from './unverifiable.js';

/** An image or attestation that a source adds to an index. */
export interface SourceEntry {
  /** Has the platform of the source index if that is complete, else the one in the image config. */
  readonly descriptor: Descriptor;
  /** The manifest, if it was read. */
  readonly document?: ManifestDocument;
  /** The image config, if it was read. */
  readonly config?: ImageConfig;
}

/** The options with what has been read. */
export type SharedReadOptions = ReadSourceOptions & { readonly reads: SharedReads };

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
  /** What has been read of the source already. @default nothing */
  readonly reads?: SharedReads | undefined;
}

/**
 * Reads what a source adds to an index: one entry for an image; all entries of an index, including attestations and
 * annotations. Nested indexes are flattened, because clients do not open them: each once, where it is first listed.
 *
 * An image takes two requests (manifest, config); an index takes one if it has the platforms of its entries.
 *
 * @param label the source's name in messages
 * @throws what the Source throws; InvalidError for indexes that nest too deep and for a build cache
 */
export async function readSource(
  source: Source,
  selector: Selector,
  label: string,
  options: ReadSourceOptions = {},
): Promise<SourceImages> {
  const { limit = unlimited } = options;
  const document = await limit(() => source.readManifest(selector, options));
  checkBuildCache(document, label);
  if (document.kind === 'manifest') warnOfUnverifiable(childrenOf(document), label, options.onEvent);
  const read = await readEntries(source, document, label, options);
  const entries = read.map((entry) => ({
    ...entry,
    descriptor: withoutStaleData(entry.descriptor, label, options.onEvent),
  }));
  warnOfUnverifiable(
    entries.map(({ descriptor }) => descriptor),
    label,
    options.onEvent,
  );
  options.onEvent?.({ kind: 'resolved', source: label, entries: entries.map((entry) => entry.descriptor) });
  return { label, ...(document.kind === 'index' && { index: document }), entries };
}

/** The config type of the caches that BuildKit exports with `--cache-to type=registry`. */
const BUILD_CACHE_CONFIG = 'application/vnd.buildkit.cacheconfig.v0';

/**
 * A build cache is a manifest, or in older versions of BuildKit an index that lists layers, with a config of its own type.
 * @throws InvalidError
 */
function checkBuildCache(document: ManifestOrIndex, label: string): void {
  const children = childrenOf(document);
  if (!children.some(({ mediaType }) => mediaType === BUILD_CACHE_CONFIG)) return;
  throw new InvalidError(`${label} is a build cache of BuildKit, not an image`, {
    hint: 'Name the image that the build pushed. `--cache-to` only exports the layers for later builds.',
  });
}

/** As {@link readSource}, for a document that has been read from the source already, and with stale data. */
export async function readEntries(
  source: Source,
  document: ManifestOrIndex,
  label: string,
  { reads = new SharedReads(), ...others }: ReadSourceOptions = {},
): Promise<SourceEntry[]> {
  const options = { ...others, reads };
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
        'bytes' in entry
          ? imageEntry(source, entry, label, options)
          : indexedEntry(source, entry, label, options),
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
  options: SharedReadOptions,
): Promise<SourceEntry> {
  const config = await readConfig(source, document, label, options);
  if (config === undefined) {
    const { mediaType } = document.value.config;
    const message = `${label} is not an image: its config is ${mediaType}. No client will find it by a platform.`;
    options.onEvent?.({ kind: 'warning', message });
  }
  reportMixedTypes(document, label, options.onEvent);
  return describedEntry(documentDescriptor(document), { document, config, label }, options);
}

/** Returns an entry of an index as is. The image is read only if the index lacks its platform. */
export async function indexedEntry(
  source: Source,
  descriptor: Descriptor,
  label: string,
  options: SharedReadOptions,
): Promise<SourceEntry> {
  const isKnown = isCompletePlatform(descriptor.platform) && options.configs !== true;
  if (isKnown || !mayBeImage(descriptor) || isIndexType(descriptor.mediaType)) return { descriptor };
  const document = await options.reads.child(source, descriptor, options);
  if (document.kind !== 'manifest') return { descriptor };
  const name = `${label}@${descriptor.digest}`;
  const config = await readConfig(source, document, name, options);
  return describedEntry(descriptor, { document, config, label: name }, options);
}

interface ReadImage {
  readonly document: ManifestDocument;
  readonly config: ImageConfig | undefined;
  readonly label: string;
}

/** The platform in the index takes precedence over the one in the config. */
function describedEntry(
  descriptor: Descriptor,
  { document, config, label }: ReadImage,
  { onEvent }: ReadSourceOptions,
): SourceEntry {
  const isStated = isCompletePlatform(descriptor.platform);
  const platform = isStated || config === undefined ? descriptor.platform : platformOfConfig(config);
  if (!isStated && config !== undefined) reportRenamed(config, label, onEvent);
  if (config !== undefined) reportLayers(document, config, label, onEvent);
  return {
    descriptor: platform === undefined ? descriptor : { ...descriptor, platform },
    document,
    ...(config !== undefined && { config }),
  };
}

function reportMixedTypes({ value }: ManifestDocument, label: string, onEvent: OnEvent | undefined): void {
  const [problem] = mixedTypes({ ...value });
  if (problem === undefined) return;
  onEvent?.({ kind: 'warning', message: `${label}: ${problem.pointer} ${problem.message}` });
}

/** Reports an image with another number of layers than its config, as release candidates of docker 25 wrote them. */
function reportLayers(
  { value: { layers } }: ManifestDocument,
  { rootfs }: ImageConfig,
  label: string,
  onEvent: OnEvent | undefined,
): void {
  if (rootfs === undefined || rootfs.diff_ids.length === layers.length) return;
  const message = `${label} has ${layers.length} layers, but its config has ${rootfs.diff_ids.length}: clients reject the image`;
  onEvent?.({ kind: 'warning', message });
}

/** Reports that the platform of an image is not the one that its config states. */
function reportRenamed(config: ImageConfig, label: string, onEvent: OnEvent | undefined): void {
  const [stated, used] = [statedPlatform(config), platformOfConfig(config)].map((platform) =>
    formatPlatform(platform ?? {}),
  );
  if (stated === used) return;
  const message = `the config of ${label} states the platform ${JSON.stringify(stated)}; it is read as ${used}`;
  onEvent?.({ kind: 'warning', message });
}

/** Reads the config of an image; `undefined` for an artifact, which has another type of config. */
async function readConfig(
  source: Source,
  document: ManifestDocument,
  label: string,
  options: SharedReadOptions,
): Promise<ImageConfig | undefined> {
  const { config } = document.value;
  if (!isImageConfigType(config.mediaType)) return undefined;
  const bytes = await options.reads.config(source, config, options);
  return parseImageConfig(bytes, `the config of ${label}`);
}
