import type { Digest } from '../oci/digest.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { ManifestOrIndex, IndexDocument } from '../oci/document.js';
import { ConflictError, isMultiarchError, type MultiarchError } from '../oci/errors.js';
import type { Tag } from '../oci/reference.js';
import {
  addReferrers,
  asReferrersList,
  referrerDescriptor,
  referrersListProblem,
  referrersTag,
} from '../oci/referrers.js';
import type { OnEvent } from './events.js';
import { KeyedMutex } from './keyed-mutex.js';
import { allOf, unlimited, type TaskOptions } from './limit.js';
import type { ReadOptions } from './source.js';

/** The number of attempts to update a list that others write at the same time. */
const ATTEMPTS = 20;

/** The number of digests that a message names. */
const MAX_NAMED = 5;

/** A store that keeps its lists of referrers as indexes under tags. */
export interface ReferrersTagStore {
  /** The store's name in messages. */
  readonly label: string;
  /** Receives warnings about tags that have other content. */
  readonly onEvent?: OnEvent | undefined;

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
 * no list. Other content under the tag is no list. Warns of it, except of the subject itself: registries that read the tag
 * as a digest have no lists.
 */
export async function readReferrersList(
  store: Pick<ReferrersTagStore, 'label' | 'onEvent' | 'readList'>,
  subject: Digest,
  options: ReadOptions = {},
): Promise<IndexDocument | undefined> {
  const tag = referrersTag(subject);
  const document = await store.readList(tag, options);
  if (document === undefined) return undefined;
  const problem = referrersListProblem(document, subject);
  if (problem === undefined) return asReferrersList(document, `${store.label}:${tag}`);
  if (document.digest !== subject) {
    const message = `${store.label}:${tag} is not a list of referrers: ${problem}; it is ignored`;
    store.onEvent?.({ kind: 'warning', message });
  }
  return undefined;
}

/**
 * Adds a document to the list of referrers of its `subject`, for stores that do not list referrers themselves
 * (distribution-spec, "Pushing Manifests with Subject"): now, or with `options.lists` later. A list that has it already is
 * not written.
 *
 * Registries have no compare-and-set, so the list is read again after each write. Writers in this process are serialised;
 * the one that runs adds the pending referrers of all.
 *
 * A list that cannot be written is only a warning: the document itself has been published. Other content under the tag is
 * never replaced.
 *
 * @throws UnavailableError and the like if the store fails; CancelledError
 */
export async function recordReferrer(
  store: ReferrersTagStore,
  document: ManifestOrIndex,
  { lists, signal }: ReadOptions & { readonly lists?: ReferrersLists | undefined } = {},
): Promise<void> {
  const subject = document.value.subject?.digest;
  if (subject === undefined) return;
  const referrer = referrerDescriptor(document);
  if (lists === undefined) await addToList(store, subject, [referrer], { signal });
  else lists.add(store, subject, referrer);
}

/**
 * Referrers that have been written and are still to be added to the lists of their subjects. Those of one subject are added
 * with one update, whose time is mostly waiting: registries have no compare-and-set.
 */
export class ReferrersLists {
  readonly #updates = new Map<string, ListUpdate>();

  /**
   * Adds a referrer to the next update of its list.
   * @internal
   */
  add(store: ReferrersTagStore, subject: Digest, referrer: Descriptor): void {
    const key = `${store.label}@${subject}`;
    const update = this.#updates.get(key) ?? { store, subject, referrers: [] };
    this.#updates.set(key, update);
    update.referrers.push(referrer);
  }

  /**
   * Updates the lists, in parallel.
   * @throws as {@link recordReferrer}
   * @internal
   */
  async write({ limit = unlimited, signal }: TaskOptions = {}): Promise<void> {
    const updates = [...this.#updates.values()];
    this.#updates.clear();
    await allOf(
      updates.map(({ store, subject, referrers }) =>
        limit(() => addToList(store, subject, referrers, { signal })),
      ),
    );
  }
}

interface ListUpdate {
  readonly store: ReferrersTagStore;
  readonly subject: Digest;
  readonly referrers: Descriptor[];
}

async function addToList(
  store: ReferrersTagStore,
  subject: Digest,
  added: readonly Descriptor[],
  options: ReadOptions,
): Promise<void> {
  const tag = referrersTag(subject);
  const referrers = pendingFor(store, tag);
  for (const referrer of added) referrers.add(referrer);
  try {
    await mutex.run(
      `${store.label}:${tag}`,
      async () => {
        // An earlier writer may have added them, or reported that it cannot.
        if (added.some((referrer) => referrers.has(referrer)))
          await addOrWarn(store, subject, referrers, options);
      },
      options.signal,
    );
  } finally {
    for (const referrer of added) referrers.delete(referrer);
  }
}

async function addOrWarn(
  store: ReferrersTagStore,
  subject: Digest,
  referrers: Set<Descriptor>,
  options: ReadOptions,
): Promise<void> {
  try {
    await addAll(store, subject, referrers, options);
  } catch (error) {
    if (!isRejection(error)) throw error;
    const digests = Array.from(referrers, ({ digest }) => digest);
    referrers.clear();
    const role = digests.length === 1 ? 'a referrer' : 'referrers';
    const named = digests.slice(0, MAX_NAMED).join(', ');
    const more = digests.length > MAX_NAMED ? ` and ${digests.length - MAX_NAMED} more` : '';
    const message = `${store.label} does not list ${named}${more} as ${role} of ${subject}: ${error.message}`;
    store.onEvent?.({ kind: 'warning', message });
  }
}

/** Reports whether a store rejects a list, or its tag has other content. A store that fails may succeed later. */
function isRejection(error: unknown): error is MultiarchError {
  if (!isMultiarchError(error)) return false;
  const { kind, exchange } = error;
  if (kind === 'invalid' || kind === 'conflict') return true;
  return exchange !== undefined && (kind === 'unauthorized' || kind === 'not-found' || kind === 'failed');
}

async function addAll(
  store: ReferrersTagStore,
  subject: Digest,
  referrers: Set<Descriptor>,
  options: ReadOptions,
): Promise<void> {
  const tag = referrersTag(subject);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const document = await store.readList(tag, options);
    const current = document && asReferrersList(document, `${store.label}:${tag}`, subject);
    const added = [...referrers];
    const list = addReferrers(current, added);
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
