import pLimit from 'p-limit';

import type { OnEvent } from '../../content/events.js';
import { readReferrersList } from '../../content/referrers-tag.js';
import type { ReadOptions } from '../../content/source.js';
import { KeyedSingleFlight } from '../../content/single-flight.js';
import type { Descriptor, DescriptorJson } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import type { ManifestOrIndex } from '../../oci/document.js';
import { NotFoundError } from '../../oci/errors.js';
import type { Tag } from '../../oci/reference.js';
import { referrerDescriptor } from '../../oci/referrers.js';
import { PARALLEL_READS, readDocument, type LayoutBlobs } from './layout-blobs.js';
import { possibleReferrers, type LayoutIndex } from './layout-index.js';

/** The part of a layout that referrers are read from. */
interface ReferrersLayout {
  readonly label: string;
  readonly onEvent: OnEvent | undefined;
  readTag(tag: Tag, options: ReadOptions): Promise<ManifestOrIndex | undefined>;
}

/** A manifest that `index.json` lists, with its subject and its descriptor in a referrers list. */
interface ReferrerCandidate {
  readonly subject: Digest | undefined;
  readonly descriptor: Descriptor;
}

/**
 * The referrers of a digest in a layout: those in the index under its referrers tag (distribution-spec, "Referrers Tag
 * Schema") and those that `index.json` lists themselves, as oras attaches them. The latter are read once, since their
 * bytes cannot change.
 */
export class LayoutReferrers {
  readonly #layout: ReferrersLayout;
  readonly #files: LayoutBlobs;
  readonly #limit = pLimit(PARALLEL_READS);
  readonly #candidates = new KeyedSingleFlight<ReferrerCandidate>();

  constructor(layout: ReferrersLayout, files: LayoutBlobs) {
    this.#layout = layout;
    this.#files = files;
  }

  /** @param index of the layout */
  async list(index: LayoutIndex, subject: Digest, options: ReadOptions = {}): Promise<readonly Descriptor[]> {
    const { label, onEvent } = this.#layout;
    const store = { label, onEvent, readList: (tag: Tag) => this.#layout.readTag(tag, options) };
    const [list, candidates] = await Promise.all([
      readReferrersList(store, subject, options),
      Promise.all(possibleReferrers(index).map((entry) => this.#readOnce(entry, options))),
    ]);
    const descriptors = [
      ...(list?.value.manifests ?? []),
      ...candidates.flatMap((each) => (each?.subject === subject ? [each.descriptor] : [])),
    ];
    return [...new Map(descriptors.map((descriptor) => [descriptor.digest, descriptor])).values()];
  }

  /** Returns `undefined` if the content is missing, so that other entries are still found. It may be written later. */
  async #readOnce(
    { mediaType, digest, size }: DescriptorJson,
    { signal }: ReadOptions,
  ): Promise<ReferrerCandidate | undefined> {
    const read = async (abandoned: AbortSignal): Promise<ReferrerCandidate> => {
      const descriptor = { mediaType, digest, size };
      const options = { signal: abandoned };
      const document = await readDocument(this.#files, descriptor, this.#layout.label, options);
      if (document === undefined) throw new NotFoundError(`${digest} is missing`);
      return { subject: document.value.subject?.digest, descriptor: referrerDescriptor(document) };
    };
    try {
      return await this.#candidates.get(digest, (abandoned) => this.#limit(() => read(abandoned)), signal);
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }
}
