import { type Annotations, type Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { formatImageLocation, type ImageLocation } from '../oci/image-location.js';
import type { MediaType } from '../oci/media-type.js';
import { selectionKey } from '../oci/index-rules.js';
import { platformKey } from '../oci/platform.js';
import type { Draft, Entry, SourceIndex } from './draft.js';
import { entryDescriptor } from './entry.js';
import { findEntries } from './selection.js';
import { attestedDigest, isAttestation } from '../oci/attestation.js';

export interface DraftOptions {
  /** @default 'auto' */
  readonly format?: Draft['format'] | undefined;
  readonly artifactType?: MediaType | undefined;
  readonly subject?: Descriptor | undefined;
  readonly annotations?: Annotations | undefined;
  readonly base?: Digest | undefined;
  readonly index?: SourceIndex | undefined;
}

/** An entry that was read from a source and is not yet in a draft. */
export type NewEntry = Pick<Entry, 'descriptor' | 'manifest'>;

export interface AmendOptions {
  /** Remove entries of other sources for the same platforms, and their attestations. @default false */
  readonly replace?: boolean | undefined;
}

/** Creates a draft without entries. */
export function createDraft(target: ImageLocation, options: DraftOptions = {}): Draft {
  const { format = 'auto', artifactType, subject, annotations, base, index } = options;
  return {
    version: 1,
    target: formatImageLocation(target),
    format,
    ...(artifactType !== undefined && { artifactType }),
    ...(subject !== undefined && { subject }),
    ...(annotations !== undefined && Object.keys(annotations).length > 0 && { annotations }),
    ...(base !== undefined && { base }),
    ...(index !== undefined && { index }),
    entries: [],
  };
}

/** Appends the entries of a source, in the given order. */
export function addEntries(draft: Draft, source: ImageLocation, entries: readonly NewEntry[]): Draft {
  const name = formatImageLocation(source);
  return { ...draft, entries: [...draft.entries, ...entries.map((entry) => newEntry(name, entry))] };
}

/**
 * Adds a source or refreshes it. The entries of a known source are replaced at the position of the first one, and its
 * overrides move to the matching new entries: the only image for a source with one image, else the entry with the same
 * digest, else the image for the same platform, which annotations may tell apart from others. A new source is appended.
 */
export function amendSource(
  draft: Draft,
  source: ImageLocation,
  entries: readonly NewEntry[],
  options: AmendOptions = {},
): Draft {
  const name = formatImageLocation(source);
  const amended = options.replace === true ? withoutPlatformsOf(draft, name, entries) : draft;
  const previous = amended.entries.filter((entry) => entry.source === name);
  const [first] = previous;
  if (first === undefined) return addEntries(amended, source, entries);
  const refreshed = refresh(name, previous, entries);
  return {
    ...amended,
    entries: amended.entries.flatMap((entry) => {
      if (entry === first) return refreshed;
      return entry.source === name ? [] : [entry];
    }),
  };
}

/**
 * Removes all entries that the selectors match (see `findEntries`), and the attestations of removed images.
 *
 * @throws NotFoundError, ArgumentError if any selector matches nothing; nothing is removed then
 */
export function removeEntries(draft: Draft, selectors: readonly string[]): Draft {
  return withoutEntries(draft, new Set(selectors.flatMap((selector) => findEntries(draft, selector))));
}

/** Removes entries, and the attestations of images that are no longer in the draft. */
function withoutEntries(draft: Draft, removed: ReadonlySet<Entry>): Draft {
  const kept = draft.entries.filter((entry) => !removed.has(entry));
  const removedDigests = new Set<string>([...removed].map((entry) => entry.descriptor.digest));
  for (const entry of kept) removedDigests.delete(entry.descriptor.digest);
  return {
    ...draft,
    entries: kept.filter(
      (entry) =>
        !isAttestation(entry.descriptor) || !removedDigests.has(attestedDigest(entry.descriptor) ?? ''),
    ),
  };
}

function newEntry(source: string, { descriptor, manifest }: NewEntry): Entry {
  return { source, descriptor, ...(manifest !== undefined && { manifest }) };
}

function withoutPlatformsOf(draft: Draft, source: string, entries: readonly NewEntry[]): Draft {
  const platforms = new Set(
    entries.flatMap(({ descriptor }) =>
      isAttestation(descriptor) || descriptor.platform === undefined ? [] : platformKey(descriptor.platform),
    ),
  );
  const removed = draft.entries.filter((previous) => {
    const { platform } = entryDescriptor(previous);
    return (
      previous.source !== source &&
      !isAttestation(previous.descriptor) &&
      platform !== undefined &&
      platforms.has(platformKey(platform))
    );
  });
  return withoutEntries(draft, new Set(removed));
}

function refresh(source: string, previous: readonly Entry[], entries: readonly NewEntry[]): Entry[] {
  const updated = entries.map((entry) => newEntry(source, entry));
  const [previousImage, ...otherPrevious] = previous.filter((entry) => !isAttestation(entry.descriptor));
  const [updatedImage, ...otherUpdated] = updated.filter((entry) => !isAttestation(entry.descriptor));
  const hasOneImage = otherPrevious.length === 0 && otherUpdated.length === 0;
  const matches = matchEntries(previous, updated);
  return updated.map((entry) => {
    const before = hasOneImage && entry === updatedImage ? previousImage : matches.get(entry);
    return before?.override === undefined ? entry : { ...entry, override: before.override };
  });
}

/** What an entry of a source keeps when the source changes, the surest first. */
const ENTRY_KEYS: readonly ((descriptor: Descriptor) => string | undefined)[] = [
  ({ digest, platform = {} }) => `${digest} ${platformKey(platform)}`,
  ({ digest }) => digest,
  (descriptor) => (isAttestation(descriptor) ? undefined : selectionKey(descriptor)),
  ({ platform, ...rest }) =>
    isAttestation(rest) || platform === undefined ? undefined : platformKey(platform),
];

/** Returns the previous entry for each updated one, if it has any. Of several with the same key, the first free one. */
function matchEntries(previous: readonly Entry[], updated: readonly Entry[]): ReadonlyMap<Entry, Entry> {
  const matches = new Map<Entry, Entry>();
  const matched = new Set<Entry>();
  for (const keyOf of ENTRY_KEYS) {
    // Stacks, with the first entry on top.
    const free = new Map<string, Entry[]>();
    for (const entry of previous.toReversed()) {
      const key = matched.has(entry) ? undefined : keyOf(entry.descriptor);
      if (key === undefined) continue;
      const stack = free.get(key);
      if (stack === undefined) free.set(key, [entry]);
      else stack.push(entry);
    }
    for (const entry of updated) {
      const key = matches.has(entry) ? undefined : keyOf(entry.descriptor);
      const before = key === undefined ? undefined : free.get(key)?.pop();
      if (before === undefined) continue;
      matches.set(entry, before);
      matched.add(before);
    }
  }
  return matches;
}
