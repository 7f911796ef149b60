import type { Digest } from '../oci/digest.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { ManifestOrIndex, IndexDocument } from '../oci/document.js';
import { ConflictError } from '../oci/errors.js';
import type { Tag } from '../oci/reference.js';
import { addReferrer, asReferrersList, referrerDescriptor, referrersTag } from '../oci/referrers.js';
import { inTurn } from './keyed-mutex.js';
import type { ReadOptions } from './source.js';

/** How often a list is written again that others write at the same time. */
const TRIES = 20;

/** A place whose lists of referrers are indexes under tags. */
export interface ReferrersTagStore {
  /** The place's name in messages. */
  readonly label: string;

  /**
   * What the tag of a list holds; `undefined` where there is no such tag.
   * @throws NotFoundError where there is one, but what it holds is missing
   */
  readList(tag: Tag, options: ReadOptions): Promise<ManifestOrIndex | undefined>;

  /**
   * Puts a list under its tag.
   * @param previous what it was made from; undefined where there was none. For places that can compare and set
   * @returns whether it is there now: `false` where someone else has written meanwhile
   */
  replaceList(
    list: IndexDocument,
    tag: Tag,
    previous: Digest | undefined,
    options: ReadOptions,
  ): Promise<boolean>;
}

/** What is to be entered into lists and is not yet, by place and tag. */
const waiting = new WeakMap<ReferrersTagStore, Map<Tag, Set<Descriptor>>>();

/**
 * Reads the list of referrers that is kept under a tag (distribution-spec, "Referrers Tag Schema"); `undefined` where
 * there is none.
 * @throws InvalidError where the tag holds something else
 */
export async function readReferrersList(
  place: Pick<ReferrersTagStore, 'label' | 'readList'>,
  subject: Digest,
  options: ReadOptions = {},
): Promise<IndexDocument | undefined> {
  const tag = referrersTag(subject);
  const list = await place.readList(tag, options);
  return list === undefined ? undefined : asReferrersList(list, `${place.label}:${tag}`);
}

/**
 * Enters a document into the list of what refers to its `subject`, where a place does not do so by itself
 * (distribution-spec, "Pushing Manifests with Subject"). A list that has it already is not written.
 *
 * Nothing can be compared and set in a registry: after each write, what is there is looked at again. Writers in this
 * process wait for one another, and whose turn it is enters what all of them have for the list.
 *
 * @throws InvalidError where the list's tag holds something else, ConflictError where others do not stop writing it
 */
export async function recordReferrer(
  place: ReferrersTagStore,
  document: ManifestOrIndex,
  options: ReadOptions = {},
): Promise<void> {
  const subject = document.value.subject?.digest;
  if (subject === undefined) return;
  const tag = referrersTag(subject);
  const referrer = referrerDescriptor(document);
  const entries = waitingFor(place, tag);
  entries.add(referrer);
  try {
    await inTurn(
      `${place.label}:${tag}`,
      async () => {
        // It may have been entered by one whose turn was before.
        if (entries.has(referrer)) await enterAll(place, subject, entries, options);
      },
      options.signal,
    );
  } finally {
    entries.delete(referrer);
  }
}

async function enterAll(
  place: ReferrersTagStore,
  subject: Digest,
  entries: Set<Descriptor>,
  options: ReadOptions,
): Promise<void> {
  const tag = referrersTag(subject);
  for (let tries = 0; tries < TRIES; tries += 1) {
    const current = await readReferrersList(place, subject, options);
    const added = [...entries];
    const list = added.reduce<IndexDocument | undefined>(addReferrer, current);
    if (
      list === undefined ||
      list === current ||
      (await place.replaceList(list, tag, current?.digest, options))
    ) {
      for (const entry of added) entries.delete(entry);
      return;
    }
  }
  throw new ConflictError(`${place.label}:${tag} was changed by others each time that it was written`, {
    hint: `It lists what refers to ${subject}. Try again when nobody else signs or publishes it.`,
  });
}

function waitingFor(place: ReferrersTagStore, tag: Tag): Set<Descriptor> {
  const ofPlace = waiting.get(place) ?? new Map<Tag, Set<Descriptor>>();
  waiting.set(place, ofPlace);
  const entries = ofPlace.get(tag) ?? new Set();
  ofPlace.set(tag, entries);
  return entries;
}
