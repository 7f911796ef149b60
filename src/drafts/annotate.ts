import type { Annotations } from '../oci/descriptor.js';
import { ArgumentError } from '../oci/errors.js';
import { isKnownOsArch } from '../oci/known-platforms.js';
import type { LoosePlatform, Platform } from '../oci/platform.js';
import type { Draft, Entry, EntryOverride } from './draft.js';
import { entryDescriptor, withoutAnnotations, withoutParts } from './entry-descriptor.js';
import { findEntry } from './selection.js';

/** A part of a platform that can be changed. */
export type PlatformField = 'os' | 'architecture' | 'os.version' | 'variant' | 'os.features';

/** What `annotate` changes of an entry. Empty texts change nothing. `unset` and `unsetAnnotations` come first. */
export interface EntryChanges {
  readonly os?: string | undefined;
  readonly architecture?: string | undefined;
  readonly 'os.version'?: string | undefined;
  readonly variant?: string | undefined;
  /** Added to those that are there. */
  readonly 'os.features'?: readonly string[] | undefined;
  readonly annotations?: Annotations | undefined;
  /** What is taken away, whether it was read or set. */
  readonly unset?: readonly PlatformField[] | undefined;
  /** Names of annotations that are taken away. */
  readonly unsetAnnotations?: readonly string[] | undefined;
}

export type IndexChanges = Pick<EntryChanges, 'annotations' | 'unsetAnnotations'>;

/**
 * Changes what the index will say of one entry, as docker does: what is not empty replaces, `os.features` are added.
 *
 * @param selector see `findEntry`
 * @throws NotFoundError, ArgumentError: several entries are meant, or no such os and architecture exist together
 */
export function annotateEntry(draft: Draft, selector: string, changes: EntryChanges): Draft {
  return annotateEntries(draft, [findEntry(draft, selector)], changes);
}

/** As {@link annotateEntry}, for several entries of the draft at once. @throws ArgumentError */
export function annotateEntries(draft: Draft, chosen: readonly Entry[], changes: EntryChanges): Draft {
  return {
    ...draft,
    entries: draft.entries.map((entry) => (chosen.includes(entry) ? annotated(entry, changes) : entry)),
  };
}

/** Changes the annotations of the index itself. */
export function annotateIndex(draft: Draft, { annotations, unsetAnnotations }: IndexChanges): Draft {
  const { annotations: before, ...rest } = draft;
  const after = { ...withoutAnnotations(before, unsetAnnotations), ...annotations };
  return { ...rest, ...(hasMembers(after) && { annotations: after }) };
}

function annotated(entry: Entry, changes: EntryChanges): Entry {
  const { override: before = {}, ...rest } = entry;
  const platform = changedPlatform(before.platform, changes);
  const annotations = {
    ...withoutAnnotations(before.annotations, changes.unsetAnnotations),
    ...changes.annotations,
  };
  const parts = unsetParts(entry, changes);
  const names = unsetNames(entry, changes);
  const unset = {
    ...(parts.length > 0 && { platform: parts }),
    ...(names.length > 0 && { annotations: names }),
  };
  // Nothing empty is kept, so that drafts which say the same are the same.
  const override: EntryOverride = {
    ...(hasMembers(platform) && { platform }),
    ...(hasMembers(annotations) && { annotations }),
    ...(hasMembers(unset) && { unset }),
  };
  const after: Entry = { ...rest, ...(hasMembers(override) && { override }) };
  if (isGiven(changes.os) || isGiven(changes.architecture)) checkOsArch(after);
  return after;
}

function changedPlatform(before: LoosePlatform | undefined, changes: EntryChanges): LoosePlatform {
  const kept = withoutParts(before, changes.unset);
  const given = {
    os: changes.os,
    architecture: changes.architecture,
    'os.version': changes['os.version'],
    variant: changes.variant,
  };
  const features = new Set([
    ...(kept['os.features'] ?? []),
    ...(changes['os.features'] ?? []).filter(isGiven),
  ]);
  return {
    ...kept,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => isGiven(value))),
    ...(features.size > 0 && { 'os.features': [...features] }),
  };
}

/** What of the platform as read no longer counts. A later change of a part goes over it and needs no mark of its own. */
function unsetParts(entry: Entry, changes: EntryChanges): (keyof Platform)[] {
  const read = entry.descriptor.platform ?? {};
  const marks = new Set<keyof Platform>([
    ...(entry.override?.unset?.platform ?? []),
    ...(changes.unset ?? []).filter((field) => field in read),
  ]);
  return [...marks].sort();
}

function unsetNames(entry: Entry, { unsetAnnotations: names = [] }: EntryChanges): string[] {
  const read = entry.descriptor.annotations ?? {};
  const marks = new Set([
    ...(entry.override?.unset?.annotations ?? []),
    ...names.filter((name) => Object.hasOwn(read, name)),
  ]);
  return [...marks].sort();
}

function checkOsArch(entry: Entry): void {
  const { os = '', architecture = '' } = entryDescriptor(entry).platform ?? {};
  if (isKnownOsArch(os, architecture)) return;
  throw new ArgumentError(
    `manifest entry for image has unsupported os/arch combination: ${os}/${architecture}`,
    {
      hint: 'Names are those of Go, such as linux/amd64, linux/arm64 or windows/amd64; set both with --os and --arch.',
    },
  );
}

function isGiven(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}

function hasMembers(record: object): boolean {
  return Object.keys(record).length > 0;
}
