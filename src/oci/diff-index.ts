import type { Descriptor } from './descriptor.js';
import {
  changeOf,
  descriptorChanges,
  indexChanges,
  type DescriptorChanges,
  type IndexFieldChanges,
  type ValueChange,
} from './diff-values.js';
import type { Digest } from './digest.js';
import type { IndexDocument } from './document.js';
import type { MediaType } from './media-type.js';
import { formatPlatformFull, platformKey, type Platform } from './platform.js';
import { attestedDigest, isAttestation } from './attestation.js';

/** What can be compared: an index, or one image with its platform, as if it were the only entry of an index. */
export type Comparable =
  | Pick<IndexDocument, 'kind' | 'digest' | 'mediaType' | 'value'>
  | { readonly kind: 'manifest'; readonly descriptor: Descriptor };

/** An entry of one side. */
export interface DiffEntry {
  /** The platform of the entry; of an attestation, that of its image. */
  readonly platform?: Platform;
  readonly descriptor: Descriptor;
}

/** An entry that differs between the sides. */
export interface ChangedEntry {
  /** As in the second side. */
  readonly platform?: Platform;
  readonly before: Descriptor;
  readonly after: Descriptor;
  readonly changes: DescriptorChanges;
}

/** The differences in the entries of one kind. `added` is in the second side's order, the rest in the first's. */
export interface EntriesDiff {
  readonly added: readonly DiffEntry[];
  readonly removed: readonly DiffEntry[];
  readonly changed: readonly ChangedEntry[];
}

/** An entry by its platform, or by its type if it has none; an attestation by the platform of its image. */
export interface OrderedEntry {
  readonly name: string;
  readonly digest: Digest;
}

/** The differences between two indexes. Serialisable as JSON. */
export interface IndexDiff {
  /** Whether both have the same digest. If not, all other members can still be empty: only the formatting differs. */
  readonly same: boolean;
  /** Absent if the first side does not exist: then all entries of the second are added. */
  readonly before?: { readonly digest: Digest; readonly mediaType: MediaType };
  readonly after: { readonly digest: Digest; readonly mediaType: MediaType };
  /** The differences in the members of the indexes other than `manifests`. */
  readonly index: IndexFieldChanges;
  /** Images and all other entries that are not attestations. */
  readonly platforms: EntriesDiff;
  /** Attestations, such as BuildKit's provenance. */
  readonly attestations: EntriesDiff;
  /** The entries that both sides have, if their order differs. */
  readonly order?: ValueChange<readonly OrderedEntry[]>;
}

/**
 * Compares two indexes by platform, apart from spelling (arm64 is arm64/v8). Of several entries of one platform, those
 * with the same digest are paired first, then the others in order. An attestation has the platform of its image. An
 * entry whose platform changed is removed for one platform and added for the other.
 * @param before `undefined` if it does not exist, such as before the first release
 */
export function diffIndexes(before: Comparable | undefined, after: Comparable): IndexDiff {
  const left = before === undefined ? [] : entriesOf(before);
  const right = entriesOf(after);
  const pairs = pairUp(left, right);
  const paired = new Set(pairs.flat());
  const ofKind = (attests: boolean): EntriesDiff => {
    const isWanted = (entry: Item): boolean => entry.attests === attests;
    const isSingle = (entry: Item): boolean => isWanted(entry) && !paired.has(entry);
    return {
      added: right.filter(isSingle).map(diffEntry),
      removed: left.filter(isSingle).map(diffEntry),
      changed: pairs.filter(([entry]) => isWanted(entry)).flatMap(changedEntry),
    };
  };
  const order = orderChange(pairs);
  const heads = { ...(before !== undefined && { before: headOf(before) }), after: headOf(after) };
  return {
    same: heads.before?.digest === heads.after.digest,
    ...heads,
    index: indexChanges(before && indexOf(before), indexOf(after)),
    platforms: ofKind(false),
    attestations: ofKind(true),
    ...(order !== undefined && { order }),
  };
}

/** An entry with its comparison key. */
interface Item {
  readonly descriptor: Descriptor;
  readonly platform: Platform | undefined;
  /** Whether the entry is an attestation. */
  readonly attests: boolean;
  /** Entries with the same key can be paired. */
  readonly key: string;
  readonly position: number;
}

type Pair = readonly [before: Item, after: Item];

function headOf(side: Comparable): { readonly digest: Digest; readonly mediaType: MediaType } {
  const { digest, mediaType } = side.kind === 'index' ? side : side.descriptor;
  return { digest, mediaType };
}

/** The index of a side; `undefined` for an image. */
function indexOf(side: Comparable): Parameters<typeof indexChanges>[0] {
  return side.kind === 'index' ? { ...side.value, mediaType: side.mediaType } : undefined;
}

function entriesOf(side: Comparable): Item[] {
  const manifests = side.kind === 'index' ? side.value.manifests : [side.descriptor];
  const images = new Map<string | undefined, Descriptor>();
  for (const entry of manifests) {
    if (!isAttestation(entry) && !images.has(entry.digest)) images.set(entry.digest, entry);
  }
  return manifests.map((descriptor, position) => {
    const attests = isAttestation(descriptor);
    const { platform } = (attests ? images.get(attestedDigest(descriptor)) : descriptor) ?? {};
    const key = JSON.stringify([
      attests,
      platform === undefined ? null : platformKey(platform),
      descriptor.artifactType ?? null,
    ]);
    return { descriptor, platform, attests, key, position };
  });
}

/** Pairs the entries of both sides, in the first side's order. */
function pairUp(left: readonly Item[], right: readonly Item[]): Pair[] {
  const alike = pairBy(({ key, descriptor }) => `${key} ${descriptor.digest}`, left, right);
  const done = new Set(alike.flat());
  const isFree = (entry: Item): boolean => !done.has(entry);
  const others = pairBy(({ key }) => key, left.filter(isFree), right.filter(isFree));
  return [...alike, ...others].sort(([a], [b]) => a.position - b.position);
}

/** Pairs the entries with the same name in order. */
function pairBy(nameOf: (entry: Item) => string, left: readonly Item[], right: readonly Item[]): Pair[] {
  const stacks = new Map<string, Item[]>();
  for (const entry of right.toReversed()) {
    const name = nameOf(entry);
    stacks.set(name, stacks.get(name) ?? []);
    stacks.get(name)?.push(entry);
  }
  return left.flatMap((before): Pair[] => {
    const after = stacks.get(nameOf(before))?.pop();
    return after === undefined ? [] : [[before, after]];
  });
}

function diffEntry({ descriptor, platform }: Item): DiffEntry {
  return { ...(platform !== undefined && { platform }), descriptor };
}

function changedEntry([before, after]: Pair): ChangedEntry[] {
  const changes = descriptorChanges(before.descriptor, after.descriptor);
  if (Object.keys(changes).length === 0) return [];
  const { platform, descriptor } = after;
  return [
    { ...(platform !== undefined && { platform }), before: before.descriptor, after: descriptor, changes },
  ];
}

function orderChange(pairs: readonly Pair[]): ValueChange<readonly OrderedEntry[]> | undefined {
  const sorted = [...pairs].sort(([, a], [, b]) => a.position - b.position);
  if (sorted.every((pair, position) => pair === pairs[position])) return undefined;
  return changeOf(
    pairs.map(([before]) => orderedEntry(before)),
    sorted.map(([, after]) => orderedEntry(after)),
  );
}

function orderedEntry({ descriptor, platform, attests }: Item): OrderedEntry {
  const subject = platform === undefined ? undefined : formatPlatformFull(platform);
  const name = attests
    ? ['attestation', ...(subject === undefined ? [] : ['of', subject])].join(' ')
    : (subject ?? descriptor.artifactType ?? descriptor.mediaType);
  return { name, digest: descriptor.digest };
}
