import type { Descriptor } from '../../oci/descriptor.js';
import { digestProblem, isVerifiableDigest, type Digest } from '../../oci/digest.js';
import type { Problem } from '../../oci/errors.js';
import { isJsonObject, parseJson } from '../../oci/json.js';
import { withoutNullMembers } from '../../oci/null-members.js';
import { pointerTo } from '../../oci/schema-problems.js';
import { isNonDistributableType } from '../../oci/media-type.js';
import { invalidDocument } from '../../oci/validate.js';

/** One image of a `manifest.json`, the list of images that `docker save` writes. */
export interface ManifestJsonEntry {
  /** The name of the config's file. */
  readonly config: string;
  /** The references that the image was saved under, unparsed. */
  readonly names: readonly string[];
  /** The names of the layers' files, base layer first. */
  readonly layers: readonly string[];
  /** The descriptors of non-distributable layers by diff_id; see `isNonDistributableType`. */
  readonly foreignLayers: ReadonlyMap<Digest, Descriptor>;
}

/**
 * Parses a `manifest.json` (moby, "Docker Image Specification v1.2.0", "Combined Image JSON + Filesystem Changeset
 * Format"). Its file names are only looked up in the archive.
 *
 * @param label the file's name in messages
 * @throws InvalidError with all problems
 */
export function parseManifestJson(bytes: Uint8Array, label: string): readonly ManifestJsonEntry[] {
  const reader = new ManifestJsonReader();
  const images = reader.images(withoutNullMembers(parseJson(bytes, label)));
  if (reader.problems.length > 0) throw invalidDocument(label, reader.problems);
  return images;
}

type Path = readonly (string | number)[];

class ManifestJsonReader {
  readonly problems: Problem[] = [];

  images(value: unknown): ManifestJsonEntry[] {
    if (!Array.isArray(value)) return this.#report([], 'must be a list of images', []);
    return value.flatMap((image: unknown, position) => this.#image(image, [position]));
  }

  #image(value: unknown, path: Path): ManifestJsonEntry[] {
    if (!isJsonObject(value)) return this.#report(path, 'must be an object', []);
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
    return this.#report(path, value === undefined ? 'is missing' : 'must be a file name', '');
  }

  /** Go writes `null` for an empty list. */
  #strings(value: unknown, path: Path): string[] {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) return this.#report(path, 'must be a list', []);
    return value.flatMap((item: unknown, position) =>
      typeof item === 'string' && item !== ''
        ? [item]
        : this.#report([...path, position], 'must be a non-empty string', []),
    );
  }

  #foreignLayers(value: unknown, path: Path): Map<Digest, Descriptor> {
    if (value === undefined || value === null) return new Map();
    if (!isJsonObject(value)) return this.#report(path, 'must be an object', new Map<Digest, Descriptor>());
    const layers = new Map<Digest, Descriptor>();
    for (const [diffId, source] of Object.entries(value)) {
      const layer = this.#foreignLayer(source, [...path, diffId]);
      if (layer === undefined) continue;
      if (isVerifiableDigest(diffId)) layers.set(diffId, layer);
      else this.#report([...path, diffId], 'has a key that is not a diff_id', undefined);
    }
    return layers;
  }

  /** Docker records the sources of all layers; only those of non-distributable layers are needed. */
  #foreignLayer(value: unknown, path: Path): Descriptor | undefined {
    if (!isJsonObject(value)) return this.#report(path, 'must be a descriptor', undefined);
    const { mediaType, digest, size, urls } = value;
    if (typeof mediaType !== 'string' || !isNonDistributableType(mediaType)) return undefined;
    if (typeof digest !== 'string' || !isVerifiableDigest(digest)) {
      const problem = typeof digest === 'string' ? digestProblem(digest) : undefined;
      return this.#report([...path, 'digest'], `must be a digest${problem ? `: ${problem}` : ''}`, undefined);
    }
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
      return this.#report([...path, 'size'], 'must be a number of bytes', undefined);
    }
    const sourceUrls = this.#strings(urls, [...path, 'urls']);
    return { mediaType, digest, size, ...(sourceUrls.length > 0 && { urls: sourceUrls }) };
  }

  #report<T>(path: Path, message: string, fallback: T): T {
    this.problems.push({ pointer: pointerTo(...path), message, rule: 'docker-archive/manifest' });
    return fallback;
  }
}

/** Normalises a name as `TarArchive` does. */
function withoutDot(name: string): string {
  let start = 0;
  while (name.startsWith('./', start)) {
    start += 2;
    while (name[start] === '/') start += 1;
  }
  return name.slice(start);
}
