import type { OnEvent } from '../../content/events.js';
import { allOf } from '../../content/limit.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { digestOf, isVerifiableDigest, type Digest } from '../../oci/digest.js';
import type { ManifestOrIndex } from '../../oci/document.js';
import { InvalidError } from '../../oci/errors.js';
import { MAX_CONFIG_BYTES, parseImageConfig } from '../../oci/image-config.js';
import {
  DOCKER_CONFIG,
  DOCKER_LAYER,
  DOCKER_LAYER_GZIP,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_LAYER,
  OCI_MANIFEST,
  type MediaType,
} from '../../oci/media-type.js';
import { parseDocument } from '../../oci/parse.js';
import type { TarArchive } from '../tar/tar-archive.js';
import type { ManifestFormat } from './docker-save-images.js';
import type { ManifestJsonEntry } from './manifest-json.js';
import type { NamedImage } from './image-selection.js';
import { SingleFlight } from '../../content/single-flight.js';
import { LegacyLayer, type LayerCompression, type StoredLayer } from './legacy-layer.js';

export interface LegacyImageOptions {
  readonly archive: TarArchive;
  /** The archive's name in messages. */
  readonly label: string;
  readonly saved: ManifestJsonEntry;
  /** Returns the layer in a file, which images may share. @throws InvalidError if the file does not exist */
  readonly layerIn: (name: string, diffId: Digest) => LegacyLayer;
  /** The digest of the config, if it was read already. */
  readonly imageId?: Digest | undefined;
  readonly onEvent?: OnEvent | undefined;
}

/** The parts of an image as stored in the archive. */
export interface ImageParts {
  readonly config: Pick<Descriptor, 'digest' | 'size'>;
  readonly configBytes: Uint8Array;
  /** Base layer first. A non-distributable layer is a descriptor alone. */
  readonly layers: readonly (LegacyLayer | Descriptor)[];
}

/**
 * An image of a `docker save` archive without manifests, for which a manifest is created. The manifest has Docker's media
 * types (Image Manifest V 2, Schema 2) or those of OCI. The bytes of the config are kept: their digest is the image ID.
 */
export class LegacyImage implements NamedImage {
  readonly names: readonly string[];
  readonly id: string;
  readonly #options: LegacyImageOptions;
  readonly #parts = new SingleFlight(() => this.#readParts());
  readonly #layers: Readonly<Record<LayerCompression, SingleFlight<readonly (StoredLayer | Descriptor)[]>>> =
    {
      gzip: new SingleFlight((signal) => this.#describeLayers('gzip', signal)),
      none: new SingleFlight((signal) => this.#describeLayers('none', signal)),
    };

  constructor(options: LegacyImageOptions) {
    this.#options = options;
    this.names = options.saved.names;
    this.id = options.imageId ?? options.saved.config;
  }

  /** @throws InvalidError if a file is missing, or config and layers do not match */
  parts(signal?: AbortSignal): Promise<ImageParts> {
    return this.#parts.get(signal);
  }

  /**
   * The manifest. For it, all layers are read once unless they stay uncompressed. It is an OCI manifest also if a layer has
   * a media type that only OCI defines.
   * @throws InvalidError as `parts`, and if a layer does not match the config; CancelledError
   */
  async manifest(
    compression: LayerCompression,
    format: ManifestFormat,
    signal?: AbortSignal,
  ): Promise<ManifestOrIndex> {
    const { config } = await this.parts(signal);
    const layers = await this.#layers[compression].get(signal);
    const isOci =
      format === 'oci' || layers.some((layer) => 'compression' in layer && layer.compression === 'zstd');
    const types = isOci ? OCI_TYPES : DOCKER_TYPES;
    return parseDocument(manifestBytes(config, layers, types), {
      mediaType: types.manifest,
      label: `the manifest of ${this.#options.label}`,
    });
  }

  async #readParts(): Promise<ImageParts> {
    const { archive, label, saved, layerIn, onEvent } = this.#options;
    const name = `config ${JSON.stringify(saved.config)} of ${label}`;
    const bytes = await archive.readSmallFile(saved.config, MAX_CONFIG_BYTES);
    if (bytes === undefined) {
      throw new InvalidError(`${name} is listed in manifest.json, but is missing`, {
        hint: 'Save or download the image again.',
      });
    }
    const digest = digestOf(bytes);
    if (!isNameOf(saved.config, digest)) {
      onEvent?.({ kind: 'warning', message: `${name} does not match its name: its digest is ${digest}` });
    }
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
    return { config: { size: bytes.length, digest }, configBytes: bytes, layers };
  }

  async #describeLayers(
    compression: LayerCompression,
    signal: AbortSignal,
  ): Promise<readonly (StoredLayer | Descriptor)[]> {
    const { layers } = await this.#parts.get();
    // Waits for all layers, so that nothing reads the archive after a failure.
    return allOf(
      layers.map(async (layer) =>
        layer instanceof LegacyLayer ? layer.describe(compression, signal) : layer,
      ),
    );
  }
}

/**
 * Reports whether a config's file is named after its digest, or not after any. Programs that edit a config keep its name.
 */
function isNameOf(file: string, digest: Digest): boolean {
  const stated = /(?:^|\/|:)([0-9a-f]{64})(?:\.json)?$/.exec(file)?.[1];
  return stated === undefined || digest === `sha256:${stated}`;
}

/** The media types of a manifest and its parts. */
interface ManifestTypes {
  readonly manifest: MediaType;
  readonly config: MediaType;
  readonly layer: Readonly<Record<StoredLayer['compression'], MediaType>>;
  /** Of a non-distributable layer. @param given Docker's type */
  readonly foreign: (given: MediaType) => MediaType;
}

const DOCKER_TYPES: ManifestTypes = {
  manifest: DOCKER_MANIFEST,
  config: DOCKER_CONFIG,
  // Few clients know the type for zstd, so that such a layer makes an OCI manifest.
  layer: { none: DOCKER_LAYER, gzip: DOCKER_LAYER_GZIP, zstd: `${DOCKER_LAYER}.zstd` },
  foreign: (given) => given,
};

const OCI_TYPES: ManifestTypes = {
  manifest: OCI_MANIFEST,
  config: OCI_CONFIG,
  layer: { none: OCI_LAYER, gzip: `${OCI_LAYER}+gzip`, zstd: `${OCI_LAYER}+zstd` },
  foreign: (given) =>
    given
      .replace('vnd.docker.image.rootfs.foreign.diff.tar', 'vnd.oci.image.layer.nondistributable.v1.tar')
      .replace(/\.(gzip|zstd)$/, '+$1'),
};

/** Orders members as docker and skopeo do, so that equal layers give their digest. */
function manifestBytes(
  config: ImageParts['config'],
  layers: readonly (StoredLayer | Descriptor)[],
  types: ManifestTypes,
): Uint8Array {
  const order = types === OCI_TYPES ? ociDescriptor : dockerDescriptor;
  const manifest = {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: order({ ...config, mediaType: types.config }),
    layers: layers.map((layer) =>
      order(
        'compression' in layer
          ? { digest: layer.digest, size: layer.size, mediaType: types.layer[layer.compression] }
          : { ...layer, mediaType: types.foreign(layer.mediaType) },
      ),
    ),
  };
  return new TextEncoder().encode(JSON.stringify(manifest));
}

function dockerDescriptor({ mediaType, size, digest, urls }: Descriptor): object {
  return { mediaType, size, digest, ...(urls !== undefined && { urls }) };
}

function ociDescriptor({ mediaType, size, digest, urls }: Descriptor): object {
  return { mediaType, digest, size, ...(urls !== undefined && { urls }) };
}
