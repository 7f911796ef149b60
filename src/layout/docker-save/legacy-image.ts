import { allOf } from '../../content/limit.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { digestOf, isVerifiableDigest, type Digest } from '../../oci/digest.js';
import type { ManifestOrIndex } from '../../oci/document.js';
import { InvalidError } from '../../oci/errors.js';
import { MAX_CONFIG_BYTES, parseImageConfig } from '../../oci/image-config.js';
import { DOCKER_CONFIG, DOCKER_MANIFEST } from '../../oci/media-type.js';
import { parseDocument } from '../../oci/parse.js';
import type { TarArchive } from '../tar/tar-archive.js';
import type { ManifestJsonEntry } from './manifest-json.js';
import type { NamedImage } from './named-images.js';
import { Remembered } from '../../content/remembered.js';
import { LegacyLayer, type LayerCompression } from './legacy-layer.js';

export interface LegacyImageOptions {
  readonly archive: TarArchive;
  /** What messages call the archive. */
  readonly label: string;
  readonly saved: ManifestJsonEntry;
  /** Gives the layer that is in a file; images may share it. @throws InvalidError where there is no such file */
  readonly layerIn: (name: string, diffId: Digest) => LegacyLayer;
}

/** The parts of an image as they are in the archive. */
export interface ImageParts {
  readonly config: Descriptor;
  readonly configBytes: Uint8Array;
  /** The lowest first. A layer that may not be distributed is a descriptor alone. */
  readonly layers: readonly (LegacyLayer | Descriptor)[];
}

/**
 * An image of a `docker save`, which has no manifest, made into one that has. The manifest is of Docker's types (Image
 * Manifest V 2, Schema 2), since the config is Docker's, and its bytes are kept: they hold the image's id.
 */
export class LegacyImage implements NamedImage {
  readonly names: readonly string[];
  readonly id: string;
  readonly #options: LegacyImageOptions;
  readonly #parts = new Remembered(() => this.#readParts());
  readonly #documents: Readonly<Record<LayerCompression, Remembered<ManifestOrIndex>>> = {
    gzip: new Remembered(() => this.#convert('gzip')),
    none: new Remembered(() => this.#convert('none')),
  };

  constructor(options: LegacyImageOptions) {
    this.#options = options;
    this.names = options.saved.names;
    this.id = options.saved.config;
  }

  /** @throws InvalidError where something is missing, or config and layers do not fit together */
  parts(signal?: AbortSignal): Promise<ImageParts> {
    return this.#parts.get(signal);
  }

  /**
   * The manifest. All layers are read for it once, unless they stay uncompressed.
   * @throws InvalidError as `parts`, and where a layer is not what the config says; CancelledError
   */
  manifest(compression: LayerCompression, signal?: AbortSignal): Promise<ManifestOrIndex> {
    return this.#documents[compression].get(signal);
  }

  async #readParts(): Promise<ImageParts> {
    const { archive, label, saved, layerIn } = this.#options;
    const name = `config ${JSON.stringify(saved.config)} of ${label}`;
    const bytes = await archive.readSmallFile(saved.config, MAX_CONFIG_BYTES);
    if (bytes === undefined) {
      throw new InvalidError(`${name} is listed in manifest.json, but is missing`, {
        hint: 'Save or download the image again.',
      });
    }
    const digest = digestOf(bytes);
    checkName(saved.config, digest, name);
    const diffIds = parseImageConfig(bytes, name).rootfs?.diff_ids ?? [];
    if (diffIds.length !== saved.layers.length) {
      throw new InvalidError(
        `${name} states another number of layers (${diffIds.length}) than manifest.json (${saved.layers.length})`,
      );
    }
    const layers = saved.layers.map((file, position) => {
      const diffId = diffIds[position] ?? '';
      if (!isVerifiableDigest(diffId)) {
        throw new InvalidError(
          `${name} has a diff_id that nothing can be verified with: ${JSON.stringify(diffId)}`,
        );
      }
      return saved.foreignLayers.get(diffId) ?? layerIn(file, diffId);
    });
    return { config: { mediaType: DOCKER_CONFIG, size: bytes.length, digest }, configBytes: bytes, layers };
  }

  async #convert(compression: LayerCompression): Promise<ManifestOrIndex> {
    const { config, layers } = await this.#parts.get();
    // When all have ended: nothing goes on reading an archive that is given up.
    const descriptors = await allOf(
      layers.map(async (layer) => (layer instanceof LegacyLayer ? layer.descriptor(compression) : layer)),
    );
    const bytes = manifestBytes(config, descriptors);
    return parseDocument(bytes, {
      mediaType: DOCKER_MANIFEST,
      label: `the manifest of ${this.#options.label}`,
    });
  }
}

/** Tools that name a config after its digest make it possible to see that it is damaged. */
function checkName(file: string, digest: Digest, name: string): void {
  const stated = /(?:^|\/|:)([0-9a-f]{64})(?:\.json)?$/.exec(file)?.[1];
  if (stated === undefined || digest === `sha256:${stated}`) return;
  throw new InvalidError(`${name} is not what its name says: it has the digest ${digest}`, {
    hint: 'Save or download the image again.',
  });
}

/** Members in the order in which docker and skopeo write them, so that the digest is theirs where the layers are. */
function manifestBytes(config: Descriptor, layers: readonly Descriptor[]): Uint8Array {
  const manifest = {
    schemaVersion: 2,
    mediaType: DOCKER_MANIFEST,
    config: descriptorJson(config),
    layers: layers.map(descriptorJson),
  };
  return new TextEncoder().encode(JSON.stringify(manifest));
}

function descriptorJson({ mediaType, size, digest, urls }: Descriptor): object {
  return { mediaType, size, digest, ...(urls !== undefined && { urls }) };
}
