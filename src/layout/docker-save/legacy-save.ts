import { availableParallelism } from 'node:os';
import { Readable } from 'node:stream';

import pLimit from 'p-limit';

import { cancelStream, checkCancelled } from '../../content/cancellation.js';
import type { OnEvent } from '../../content/events.js';
import type { ReadOptions, Selector } from '../../content/source.js';
import { verifiedStream } from '../../content/verified-stream.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { digestOf, isVerifiableDigest, type Digest } from '../../oci/digest.js';
import { documentDescriptor, type ManifestOrIndex } from '../../oci/document.js';
import { MAX_CONFIG_BYTES } from '../../oci/image-config.js';
import type { Reference } from '../../oci/reference.js';
import type { TarArchive } from '../tar/tar-archive.js';
import type { DockerSaveImages, ConversionOptions } from './docker-save-images.js';
import { LegacyImage, type ImageParts } from './legacy-image.js';
import type { ManifestJsonEntry } from './manifest-json.js';
import { chooseImage, imageAt, imageTagged } from './image-selection.js';
import { LegacyLayer } from './legacy-layer.js';

/** The number of layers that are compressed at a time: limited by Node's thread pool, and low to save memory. */
const MAX_PARALLEL_LAYERS = Math.max(2, Math.min(4, availableParallelism()));

export interface LegacySaveOptions {
  readonly archive: TarArchive;
  /** The archive's name in messages. */
  readonly label: string;
  /** The entries of `manifest.json`. */
  readonly saved: readonly ManifestJsonEntry[];
  /** Cancels running work. */
  readonly closed: AbortSignal;
  readonly onEvent?: OnEvent | undefined;
}

/**
 * The images that `manifest.json` lists. Their manifests are created on demand, and so their digests are not known in
 * advance: to find an unknown digest, images are converted until one has it.
 */
export class LegacySave implements DockerSaveImages {
  readonly images: readonly LegacyImage[];
  readonly #label: string;
  /** By diff_id and file name, because images share layers. */
  readonly #layers = new Map<string, LegacyLayer>();

  private constructor(
    { archive, label, saved, closed, onEvent }: LegacySaveOptions,
    imageIds: ReadonlyMap<ManifestJsonEntry, Digest>,
  ) {
    this.#label = label;
    const limit = pLimit(MAX_PARALLEL_LAYERS);
    const layerIn = (name: string, diffId: Digest): LegacyLayer => {
      const key = `${diffId} ${name}`;
      const layer =
        this.#layers.get(key) ?? new LegacyLayer({ archive, label, name, diffId, limit, closed, onEvent });
      this.#layers.set(key, layer);
      return layer;
    };
    this.images = saved.map(
      (image) =>
        new LegacyImage({ archive, label, saved: image, layerIn, onEvent, imageId: imageIds.get(image) }),
    );
  }

  /** Reads the configs of images without a name: their digests, the image IDs, name them. */
  static async open(options: LegacySaveOptions): Promise<LegacySave> {
    const { archive, saved } = options;
    const unnamed = saved.filter(({ names }) => names.length === 0);
    const configs = await Promise.all(
      unnamed.map(
        async (image) => [image, await archive.readSmallFile(image.config, MAX_CONFIG_BYTES)] as const,
      ),
    );
    // Selecting an image whose config is missing reports that.
    const imageIds = configs.flatMap(([image, bytes]) =>
      bytes === undefined ? [] : [[image, digestOf(bytes)] as const],
    );
    return new LegacySave(options, new Map(imageIds));
  }

  async select(reference: Reference | undefined, options: ConversionOptions): Promise<Digest> {
    return manifestDigest(chooseImage(this.images, reference, this.#label), options);
  }

  async selectAt(position: number, options: ConversionOptions): Promise<Digest> {
    return manifestDigest(imageAt(this.images, position, this.#label), options);
  }

  async selectId(id: Digest, options: ConversionOptions): Promise<Digest | undefined> {
    const lookups = this.images.map((image) => async (): Promise<LegacyImage | undefined> => {
      const { config } = await image.parts(options.signal);
      return config.digest === id ? image : undefined;
    });
    const image = await firstFound(lookups, options.signal).catch(() => undefined);
    return image === undefined ? undefined : manifestDigest(image, options);
  }

  async find(selector: Selector, options: ReadOptions): Promise<Descriptor | undefined> {
    const document = await this.readManifest(selector, options);
    return document === undefined ? undefined : documentDescriptor(document);
  }

  async readManifest(selector: Selector, { signal }: ReadOptions): Promise<ManifestOrIndex | undefined> {
    if (!isVerifiableDigest(selector)) {
      return imageTagged(this.images, selector, this.#label)?.manifest('gzip', 'docker', signal);
    }
    // Uncompressed layers first: they need not be read.
    const lookups = (['none', 'gzip'] as const).flatMap((compression) =>
      this.images.flatMap((image) =>
        (['docker', 'oci'] as const).map((format) => async (): Promise<ManifestOrIndex | undefined> => {
          const document = await image.manifest(compression, format, signal);
          return document.digest === selector ? document : undefined;
        }),
      ),
    );
    return firstFound(lookups, signal);
  }

  async openBlob(descriptor: Descriptor, { signal }: ReadOptions): Promise<Readable | undefined> {
    checkCancelled(signal, `read ${descriptor.digest}`);
    const lookups = [openConfig, openUncompressedLayer, openCompressedLayer].flatMap((open) =>
      this.images.map((image) => async () => open(await image.parts(signal), descriptor, signal)),
    );
    const content = await firstFound(lookups, signal);
    if (content === undefined) return undefined;
    const verified = verifiedStream(content, descriptor, this.#label);
    return cancelStream(verified, signal, `read ${descriptor.digest}`);
  }
}

async function manifestDigest(
  image: LegacyImage,
  { layerCompression = 'gzip', format = 'docker', signal }: ConversionOptions,
): Promise<Digest> {
  return (await image.manifest(layerCompression, format, signal)).digest;
}

type Lookup<T> = () => Promise<T | undefined>;

/** The result of the first lookup that finds something. An error is thrown only if no lookup does. */
async function firstFound<T>(
  lookups: readonly Lookup<T>[],
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  let failure: { readonly reason: unknown } | undefined;
  for (const lookup of lookups) {
    try {
      const found = await lookup();
      if (found !== undefined) return found;
    } catch (error) {
      checkCancelled(signal);
      failure ??= { reason: error };
    }
  }
  if (failure !== undefined) throw failure.reason;
  return undefined;
}

async function openConfig(
  { config, configBytes }: ImageParts,
  { digest }: Descriptor,
): Promise<Readable | undefined> {
  return config.digest === digest ? Readable.from([configBytes]) : undefined;
}

/** Finds a layer by its diff_id. */
async function openUncompressedLayer(
  { layers }: ImageParts,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): Promise<Readable | undefined> {
  const layer = layers.filter(isStored).find(({ diffId }) => diffId === descriptor.digest);
  return layer?.open(descriptor.digest, signal);
}

/** Finds a layer by the digest of its compressed content, for which all layers are read. */
async function openCompressedLayer(
  parts: ImageParts,
  { digest }: Descriptor,
  signal: AbortSignal | undefined,
): Promise<Readable | undefined> {
  const layers = parts.layers.filter(isStored);
  const results = await Promise.allSettled(layers.map((layer) => layer.describe('gzip', signal)));
  const found = results.findIndex(
    (result) => result.status === 'fulfilled' && result.value.digest === digest,
  );
  if (found >= 0) return layers[found]?.open(digest, signal);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  return undefined;
}

/** Non-distributable layers are not read, even if the archive has them. */
function isStored(layer: LegacyLayer | Descriptor): layer is LegacyLayer {
  return layer instanceof LegacyLayer;
}
