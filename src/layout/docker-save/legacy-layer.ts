import { createHash } from 'node:crypto';
import { pipeline as pipe, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

import { checkCancelled } from '../../content/cancellation.js';
import type { Limit } from '../../content/limit.js';
import { verifiableAlgorithm } from '../../content/verified-stream.js';
import { errorCode } from '../../files/file-error.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { parseDigest, type Digest, type DigestAlgorithm } from '../../oci/digest.js';
import { InvalidError } from '../../oci/errors.js';
import { DOCKER_LAYER, DOCKER_LAYER_GZIP } from '../../oci/media-type.js';
import type { TarArchive } from '../tar/tar-archive.js';
import { compressionOf } from '../tar/file-signatures.js';
import { deterministicGzip } from './deterministic-gzip.js';
import { Remembered } from '../../content/remembered.js';

/** What becomes of layers that an archive holds uncompressed. */
export type LayerCompression = 'gzip' | 'none';

export interface LegacyLayerOptions {
  readonly archive: TarArchive;
  /** What messages call the archive. */
  readonly label: string;
  /** Of the layer's file in the archive. */
  readonly name: string;
  /** The digest of the uncompressed layer, as the image's config states it. */
  readonly diffId: Digest;
  /** How many layers are compressed at a time. */
  readonly limit: Limit;
  /** Ends all work that is under way. */
  readonly closed: AbortSignal;
}

/**
 * A layer of a `docker save`, which is stored uncompressed. It is compressed twice, once to learn its digest and once to
 * be sent, so that it needs neither memory nor a file. Tools that store layers compressed already get them back as they are.
 */
export class LegacyLayer {
  readonly diffId: Digest;
  readonly #options: LegacyLayerOptions;
  readonly #size: number;
  /** For messages. */
  readonly #place: string;
  readonly #isCompressed = new Remembered(() => this.#sniff());
  readonly #compressed = new Remembered(() => this.#options.limit(() => this.#measure()));

  /** @throws InvalidError where the archive has no such file, or its content cannot be verified */
  constructor(options: LegacyLayerOptions) {
    const { archive, label, name, diffId } = options;
    this.#options = options;
    this.#place = `layer ${JSON.stringify(name)} of ${label}`;
    this.diffId = diffId;
    verifiableAlgorithm(diffId);
    const size = archive.size(name);
    if (size === undefined)
      throw new InvalidError(`${this.#place} is listed in manifest.json, but is missing`, {
        hint: 'Save or download the image again.',
      });
    this.#size = size;
  }

  /**
   * What a manifest says of the layer. An uncompressed one is not read for it: its digest is the diff_id.
   * @throws InvalidError where the layer was read, and is not what its diff_id says; CancelledError
   */
  async descriptor(compression: LayerCompression, signal?: AbortSignal): Promise<Descriptor> {
    if (compression === 'gzip' || (await this.#isCompressed.get(signal))) return this.#compressed.get(signal);
    return { mediaType: DOCKER_LAYER, digest: this.diffId, size: this.#size };
  }

  /**
   * Opens the layer in the form that has this digest: uncompressed, or compressed. `undefined` where neither has it.
   * The bytes are not verified.
   * @throws as {@link LegacyLayer.descriptor}
   */
  async open(digest: Digest, signal?: AbortSignal): Promise<Readable | undefined> {
    const isCompressed = await this.#isCompressed.get(signal);
    if (digest === this.diffId && !isCompressed) return this.#file();
    const compressed = await this.#compressed.get(signal);
    if (digest !== compressed.digest) return undefined;
    return isCompressed ? this.#file() : deterministicGzip(this.#file());
  }

  async #sniff(): Promise<boolean> {
    let start = Buffer.alloc(0);
    for await (const chunk of this.#file()) {
      start = Buffer.concat([start, chunk as Uint8Array]);
      if (start.length > 2) break;
    }
    return compressionOf(start) === 'gzip';
  }

  /** Reads all of the layer: the digest and size of its compressed form, once its diff_id has proved right. */
  async #measure(): Promise<Descriptor> {
    const { closed } = this.#options;
    checkCancelled(closed, `read ${this.#place}`);
    const isCompressed = await this.#isCompressed.get();
    const stored = new Tally(isCompressed ? 'sha256' : verifiableAlgorithm(this.diffId));
    const converted = new Tally(isCompressed ? verifiableAlgorithm(this.diffId) : 'sha256');
    const content = this.#file();
    content.on('data', (chunk: Uint8Array) => stored.add(chunk));
    const conversion = isCompressed ? gunzip(content) : deterministicGzip(content);
    try {
      await pipeline(conversion, (chunks: AsyncIterable<Uint8Array>) => converted.addAll(chunks), {
        signal: closed,
      });
    } catch (error) {
      checkCancelled(closed, `read ${this.#place}`);
      throw errorCode(error)?.startsWith('Z_') === true ? this.#damaged(error) : error;
    }
    // A compressed file may go on after what is compressed.
    if (stored.size !== this.#size) throw this.#damaged();
    const [plain, compressed] = isCompressed ? [converted, stored] : [stored, converted];
    this.#checkDiffId(plain.digest());
    return { mediaType: DOCKER_LAYER_GZIP, digest: compressed.digest(), size: compressed.size };
  }

  #checkDiffId(actual: Digest): void {
    if (actual === this.diffId) return;
    throw new InvalidError(
      `${this.#place} is not what the image's config says: it has the diff_id ${actual}, and not ${this.diffId}`,
      { hint: 'Save or download the image again.' },
    );
  }

  #damaged(cause?: unknown): InvalidError {
    return new InvalidError(`${this.#place} is damaged: it cannot be decompressed`, { cause });
  }

  #file(): Readable {
    const { archive, name } = this.#options;
    const content = archive.openFile(name);
    if (content === undefined) throw new InvalidError(`${this.#place} is missing`);
    return content;
  }
}

function gunzip(content: Readable): Readable {
  const plain = createGunzip();
  // The callback has nothing to add: the error is handed on to the stream that is read.
  pipe(content, plain, () => {});
  return plain;
}

/** What went by. */
class Tally {
  readonly #algorithm: DigestAlgorithm;
  readonly #hash;
  #size = 0;

  constructor(algorithm: DigestAlgorithm) {
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  /** In bytes. */
  get size(): number {
    return this.#size;
  }

  add(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#size += chunk.length;
  }

  async addAll(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) this.add(chunk);
  }

  /** May be asked for once. */
  digest(): Digest {
    return parseDigest(`${this.#algorithm}:${this.#hash.digest('hex')}`);
  }
}
