import type { OnEvent } from '../content/events.js';
import { isKept } from '../drafts/draft-index.js';
import type { Draft } from '../drafts/draft.js';
import { manifestText } from '../drafts/entry.js';
import { mayBeImage } from '../oci/attestation.js';
import type { IndexDocument } from '../oci/document.js';
import { familiarLocation, formatImageLocation } from '../oci/image-location.js';
import { DOCKER_LIST, isIndexType } from '../oci/media-type.js';
import { isCompletePlatform } from '../oci/platform.js';
import type { CreateSettings } from './create-options.js';
import type { ReadSource } from './sources.js';

/** The members of an index, besides its entries, as a draft has them. */
export type IndexMembers = Pick<Draft, 'artifactType' | 'subject' | 'annotations' | 'index'>;

/** Returns the members of a draft that starts from an index, with the text of the index. */
export function membersOf(document: IndexDocument): IndexMembers {
  const { artifactType, subject, annotations } = document.value;
  return {
    ...(artifactType !== undefined && { artifactType }),
    ...(subject !== undefined && { subject }),
    ...(annotations !== undefined && Object.keys(annotations).length > 0 && { annotations }),
    index: { mediaType: document.mediaType, digest: document.digest, text: manifestText(document) },
  };
}

/**
 * Takes the members of the source index into a draft whose only source it is, also if it is read again and the draft has
 * not been changed since.
 *
 * @param draft with the entries of all sources
 * @param current the existing draft
 */
export function withOnlyIndex(
  draft: Draft,
  current: Draft | undefined,
  read: readonly ReadSource[],
  settings: CreateSettings,
): Draft {
  const index = onlyIndex(draft, current, read, settings);
  if (index === undefined) return draft;
  const { artifactType: _a, subject: _s, annotations: _n, index: _i, ...rest } = draft;
  const isStart = current !== undefined && isEmpty(current);
  const format = settings.format === undefined || settings.format === 'auto' ? draft.format : settings.format;
  // A Docker manifest list has no annotations.
  if (format === 'docker' && index.mediaType !== DOCKER_LIST) return isStart ? draft : rest;
  const members = membersOf(index);
  if (!isStart) return { ...rest, ...members };
  // Members that were given for the empty draft take precedence.
  const annotations = { ...members.annotations, ...draft.annotations };
  return { ...members, ...draft, ...(Object.keys(annotations).length > 0 && { annotations }) };
}

/** Reports whether a draft has no entries, and never had those of an index. */
function isEmpty({ entries, index }: Draft): boolean {
  return entries.length === 0 && index === undefined;
}

function onlyIndex(
  draft: Draft,
  current: Draft | undefined,
  [source, ...others]: readonly ReadSource[],
  { from }: CreateSettings,
): IndexDocument | undefined {
  if (source === undefined || others.length > 0 || from !== undefined) return undefined;
  if (current !== undefined && !isEmpty(current) && !isKept(current)) return undefined;
  const name = formatImageLocation(source.location);
  const isOnly = [...(current?.entries ?? []), ...draft.entries].every((entry) => entry.source === name);
  return isOnly ? source.index : undefined;
}

/** Warns of what source indexes have and the draft does not, and of an index that is rebuilt though all of it is taken. */
export function warnOfDropped(
  draft: Draft,
  read: readonly ReadSource[],
  { platforms, attestations }: CreateSettings,
  onEvent: OnEvent | undefined,
): void {
  const isWhole = platforms.length === 0 && attestations !== 'drop';
  for (const { location, index } of read) {
    if (index === undefined) continue;
    const label = familiarLocation(location);
    const dropped = droppedMembers(draft, index);
    if (dropped.length > 0) {
      const message = `the new index does not have these members of the index ${label}: ${dropped.join(', ')}`;
      onEvent?.({ kind: 'warning', message });
    }
    const reason = isWhole && draft.index?.digest === index.digest ? rebuiltBecause(index) : undefined;
    if (reason !== undefined) {
      const message = `the new index is not ${label} byte for byte: ${reason}. To keep the bytes, use copy.`;
      onEvent?.({ kind: 'warning', message });
    }
  }
}

function droppedMembers(
  { annotations = {}, artifactType, subject }: Draft,
  { value }: IndexDocument,
): readonly string[] {
  const keys = Object.keys(value.annotations ?? {}).filter((key) => !Object.hasOwn(annotations, key));
  return [
    ...keys.map((key) => `annotation ${key}`),
    ...(value.artifactType !== undefined && artifactType === undefined ? ['artifactType'] : []),
    ...(value.subject !== undefined && subject === undefined ? ['subject'] : []),
  ];
}

/** Why `create` never publishes the bytes of an index. */
function rebuiltBecause({ value: { manifests } }: IndexDocument): string | undefined {
  if (manifests.some(({ mediaType }) => isIndexType(mediaType))) {
    return 'the images of its nested indexes are listed in the new index itself';
  }
  const isIncomplete = manifests.some((entry) => mayBeImage(entry) && !isCompletePlatform(entry.platform));
  return isIncomplete ? 'it does not state the platform of each image' : undefined;
}
