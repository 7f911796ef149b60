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

/** How many manifests are read at once to see what they refer to. */
const READS = 8;

/** A layout as far as referrers are looked for in it. */
export interface ReferringLayout extends Pick<Source, 'label' | 'openBlob'> {
  /**
   * What a tag stands for; `undefined` where there is no such tag.
   * @throws NotFoundError where it is listed, but what it stands for is missing
   */
  readTag(tag: Tag, options?: ReadOptions): Promise<ManifestOrIndex | undefined>;
}

/** What a manifest refers to, if anything, and how a list has it. */
interface Attached {
  readonly subject: Digest | undefined;
  readonly descriptor: Descriptor;
}

/**
 * What refers to a digest in a layout: the list under its tag, as registries without lists have it
 * (distribution-spec, "Referrers Tag Schema"), and what `index.json` lists by itself, as oras attaches it. What is listed
 * by itself is read once for all that is asked, since its bytes cannot change.
 */
export class LayoutReferrers {
  readonly #layout: ReferringLayout;
  readonly #limit = pLimit(READS);
  readonly #attached = new Map<Digest, Promise<Attached | undefined>>();

  constructor(layout: ReferringLayout) {
    this.#layout = layout;
  }

  /** @param index of the layout */
  async list(index: LayoutIndex, subject: Digest, options: ReadOptions = {}): Promise<readonly Descriptor[]> {
    const tag = referrersTag(subject);
    const [list, attached] = await Promise.all([
      this.#layout.readTag(tag, options),
      Promise.all(possibleReferrers(index).map((entry) => this.#readOnce(entry, options))),
    ]);
    const descriptors = [
      ...(list === undefined ? [] : asReferrersList(list, `${this.#layout.label}:${tag}`).value.manifests),
      ...attached.flatMap((each) => (each?.subject === subject ? [each.descriptor] : [])),
    ];
    return [...new Map(descriptors.map((descriptor) => [descriptor.digest, descriptor])).values()];
  }

  async #readOnce(entry: DescriptorJson, options: ReadOptions): Promise<Attached | undefined> {
    const { digest } = entry;
    const reading = this.#attached.get(digest) ?? this.#limit(() => this.#read(entry, options));
    this.#attached.set(digest, reading);
    try {
      const attached = await reading;
      // What is missing may come yet.
      if (attached === undefined) this.#attached.delete(digest);
      return attached;
    } catch (error) {
      this.#attached.delete(digest);
      throw error;
    }
  }

  /** An entry whose content is missing says nothing about any other. */
  async #read(
    { mediaType, digest, size }: DescriptorJson,
    options: ReadOptions,
  ): Promise<Attached | undefined> {
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

/** How a layout is written. */
export interface LayoutWrites {
  /** Stores the bytes of a list under its digest. */
  readonly write: (list: ManifestOrIndex) => Promise<void>;
  /** Replaces `index.json` by what `edit` makes of it, while nobody else does. */
  readonly editIndex: (edit: (index: LayoutIndex) => LayoutIndex) => Promise<void>;
}

/**
 * Enters a document that was written into a layout into the list of what refers to its `subject`; nothing is done for
 * one without.
 * @throws InvalidError where the list's tag holds something else, NotFoundError where the list is listed, but missing; and
 *   what the layout throws
 */
export async function recordInLayout(
  layout: Pick<ReferringLayout, 'label' | 'readTag'>,
  { write, editIndex }: LayoutWrites,
  document: ManifestOrIndex,
  options: ReadOptions = {},
): Promise<void> {
  const lists: ReferrersTagStore = {
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
  await recordReferrer(lists, document, options);
}
