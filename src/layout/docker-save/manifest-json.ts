import type { Descriptor } from '../../oci/descriptor.js';
import { digestProblem, isVerifiableDigest, type Digest } from '../../oci/digest.js';
import type { Problem } from '../../oci/errors.js';
import { isJsonObject, parseJson } from '../../oci/json.js';
import { pointerTo } from '../../oci/schema-problems.js';
import { isNonDistributableType } from '../../oci/media-type.js';
import { invalidDocument } from '../../oci/validate.js';

/** One image of a `manifest.json`, the table of contents that `docker save` writes. */
export interface ManifestJsonEntry {
  /** The file of the archive that is the image's config. */
  readonly config: string;
  /** The references that the image was saved under, as written. */
  readonly names: readonly string[];
  /** The files of the archive that are the image's layers, the lowest first. */
  readonly layers: readonly string[];
  /** Where layers that may not be distributed are to be had, by their diff_id; see `isNonDistributableType`. */
  readonly foreignLayers: ReadonlyMap<Digest, Descriptor>;
}

/**
 * Reads a `manifest.json` (moby, "Docker Image Specification v1.2.0", "Combined Image JSON + Filesystem Changeset
 * Format"). The names of files in it are only looked up among the archive's own.
 *
 * @param label what messages call the file
 * @throws InvalidError with everything that is wrong in it
 */
export function parseManifestJson(bytes: Uint8Array, label: string): readonly ManifestJsonEntry[] {
  const reader = new Reader();
  const images = reader.images(parseJson(bytes, label));
  if (reader.problems.length > 0) throw invalidDocument(label, reader.problems);
  return images;
}

type Path = readonly (string | number)[];

class Reader {
  readonly problems: Problem[] = [];

  images(value: unknown): ManifestJsonEntry[] {
    if (!Array.isArray(value)) return this.#wrong([], 'must be a list of images', []);
    return value.flatMap((image: unknown, position) => this.#image(image, [position]));
  }

  #image(value: unknown, path: Path): ManifestJsonEntry[] {
    if (!isJsonObject(value)) return this.#wrong(path, 'must be an object', []);
    const { Config: config, RepoTags: names, Layers: layers, LayerSources: sources } = value;
    return [
      {
        config: this.#fileName(config, [...path, 'Config']),
        names: this.#strings(names, [...path, 'RepoTags']),
        layers: this.#strings(layers, [...path, 'Layers']).map(withoutDot),
        foreignLayers: this.#foreignLayers(sources, [...path, 'LayerSources']),
      },
    ];
  }

  #fileName(value: unknown, path: Path): string {
    if (typeof value === 'string' && value !== '') return withoutDot(value);
    return this.#wrong(path, value === undefined ? 'is missing' : 'must be the name of a file', '');
  }

  /** Go writes `null` for an empty list. */
  #strings(value: unknown, path: Path): string[] {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) return this.#wrong(path, 'must be a list', []);
    return value.flatMap((item: unknown, position) =>
      typeof item === 'string' && item !== ''
        ? [item]
        : this.#wrong([...path, position], 'must be a string that is not empty', []),
    );
  }

  #foreignLayers(value: unknown, path: Path): Map<Digest, Descriptor> {
    if (value === undefined || value === null) return new Map();
    if (!isJsonObject(value)) return this.#wrong(path, 'must be an object', new Map<Digest, Descriptor>());
    const layers = new Map<Digest, Descriptor>();
    for (const [diffId, source] of Object.entries(value)) {
      const layer = this.#foreignLayer(source, [...path, diffId]);
      if (layer === undefined) continue;
      if (isVerifiableDigest(diffId)) layers.set(diffId, layer);
      else this.#wrong([...path, diffId], 'has a name that is no diff_id', undefined);
    }
    return layers;
  }

  /** Docker writes where any layer came from, but only what may not be distributed cannot be had from the file. */
  #foreignLayer(value: unknown, path: Path): Descriptor | undefined {
    if (!isJsonObject(value)) return this.#wrong(path, 'must be a descriptor', undefined);
    const { mediaType, digest, size, urls } = value;
    if (typeof mediaType !== 'string' || !isNonDistributableType(mediaType)) return undefined;
    if (typeof digest !== 'string' || !isVerifiableDigest(digest)) {
      const problem = typeof digest === 'string' ? digestProblem(digest) : undefined;
      return this.#wrong([...path, 'digest'], `must be a digest${problem ? `: ${problem}` : ''}`, undefined);
    }
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
      return this.#wrong([...path, 'size'], 'must be a number of bytes', undefined);
    }
    const places = this.#strings(urls, [...path, 'urls']);
    return { mediaType, digest, size, ...(places.length > 0 && { urls: places }) };
  }

  #wrong<T>(path: Path, message: string, instead: T): T {
    this.problems.push({ pointer: pointerTo(...path), message, rule: 'docker-archive/manifest' });
    return instead;
  }
}

/** As an archive gives its names. */
function withoutDot(name: string): string {
  return name.replace(/^(?:\.\/+)+/, '');
}
