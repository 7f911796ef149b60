import type { Readable } from 'node:stream';

import type { ReadOptions, Selector } from '../../content/source.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import type { ManifestOrIndex } from '../../oci/document.js';
import type { Reference } from '../../oci/reference.js';
import type { NamedImage } from './image-selection.js';
import type { LayerCompression } from './legacy-layer.js';

/** The media types of a manifest that is created. */
export type ManifestFormat = 'docker' | 'oci';

export interface ConversionOptions extends ReadOptions {
  /** @default 'gzip' */
  readonly layerCompression?: LayerCompression | undefined;
  /** @default 'docker' */
  readonly format?: ManifestFormat | undefined;
}

/** The images of a `docker save` archive, in either of its two formats. */
export interface DockerSaveImages {
  /** All images, for hints. */
  readonly images: readonly NamedImage[];

  /**
   * The digest of an image's manifest or index.
   * @param reference `undefined` for the only image
   * @throws NotFoundError or ArgumentError, with a hint that lists the names
   */
  select(reference: Reference | undefined, options: ConversionOptions): Promise<Digest>;

  /** As {@link DockerSaveImages.select}, for an image by its position in `manifest.json`, counted from 0. */
  selectAt(position: number, options: ConversionOptions): Promise<Digest>;

  /** As {@link DockerSaveImages.select}, for an image by its ID, the digest of its config; `undefined` if it has none. */
  selectId(id: Digest, options: ConversionOptions): Promise<Digest | undefined>;

  /** @throws ArgumentError if several images have the tag */
  find(selector: Selector, options: ReadOptions): Promise<Descriptor | undefined>;

  readManifest(selector: Selector, options: ReadOptions): Promise<ManifestOrIndex | undefined>;

  openBlob(descriptor: Descriptor, options: ReadOptions): Promise<Readable | undefined>;
}
