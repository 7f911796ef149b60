import type { ByteStream, ReadOptions, Selector, Source } from '../content/source.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { NotFoundError } from '../oci/errors.js';
import type { Repository } from '../oci/reference.js';

/** Wraps a source, and records whether a NotFoundError came from it rather than from the target. */
export class OptionalBlobSource implements Source {
  readonly label: string;
  readonly repository?: Repository;
  readonly #source: Source;
  readonly #onOpened: () => void;
  #lacks = false;

  /** @param onOpened called when a blob has been opened */
  constructor(source: Source, onOpened: () => void) {
    this.label = source.label;
    if (source.repository !== undefined) this.repository = source.repository;
    this.#source = source;
    this.#onOpened = onOpened;
  }

  /** Whether the source lacks a blob that was requested. */
  get lacksBlob(): boolean {
    return this.#lacks;
  }

  resolve(selector: Selector, options?: ReadOptions): Promise<Descriptor> {
    return this.#source.resolve(selector, options);
  }

  find(selector: Selector, options?: ReadOptions): Promise<Descriptor | undefined> {
    return this.#source.find(selector, options);
  }

  readManifest(selector: Selector, options?: ReadOptions): Promise<ManifestOrIndex> {
    return this.#source.readManifest(selector, options);
  }

  async openBlob(descriptor: Descriptor, options?: ReadOptions): Promise<ByteStream> {
    try {
      const stream = await this.#source.openBlob(descriptor, options);
      this.#onOpened();
      return stream;
    } catch (error) {
      this.#lacks ||= error instanceof NotFoundError;
      throw error;
    }
  }
}
