import { availableParallelism } from 'node:os';
import { Readable } from 'node:stream';

import pLimit from 'p-limit';

import { cancelStream, checkCancelled } from '../../content/cancellation.js';
import type { ReadOptions, Selector } from '../../content/source.js';
import { verifiedStream } from '../../content/verified-stream.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { isDigest, type Digest } from '../../oci/digest.js';
import { documentDescriptor, type ManifestOrIndex } from '../../oci/document.js';
import type { Reference } from '../../oci/reference.js';
import type { TarArchive } from '../tar/tar-archive.js';
import type { DockerSaveImages, ConversionOptions } from './docker-save-images.js';
import { LegacyImage, type ImageParts } from './legacy-image.js';
import type { ManifestJsonEntry } from './manifest-json.js';
import { chooseImage, imageTagged } from './named-images.js';
import { LegacyLayer } from './legacy-layer.js';

/** Layers that are compressed at a time: as many as Node compresses beside one another, and few for memory's sake. */
const PARALLEL = Math.max(2, Math.min(4, availableParallelism()));

export interface LegacySaveOptions {
  readonly archive: TarArchive;
  /** What messages call the archive. */
  readonly label: string;
  /** As `manifest.json` lists them. */
  readonly saved: readonly ManifestJsonEntry[];
  /** Ends all work that is under way. */
  readonly closed: AbortSignal;
}

/**
 * The images that `manifest.json` lists, each made into a manifest when it is asked for. Digests of the outcome are not
 * known before: for one that nobody here has computed yet, the images are converted until it turns up.
 */
export class LegacySave implements DockerSaveImages {
  readonly images: readonly LegacyImage[];
  readonly #label: string;
  /** By file and diff_id: images share layers. */
  readonly #layers = new Map<string, LegacyLayer>();

  constructor({ archive, label, saved, closed }: LegacySaveOptions) {
    this.#label = label;
    const limit = pLimit(PARALLEL);
    const layerIn = (name: string, diffId: Digest): LegacyLayer => {
      const key = `${diffId} ${name}`;
      const layer = this.#layers.get(key) ?? new LegacyLayer({ archive, label, name, diffId, limit, closed });
      this.#layers.set(key, layer);
      return layer;
    };
    this.images = saved.map((image) => new LegacyImage({ archive, label, saved: image, layerIn }));
  }

  async select(
    reference: Reference | undefined,
    { layerCompression = 'gzip', signal }: ConversionOptions,
  ): Promise<Digest> {
    const image = chooseImage(this.images, reference, this.#label);
    return (await image.manifest(layerCompression, signal)).digest;
  }

  async find(selector: Selector, options: ReadOptions): Promise<Descriptor | undefined> {
    const document = await this.readManifest(selector, options);
    return document === undefined ? undefined : documentDescriptor(document);
  }

  async readManifest(selector: Selector, { signal }: ReadOptions): Promise<ManifestOrIndex | undefined> {
    if (!isDigest(selector)) return imageTagged(this.images, selector, this.#label)?.manifest('gzip', signal);
    // What stays uncompressed costs next to nothing to try.
    const attempts = (['none', 'gzip'] as const).flatMap((compression) =>
      this.images.map((image) => async (): Promise<ManifestOrIndex | undefined> => {
        const document = await image.manifest(compression, signal);
        return document.digest === selector ? document : undefined;
      }),
    );
    return firstFound(attempts, signal);
  }

  async openBlob(descriptor: Descriptor, { signal }: ReadOptions): Promise<Readable | undefined> {
    checkCancelled(signal, `read ${descriptor.digest}`);
    const attempts = [openConfig, openPlainLayer, openLayer].flatMap((open) =>
      this.images.map((image) => async () => open(await image.parts(signal), descriptor, signal)),
    );
    const content = await firstFound(attempts, signal);
    if (content === undefined) return undefined;
    const verified = verifiedStream(content, descriptor, this.#label);
    return cancelStream(verified, signal, `read ${descriptor.digest}`);
  }
}

type Result<T> = () => Promise<T | undefined>;

/** Tries one after the other until one finds something. What fails matters only where none does. */
async function firstFound<T>(
  attempts: readonly Result<T>[],
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  let failure: { readonly reason: unknown } | undefined;
  for (const attempt of attempts) {
    try {
      const found = await attempt();
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

/** By the diff_id, which the config states. */
async function openPlainLayer(
  { layers }: ImageParts,
  descriptor: Descriptor,
  signal: AbortSignal | undefined,
): Promise<Readable | undefined> {
  const layer = layers.filter(isHere).find(({ diffId }) => diffId === descriptor.digest);
  return layer?.open(descriptor.digest, signal);
}

/** By the digest of the compressed form, for which every layer has to be read. */
async function openLayer(
  parts: ImageParts,
  { digest }: Descriptor,
  signal: AbortSignal | undefined,
): Promise<Readable | undefined> {
  const layers = parts.layers.filter(isHere);
  const results = await Promise.allSettled(layers.map((layer) => layer.descriptor('gzip', signal)));
  const found = results.findIndex(
    (result) => result.status === 'fulfilled' && result.value.digest === digest,
  );
  if (found >= 0) return layers[found]?.open(digest, signal);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  return undefined;
}

/** Layers that may not be distributed are not read, even where the archive has them. */
function isHere(layer: LegacyLayer | Descriptor): layer is LegacyLayer {
  return layer instanceof LegacyLayer;
}
