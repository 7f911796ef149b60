import { checkCancelled } from '../../content/cancellation.js';
import type { ReadOptions } from '../../content/source.js';
import { readVerified } from '../../content/verified-stream.js';
import { childrenOf, type ManifestOrIndex, MAX_MANIFEST_PULL } from '../../oci/document.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { isIndexType, isManifestType, isNonDistributableType } from '../../oci/media-type.js';
import { parseDocument } from '../../oci/parse.js';
import type { LayoutBlobs } from './overlay.js';

/** All content that the images of a layout consist of, as far as the layout holds it. */
export class ReachableContent {
  /** Manifests and indexes, with their sizes in bytes. */
  readonly documents = new Map<Digest, number>();
  /** Configs, layers, and what else there is, with their sizes in bytes. */
  readonly blobs = new Map<Digest, number>();
  /** What was reached and is not there, without layers that need not be (image-spec, "Non-Distributable Layers"). */
  readonly missing = new Set<Digest>();
  readonly #files: LayoutBlobs;
  readonly #label: string;
  #opaque = false;

  /** @param label the layout's name in messages */
  constructor(files: LayoutBlobs, label: string) {
    this.#files = files;
    this.#label = label;
  }

  /**
   * Whether something that was reached is neither a manifest nor an index, though it stands where one would: it may
   * point to content, in a way that nobody here knows.
   */
  get opaque(): boolean {
    return this.#opaque;
  }

  has(digest: Digest): boolean {
    return this.documents.has(digest) || this.blobs.has(digest);
  }

  /**
   * Adds an image with all that it points to. What is missing is passed over: layouts of one platform of an image may
   * list all of them.
   * @throws InvalidError where a manifest or index is damaged
   */
  async addImage(image: Pick<Descriptor, 'mediaType' | 'digest'>, options: ReadOptions = {}): Promise<void> {
    const { mediaType, digest } = image;
    checkCancelled(options.signal, `read ${digest}`);
    if (this.documents.has(digest)) return;
    if (!isManifestType(mediaType) && !isIndexType(mediaType)) {
      this.#opaque = true;
      await this.addBlob(digest, options);
      return;
    }
    const size = await this.#files.blobSize(digest, options);
    if (size === undefined) {
      this.missing.add(digest);
      return;
    }
    this.documents.set(digest, size);
    this.blobs.delete(digest);
    const document = await this.#read({ mediaType, digest, size }, options);
    if (document === undefined) return;
    for (const child of childrenOf(document)) {
      if (document.kind === 'index') await this.addImage(child, options);
      else await this.addBlob(child.digest, options, isNonDistributableType(child.mediaType));
    }
  }

  /** Adds a blob that points to nothing. @param optional it need not be there */
  async addBlob(digest: Digest, options: ReadOptions = {}, optional = false): Promise<void> {
    if (this.has(digest)) return;
    const size = await this.#files.blobSize(digest, options);
    if (size !== undefined) this.blobs.set(digest, size);
    else if (!optional) this.missing.add(digest);
  }

  async #read(descriptor: Descriptor, options: ReadOptions): Promise<ManifestOrIndex | undefined> {
    const stream = await this.#files.openBlob(descriptor, options);
    if (stream === undefined) return undefined;
    const { mediaType, digest } = descriptor;
    const bytes = await readVerified(stream, descriptor, MAX_MANIFEST_PULL);
    return parseDocument(bytes, { mediaType, digest, label: `${digest} of ${this.#label}` });
  }
}
