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
import type { NamedImage } from './image-selection.js';
import { SingleFlight } from '../../content/single-flight.js';
import { LegacyLayer, type LayerCompression } from './legacy-layer.js';

export interface LegacyImageOptions {
  readonly archive: TarArchive;
  /** The archive's name in messages. */
  readonly label: string;
  readonly saved: ManifestJsonEntry;
  /** Returns the layer in a file, which images may share. @throws InvalidError if the file does not exist */
  readonly layerIn: (name: string, diffId: Digest) => LegacyLayer;
}

/** The parts of an image as stored in the archive. */
export interface ImageParts {
  readonly config: Descriptor;
  readonly configBytes: Uint8Array;
  /** Base layer first. A non-distributable layer is a descriptor alone. */
  readonly layers: readonly (LegacyLayer | Descriptor)[];
}

/**
 * An image of a `docker save` archive without manifests, for which a manifest is created. The manifest has Docker's media
 * types (Image Manifest V 2, Schema 2), like the config, whose bytes are kept: their digest is the image ID.
 */
export class LegacyImage implements NamedImage {
  readonly names: readonly string[];
  readonly id: string;
  readonly #options: LegacyImageOptions;
  readonly #parts = new SingleFlight(() => this.#readParts());
  readonly #documents: Readonly<Record<LayerCompression, SingleFlight<ManifestOrIndex>>> = {
    gzip: new SingleFlight((signal) => this.#convert('gzip', signal)),
    none: new SingleFlight((signal) => this.#convert('none', signal)),
  };

  constructor(options: LegacyImageOptions) {
    this.#options = options;
    this.names = options.saved.names;
    this.id = options.saved.config;
  }

  /** @throws InvalidError if a file is missing, or config and layers do not match */
  parts(signal?: AbortSignal): Promise<ImageParts> {
    return this.#parts.get(signal);
  }

  /**
   * The manifest. For it, all layers are read once unless they stay uncompressed.
   * @throws InvalidError as `parts`, and if a layer does not match the config; CancelledError
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
        `${name} has a different number of layers (${diffIds.length}) than manifest.json (${saved.layers.length})`,
      );
    }
    const layers = saved.layers.map((file, position) => {
      const diffId = diffIds[position] ?? '';
      if (!isVerifiableDigest(diffId)) {
        throw new InvalidError(`${name} has a diff_id that cannot be verified: ${JSON.stringify(diffId)}`);
      }
      return saved.foreignLayers.get(diffId) ?? layerIn(file, diffId);
    });
    return { config: { mediaType: DOCKER_CONFIG, size: bytes.length, digest }, configBytes: bytes, layers };
  }

  async #convert(compression: LayerCompression, signal: AbortSignal): Promise<ManifestOrIndex> {
    const { config, layers } = await this.#parts.get();
    // Waits for all layers, so that nothing reads the archive after a failure.
    const descriptors = await allOf(
      layers.map(async (layer) =>
        layer instanceof LegacyLayer ? layer.descriptor(compression, signal) : layer,
      ),
    );
    const bytes = manifestBytes(config, descriptors);
    return parseDocument(bytes, {
      mediaType: DOCKER_MANIFEST,
      label: `the manifest of ${this.#options.label}`,
    });
  }
}

/** Detects a damaged config, if its file is named after its digest. */
function checkName(file: string, digest: Digest, name: string): void {
  const stated = /(?:^|\/|:)([0-9a-f]{64})(?:\.json)?$/.exec(file)?.[1];
  if (stated === undefined || digest === `sha256:${stated}`) return;
  throw new InvalidError(`${name} does not match its name: its digest is ${digest}`, {
    hint: 'Save or download the image again.',
  });
}

/** Orders members as docker and skopeo do, so that equal layers give their digest. */
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
