import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import type { Descriptor } from '../oci/descriptor.js';
import { digestOf, isVerifiableDigest, type Digest, type DigestAlgorithm } from '../oci/digest.js';
import { documentDescriptor, type ManifestOrIndex } from '../oci/document.js';
import { InvalidError, NotFoundError } from '../oci/errors.js';
import type { RefName } from '../oci/reference.js';
import { referrerDescriptor } from '../oci/referrers.js';
import { cancelStream, checkCancelled } from './cancellation.js';
import { checkChildren } from './check-children.js';
import type { BlobOutcome } from './events.js';
import type { BlobSource, ByteStream, ListTagsOptions, ReadOptions, Selector } from './source.js';
import type { Target, WriteBlobOptions } from './target.js';
import { readableOf, verifiableAlgorithm, verifiedStream } from './verified-stream.js';

const CHUNK_BYTES = 64 << 10;

/** A target in memory: for tests, and to assemble images before they are published. */
export class MemoryStore implements Target {
  readonly label: string;
  readonly #blobs = new Map<Digest, Uint8Array>();
  readonly #manifests = new Map<Digest, ManifestOrIndex>();
  readonly #tags = new Map<RefName, Digest>();

  /** @param label the store's name in messages */
  constructor(label = 'memory') {
    this.label = label;
  }

  /**
   * Stores a blob and returns its descriptor.
   * @param algorithm of the digest. @default 'sha256'
   */
  addBlob(bytes: Uint8Array, mediaType: string, algorithm?: DigestAlgorithm): Descriptor {
    const digest = digestOf(bytes, algorithm);
    this.#blobs.set(digest, bytes.slice());
    return { mediaType, digest, size: bytes.length };
  }

  async find(selector: Selector, options: ReadOptions = {}): Promise<Descriptor | undefined> {
    checkCancelled(options.signal, `look for ${selector}`);
    const document = this.#document(selector);
    return document === undefined ? undefined : documentDescriptor(document);
  }

  async hasBlob({ digest, size }: Descriptor, options: ReadOptions = {}): Promise<boolean> {
    checkCancelled(options.signal, `look for ${digest}`);
    return this.#blobs.get(digest)?.length === size;
  }

  async resolve(selector: Selector, options: ReadOptions = {}): Promise<Descriptor> {
    return documentDescriptor(await this.readManifest(selector, options));
  }

  async readManifest(selector: Selector, options: ReadOptions = {}): Promise<ManifestOrIndex> {
    checkCancelled(options.signal, `read ${selector}`);
    const document = this.#document(selector);
    if (document === undefined) throw new NotFoundError(`${selector} is not in ${this.label}`);
    return document;
  }

  async openBlob(descriptor: Descriptor, options: ReadOptions = {}): Promise<ByteStream> {
    const { digest } = descriptor;
    checkCancelled(options.signal, `read ${digest}`);
    const bytes = this.#blobs.get(digest);
    if (bytes === undefined) throw new NotFoundError(`blob ${digest} is not in ${this.label}`);
    const stream = verifiedStream(Readable.from(chunksOf(bytes)), descriptor);
    return cancelStream(stream, options.signal, `read ${digest}`);
  }

  async listReferrers(digest: Digest, options: ReadOptions = {}): Promise<readonly Descriptor[]> {
    checkCancelled(options.signal, `list the referrers of ${digest}`);
    return [...this.#manifests.values()]
      .filter(({ value }) => value.subject?.digest === digest)
      .map(referrerDescriptor);
  }

  async copyBlob(
    descriptor: Descriptor,
    from: BlobSource,
    options: WriteBlobOptions = {},
  ): Promise<BlobOutcome> {
    const { digest } = descriptor;
    const { signal, onBytes } = options;
    checkCancelled(signal, `write ${digest}`);
    verifiableAlgorithm(digest);
    if (await this.hasBlob(descriptor)) return 'present';
    const opened = readableOf(await from.openBlob(descriptor, { signal }));
    const content = cancelStream(opened, signal, `write ${digest}`);
    content.on('data', (chunk: Uint8Array) => onBytes?.(chunk.length));
    this.#blobs.set(digest, await buffer(verifiedStream(content, descriptor)));
    return 'copied';
  }

  async writeManifest(
    document: ManifestOrIndex,
    options: ReadOptions & { readonly tag?: RefName } = {},
  ): Promise<Descriptor> {
    const { digest, bytes } = document;
    checkCancelled(options.signal, `write ${digest}`);
    const actual = digestOf(bytes, verifiableAlgorithm(digest));
    if (actual !== digest) throw new InvalidError(`the manifest's digest is ${actual}, not ${digest}`);
    await checkChildren(
      document,
      this.label,
      async (child) => this.#manifests.get(child)?.bytes.length ?? this.#blobs.get(child)?.length,
    );
    this.#manifests.set(digest, document);
    if (options.tag !== undefined) this.#tags.set(options.tag, digest);
    return documentDescriptor(document);
  }

  async listTags({ most = Infinity, signal }: ListTagsOptions = {}): Promise<readonly string[]> {
    checkCancelled(signal, `list the tags of ${this.label}`);
    return [...this.#tags.keys()].slice(0, most);
  }

  async delete(selector: Selector, { signal }: ReadOptions = {}): Promise<void> {
    checkCancelled(signal, `delete ${selector}`);
    const isDigest = isVerifiableDigest(selector);
    const isDeleted = isDigest ? this.#manifests.delete(selector) : this.#tags.delete(selector);
    if (!isDeleted) throw new NotFoundError(`${selector} is not in ${this.label}`);
    for (const [tag, digest] of isDigest ? this.#tags : []) if (digest === selector) this.#tags.delete(tag);
  }

  #document(selector: Selector): ManifestOrIndex | undefined {
    const digest = isVerifiableDigest(selector) ? selector : this.#tags.get(selector);
    return digest === undefined ? undefined : this.#manifests.get(digest);
  }
}

/** Splits bytes as files and sockets do, so that no caller relies on a single chunk. */
function* chunksOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    yield bytes.subarray(start, start + CHUNK_BYTES);
  }
}
