import { createHash } from 'node:crypto';
import { pipeline as pipe, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

import { cancelStream, checkCancelled, onAbort } from '../../content/cancellation.js';
import type { Limit } from '../../content/limit.js';
import { verifiableAlgorithm } from '../../content/verified-stream.js';
import { errorCode } from '../../files/file-error.js';
import type { OnEvent } from '../../content/events.js';
import { parseDigest, type Digest, type DigestAlgorithm } from '../../oci/digest.js';
import { FailedError, InvalidError } from '../../oci/errors.js';
import type { RandomAccessFile } from '../tar/random-access-file.js';
import type { TarArchive } from '../tar/tar-archive.js';
import { TemporaryFile } from '../tar/temporary-file.js';
import {
  detectCompression,
  otherFormat,
  SIGNATURE_BLOCK,
  type TarCompression,
} from '../tar/file-signatures.js';
import { deterministicGzip } from './deterministic-gzip.js';
import { SingleFlight } from '../../content/single-flight.js';

/** The compression of layers that an archive stores uncompressed. */
export type LayerCompression = 'gzip' | 'none';

export interface LegacyLayerOptions {
  readonly archive: TarArchive;
  /** The archive's name in messages. */
  readonly label: string;
  /** The name of the layer's file in the archive. */
  readonly name: string;
  /** The digest of the uncompressed layer, from the image's config. Must be verifiable. */
  readonly diffId: Digest;
  /** Limits the layers that are compressed at a time. */
  readonly limit: Limit;
  /** Cancels running work. */
  readonly closed: AbortSignal;
  readonly onEvent?: OnEvent | undefined;
}

/** A layer as a manifest names it; its compression determines its media type. */
export interface StoredLayer {
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  readonly compression: TarCompression | 'none';
}

/** The file name of a compressed layer by its digest, as go-containerregistry writes it. */
const NAMED_BY_DIGEST = /^([0-9a-f]{64})\.tar\.(?:gz|zst)$/;

/**
 * A layer of a `docker save` archive. A layer that is stored uncompressed is compressed for its digest into a temporary
 * file, from which it is read later. If that file cannot be written, the layer is compressed again when it is read. A
 * layer that is stored compressed, with gzip or zstd, is kept as it is.
 */
export class LegacyLayer {
  readonly diffId: Digest;
  readonly #options: LegacyLayerOptions;
  readonly #size: number;
  /** The layer's name in messages. */
  readonly #label: string;
  readonly #stored = new SingleFlight(() => this.#detectCompression());
  readonly #compressed = new SingleFlight((signal) => this.#options.limit(() => this.#measure(signal)));
  /** The compressed layer; `undefined` if it is stored so, or the file cannot be written. */
  #converted: RandomAccessFile | undefined;

  /** @throws InvalidError if the file does not exist */
  constructor(options: LegacyLayerOptions) {
    const { archive, label, name, diffId } = options;
    this.#options = options;
    this.#label = `layer ${JSON.stringify(name)} of ${label}`;
    this.diffId = diffId;
    const size = archive.size(name);
    if (size === undefined)
      throw new InvalidError(`${this.#label} is listed in manifest.json, but is missing`, {
        hint: 'Save or download the image again.',
      });
    this.#size = size;
  }

  /**
   * The layer as a manifest names it. An uncompressed layer is not read, because its digest is the diff_id.
   * @throws InvalidError if the layer was read and does not match its diff_id, or has a compression that no media type of
   *   a layer names; CancelledError
   */
  async describe(compression: LayerCompression, signal?: AbortSignal): Promise<StoredLayer> {
    const isCompressed = (await this.#stored.get(signal)) !== undefined;
    if (isCompressed || compression === 'gzip') return this.#compressed.get(signal);
    return { compression: 'none', digest: this.diffId, size: this.#size };
  }

  /**
   * Opens the layer, compressed or uncompressed, whichever has this digest; `undefined` if neither has. The bytes are not
   * verified.
   * @throws as {@link LegacyLayer.describe}
   */
  async open(digest: Digest, signal?: AbortSignal): Promise<Readable | undefined> {
    const isCompressed = (await this.#stored.get(signal)) !== undefined;
    if (digest === this.diffId && !isCompressed) return this.#file();
    const compressed = await this.#compressed.get(signal);
    if (digest !== compressed.digest) return undefined;
    if (isCompressed) return this.#file();
    return this.#converted?.stream(0, compressed.size) ?? deterministicGzip(this.#file());
  }

  async #detectCompression(): Promise<TarCompression | undefined> {
    let start = Buffer.alloc(0);
    for await (const chunk of this.#file()) {
      start = Buffer.concat([start, chunk as Uint8Array]);
      if (start.length >= SIGNATURE_BLOCK) break;
    }
    const other = otherFormat(start);
    if (other === undefined) return detectCompression(start);
    throw new InvalidError(`${this.#label} is ${other}, which no media type of a layer names`, {
      hint: 'Load the archive with `docker load`, and save the image again.',
    });
  }

  /** Reads the whole layer, verifies its diff_id, and returns the compressed layer. */
  async #measure(abandoned: AbortSignal): Promise<StoredLayer> {
    const closed = AbortSignal.any([this.#options.closed, abandoned]);
    checkCancelled(closed, `read ${this.#label}`);
    const compression = await this.#stored.get();
    if (compression === 'zstd') return this.#measureZstd(closed);
    const isStoredCompressed = compression === 'gzip';
    const stored = new DigestCounter(isStoredCompressed ? 'sha256' : verifiableAlgorithm(this.diffId));
    const converted = new DigestCounter(isStoredCompressed ? verifiableAlgorithm(this.diffId) : 'sha256');
    const content = this.#file();
    content.on('data', (chunk: Uint8Array) => stored.add(chunk));
    const conversion = isStoredCompressed ? gunzip(content) : deterministicGzip(content);
    const copy = isStoredCompressed ? undefined : new OptionalCopy(this.#label);
    try {
      const chunks = cancelStream(conversion, closed, `read ${this.#label}`) as AsyncIterable<Uint8Array>;
      for await (const chunk of chunks) {
        converted.add(chunk);
        await copy?.append(chunk);
      }
      // The file may have trailing data after the compressed content.
      if (stored.size !== this.#size) throw this.#damagedError();
      const [uncompressed, compressed] = isStoredCompressed ? [converted, stored] : [stored, converted];
      this.#checkDiffId(uncompressed.digest());
      this.#converted = copy?.readable(this.#options.closed);
      return { compression: 'gzip', digest: compressed.digest(), size: compressed.size };
    } catch (error) {
      copy?.discard();
      checkCancelled(closed, `read ${this.#label}`);
      throw errorCode(error)?.startsWith('Z_') === true ? this.#damagedError(error) : error;
    }
  }

  /**
   * The layer is compared with its file name instead of its diff_id: not every supported Node.js can decompress zstd, and
   * none reads all frames of a chunk.
   */
  async #measureZstd(closed: AbortSignal): Promise<StoredLayer> {
    const stored = new DigestCounter('sha256');
    try {
      await pipeline(this.#file(), (chunks: AsyncIterable<Uint8Array>) => stored.addAll(chunks), {
        signal: closed,
      });
    } catch (error) {
      checkCancelled(closed, `read ${this.#label}`);
      throw error;
    }
    const digest = stored.digest();
    const [, named] = NAMED_BY_DIGEST.exec(this.#options.name) ?? [];
    if (`sha256:${named ?? ''}` !== digest) {
      const message = `${this.#label} is compressed with zstd, and was not compared with its diff_id`;
      this.#options.onEvent?.({ kind: 'warning', message });
    }
    return { compression: 'zstd', digest, size: stored.size };
  }

  #checkDiffId(actual: Digest): void {
    if (actual === this.diffId) return;
    throw new InvalidError(
      `${this.#label} does not match the image's config: its diff_id is ${actual}, not ${this.diffId}`,
      { hint: 'Save or download the image again.' },
    );
  }

  #damagedError(cause?: unknown): InvalidError {
    return new InvalidError(`${this.#label} is damaged: it cannot be decompressed`, { cause });
  }

  #file(): Readable {
    const { archive, name } = this.#options;
    const content = archive.openFile(name);
    if (content === undefined) throw new InvalidError(`${this.#label} is missing`);
    return content;
  }
}

function gunzip(content: Readable): Readable {
  const uncompressed = createGunzip();
  // Pipeline passes every error to the last stream, which the caller reads.
  pipe(content, uncompressed, () => {});
  return uncompressed;
}

/** A temporary file with a copy of content. After a failure to write it, no copy exists. */
class OptionalCopy {
  #file: TemporaryFile | undefined;

  /** @param label the content's name in messages */
  constructor(label: string) {
    try {
      this.#file = TemporaryFile.open(label);
    } catch (error) {
      if (!(error instanceof FailedError)) throw error;
    }
  }

  async append(chunk: Uint8Array): Promise<void> {
    try {
      await this.#file?.append(chunk);
    } catch (error) {
      if (!(error instanceof FailedError)) throw error;
      this.discard();
    }
  }

  /** Ends the writing. Returns the copy, which is removed once the signal fires. */
  readable(closed: AbortSignal): RandomAccessFile | undefined {
    const file = this.#file?.readable();
    if (file !== undefined) onAbort(closed, () => file.close());
    return file;
  }

  discard(): void {
    this.#file?.discard();
    this.#file = undefined;
  }
}

/** Computes the digest and size of a stream. */
class DigestCounter {
  readonly #algorithm: DigestAlgorithm;
  readonly #hash;
  /** In bytes. */
  size = 0;

  constructor(algorithm: DigestAlgorithm) {
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  add(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.size += chunk.length;
  }

  async addAll(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of chunks) this.add(chunk);
  }

  /** May be called once only. */
  digest(): Digest {
    return parseDigest(`${this.#algorithm}:${this.#hash.digest('hex')}`);
  }
}
