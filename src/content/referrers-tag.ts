import type { Digest } from '../oci/digest.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { ManifestOrIndex, IndexDocument } from '../oci/document.js';
import { ConflictError } from '../oci/errors.js';
import type { Tag } from '../oci/reference.js';
import { addReferrer, asReferrersList, referrerDescriptor, referrersTag } from '../oci/referrers.js';
import { KeyedMutex } from './keyed-mutex.js';
import type { ReadOptions } from './source.js';

/** The number of attempts to update a list that others write at the same time. */
const ATTEMPTS = 20;

/** A store that keeps its lists of referrers as indexes under tags. */
export interface ReferrersTagStore {
  /** The store's name in messages. */
  readonly label: string;

  /**
   * Reads the list under a tag; `undefined` if the tag does not exist.
   * @throws NotFoundError if the tag exists, but its content is missing
   */
  readList(tag: Tag, options: ReadOptions): Promise<ManifestOrIndex | undefined>;

  /**
   * Puts a list under its tag.
   * @param previous the digest of the list that it was made from; undefined if there was no list. For stores with
   *   compare-and-set
   * @returns whether the tag has the list now: `false` if it has been overwritten
   */
  replaceList(
    list: IndexDocument,
    tag: Tag,
    previous: Digest | undefined,
    options: ReadOptions,
  ): Promise<boolean>;
}

/** The referrers that are still to be added to lists, by store and tag. */
const pending = new WeakMap<ReferrersTagStore, Map<Tag, Set<Descriptor>>>();

/** For the whole process, because one target may be opened twice. */
const mutex = new KeyedMutex();

/**
 * Reads the list of referrers under the referrers tag (distribution-spec, "Referrers Tag Schema"); `undefined` if there is
 * no list.
 * @throws InvalidError if the tag has other content
 */
export async function readReferrersList(
  store: Pick<ReferrersTagStore, 'label' | 'readList'>,
  subject: Digest,
  options: ReadOptions = {},
): Promise<IndexDocument | undefined> {
  const tag = referrersTag(subject);
  const list = await store.readList(tag, options);
  return list === undefined ? undefined : asReferrersList(list, `${store.label}:${tag}`);
}

/**
 * Adds a document to the list of referrers of its `subject`, for stores that do not list referrers themselves
 * (distribution-spec, "Pushing Manifests with Subject"). A list that has it already is not written.
 *
 * Registries have no compare-and-set, so the list is read again after each write. Writers in this process are serialised;
 * the one that runs adds the pending referrers of all.
 *
 * @throws InvalidError if the tag has other content, ConflictError if others keep overwriting the list
 */
export async function recordReferrer(
  store: ReferrersTagStore,
  document: ManifestOrIndex,
  options: ReadOptions = {},
): Promise<void> {
  const subject = document.value.subject?.digest;
  if (subject === undefined) return;
  const tag = referrersTag(subject);
  const referrer = referrerDescriptor(document);
  const referrers = pendingFor(store, tag);
  referrers.add(referrer);
  try {
    await mutex.run(
      `${store.label}:${tag}`,
      async () => {
        // An earlier writer may have added it.
        if (referrers.has(referrer)) await addAll(store, subject, referrers, options);
      },
      options.signal,
    );
  } finally {
    referrers.delete(referrer);
  }
}

async function addAll(
  store: ReferrersTagStore,
  subject: Digest,
  referrers: Set<Descriptor>,
  options: ReadOptions,
): Promise<void> {
  const tag = referrersTag(subject);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const current = await readReferrersList(store, subject, options);
    const added = [...referrers];
    const list = added.reduce<IndexDocument | undefined>(addReferrer, current);
    if (
      list === undefined ||
      list === current ||
      (await store.replaceList(list, tag, current?.digest, options))
    ) {
      for (const referrer of added) referrers.delete(referrer);
      return;
    }
  }
  throw new ConflictError(
    `${store.label}:${tag} was overwritten by others after each of ${ATTEMPTS} attempts`,
    {
      hint: `It lists the referrers of ${subject}. Retry when no other process signs or publishes it.`,
    },
  );
}

function pendingFor(store: ReferrersTagStore, tag: Tag): Set<Descriptor> {
  const ofStore = pending.get(store) ?? new Map<Tag, Set<Descriptor>>();
  pending.set(store, ofStore);
  const referrers = ofStore.get(tag) ?? new Set();
  ofStore.set(tag, referrers);
  return referrers;
}
