import pLimit from 'p-limit';

import { recordReferrer, type ReferrersTagStore } from '../../content/referrers-tag.js';
import type { ReadOptions, Source } from '../../content/source.js';
import { readVerified } from '../../content/verified-stream.js';
import type { Descriptor, DescriptorJson } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { documentDescriptor, type ManifestOrIndex, MAX_MANIFEST_PULL } from '../../oci/document.js';
import { NotFoundError } from '../../oci/errors.js';
import { parseDocument } from '../../oci/parse.js';
import type { Tag } from '../../oci/reference.js';
import { asReferrersList, referrerDescriptor, referrersTag } from '../../oci/referrers.js';
import { findTag, possibleReferrers, setTag, type LayoutIndex } from './layout-index.js';

/** The number of manifests that are read at a time to find their subjects. */
const PARALLEL_READS = 8;

/** The part of a layout that referrers are read from. */
export interface ReferrersLayout extends Pick<Source, 'label' | 'openBlob'> {
  /**
   * Reads the manifest or index of a tag; `undefined` if the tag does not exist.
   * @throws NotFoundError if the tag is listed, but its content is missing
   */
  readTag(tag: Tag, options?: ReadOptions): Promise<ManifestOrIndex | undefined>;
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
  readonly #limit = pLimit(PARALLEL_READS);
  readonly #candidates = new Map<Digest, Promise<ReferrerCandidate | undefined>>();

  constructor(layout: ReferrersLayout) {
    this.#layout = layout;
  }

  /** @param index of the layout */
  async list(index: LayoutIndex, subject: Digest, options: ReadOptions = {}): Promise<readonly Descriptor[]> {
    const tag = referrersTag(subject);
    const [list, candidate] = await Promise.all([
      this.#layout.readTag(tag, options),
      Promise.all(possibleReferrers(index).map((entry) => this.#readOnce(entry, options))),
    ]);
    const descriptors = [
      ...(list === undefined ? [] : asReferrersList(list, `${this.#layout.label}:${tag}`).value.manifests),
      ...candidate.flatMap((each) => (each?.subject === subject ? [each.descriptor] : [])),
    ];
    return [...new Map(descriptors.map((descriptor) => [descriptor.digest, descriptor])).values()];
  }

  async #readOnce(entry: DescriptorJson, options: ReadOptions): Promise<ReferrerCandidate | undefined> {
    const { digest } = entry;
    const reading = this.#candidates.get(digest) ?? this.#limit(() => this.#read(entry, options));
    this.#candidates.set(digest, reading);
    try {
      const candidate = await reading;
      // A missing manifest may be written later.
      if (candidate === undefined) this.#candidates.delete(digest);
      return candidate;
    } catch (error) {
      this.#candidates.delete(digest);
      throw error;
    }
  }

  /** Returns `undefined` if the content is missing, so that other entries are still found. */
  async #read(
    { mediaType, digest, size }: DescriptorJson,
    options: ReadOptions,
  ): Promise<ReferrerCandidate | undefined> {
    try {
      const stream = await this.#layout.openBlob({ mediaType, digest, size }, options);
      const bytes = await readVerified(stream, { mediaType, digest, size }, MAX_MANIFEST_PULL);
      const label = `${digest} of ${this.#layout.label}`;
      const document = parseDocument(bytes, { mediaType, digest, label });
      return { subject: document.value.subject?.digest, descriptor: referrerDescriptor(document) };
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }
}

/** The part of a layout that referrers are written with. */
export interface LayoutWriter {
  /** Stores a referrers list as a blob. */
  readonly write: (list: ManifestOrIndex) => Promise<void>;
  /** Changes `index.json` under its lock. */
  readonly editIndex: (edit: (index: LayoutIndex) => LayoutIndex) => Promise<void>;
}

/**
 * Adds a document that was written into a layout to the referrers list of its `subject`, if it has one.
 * @throws InvalidError if the referrers tag is not a referrers list; NotFoundError if the list is listed, but missing; the
 *   errors of the layout
 */
export async function recordLayoutReferrer(
  layout: Pick<ReferrersLayout, 'label' | 'readTag'>,
  { write, editIndex }: LayoutWriter,
  document: ManifestOrIndex,
  options: ReadOptions = {},
): Promise<void> {
  const store: ReferrersTagStore = {
    label: layout.label,
    readList: (tag) => layout.readTag(tag, options),
    replaceList: async (list, tag, previous) => {
      await write(list);
      let isReplaced = false;
      await editIndex((index) => {
        isReplaced = findTag(index, tag, layout.label)?.digest === previous;
        return isReplaced ? setTag(index, documentDescriptor(list), tag) : index;
      });
      return isReplaced;
    },
  };
  await recordReferrer(store, document, options);
}
