import type { Annotations } from '../oci/descriptor.js';
import { ArgumentError } from '../oci/errors.js';
import { isKnownOsArch } from '../oci/known-platforms.js';
import { formatPlatform, type LoosePlatform, type Platform } from '../oci/platform.js';
import { hasForeignVariant, likelyPlatform } from '../oci/platform-names.js';
import type { Draft, Entry, EntryOverride } from './draft.js';
import { entryDescriptor, withoutAnnotations, withoutFields } from './entry.js';
import { findEntry } from './selection.js';

/** A field of a platform that can be changed. */
export type PlatformField = 'os' | 'architecture' | 'os.version' | 'variant' | 'os.features';

/** Changes to an entry. `unset` and `unsetAnnotations` are applied first. */
export interface EntryChanges {
  /** Not empty: an entry needs both parts of a platform. */
  readonly os?: string | undefined;
  /** Not empty. A variant of the source that belongs to another architecture is dropped. */
  readonly architecture?: string | undefined;
  /** An empty string removes it. */
  readonly 'os.version'?: string | undefined;
  /** An empty string removes it. */
  readonly variant?: string | undefined;
  /** Added to the existing features. */
  readonly 'os.features'?: readonly string[] | undefined;
  /** A value may be empty. */
  readonly annotations?: Annotations | undefined;
  /** Platform fields to remove, whether they come from the source or from an earlier change. */
  readonly unset?: readonly PlatformField[] | undefined;
  /** Names of annotations to remove. */
  readonly unsetAnnotations?: readonly string[] | undefined;
}

/** The fields that an entry needs, with the options that set them. */
const NEEDED_FIELDS = [
  { field: 'os', option: 'os' },
  { field: 'architecture', option: 'arch' },
] as const;
const OPTIONAL_FIELDS = ['os.version', 'variant'] as const;

/** Changes to the annotations of an index. `unsetAnnotations` is applied first. */
export type IndexChanges = Pick<EntryChanges, 'annotations' | 'unsetAnnotations'>;

/**
 * Changes the descriptor of one entry, as docker does: values replace, `os.features` are added.
 *
 * @param selector see `findEntry`
 * @throws NotFoundError; ArgumentError if several entries match, if the os and architecture are not a known pair, or if the
 *   given variant belongs to another architecture
 */
export function annotateEntry(draft: Draft, selector: string, changes: EntryChanges): Draft {
  return annotateEntries(draft, [findEntry(draft, selector)], changes);
}

/** As {@link annotateEntry}, for several entries of the draft at once. @throws ArgumentError */
export function annotateEntries(draft: Draft, selected: readonly Entry[], given: EntryChanges): Draft {
  const changes = withEmptyUnset(given);
  const chosen = new Set(selected);
  return {
    ...draft,
    entries: draft.entries.map((entry) => (chosen.has(entry) ? annotated(entry, changes) : entry)),
  };
}

/** Converts empty values: those of optional fields unset them. @throws ArgumentError for a field that an entry needs */
function withEmptyUnset(changes: EntryChanges): EntryChanges {
  const empty = NEEDED_FIELDS.find(({ field }) => changes[field] === '');
  if (empty !== undefined) {
    throw new ArgumentError(`the ${empty.field} is empty, but an entry needs one`, {
      hint: `Omit --${empty.option} to keep it, or remove it with \`--unset ${empty.option}\`.`,
    });
  }
  const unset = OPTIONAL_FIELDS.filter((field) => changes[field] === '');
  return unset.length === 0 ? changes : { ...changes, unset: [...(changes.unset ?? []), ...unset] };
}

/** Changes the annotations of the index itself. */
export function annotateIndex(draft: Draft, { annotations, unsetAnnotations }: IndexChanges): Draft {
  const { annotations: previous, ...rest } = draft;
  const result = { ...withoutAnnotations(previous, unsetAnnotations), ...annotations };
  return { ...rest, ...(hasMembers(result) && { annotations: result }) };
}

function annotated(entry: Entry, changes: EntryChanges): Entry {
  const { override: previous = {}, ...rest } = entry;
  const platform = changedPlatform(previous.platform, changes);
  const annotations = {
    ...withoutAnnotations(previous.annotations, changes.unsetAnnotations),
    ...changes.annotations,
  };
  const unsetPlatform = unsetPlatformFields(entry, changes);
  const names = unsetAnnotationNames(entry, changes);
  const unset = {
    ...(unsetPlatform.length > 0 && { platform: unsetPlatform }),
    ...(names.length > 0 && { annotations: names }),
  };
  // Empty members are dropped, so that equivalent drafts are equal.
  const override: EntryOverride = {
    ...(hasMembers(platform) && { platform }),
    ...(hasMembers(annotations) && { annotations }),
    ...(hasMembers(unset) && { unset }),
  };
  const result: Entry = { ...rest, ...(hasMembers(override) && { override }) };
  if (isNonEmpty(changes.os) || isNonEmpty(changes.architecture)) checkOsArch(result);
  if (isNonEmpty(changes.architecture) || isNonEmpty(changes.variant)) checkVariant(result);
  return result;
}

function changedPlatform(previous: LoosePlatform | undefined, changes: EntryChanges): LoosePlatform {
  const kept = withoutFields(previous, changes.unset);
  const given = {
    os: changes.os,
    architecture: changes.architecture,
    'os.version': changes['os.version'],
    variant: changes.variant,
  };
  const features = new Set([
    ...(kept['os.features'] ?? []),
    ...(changes['os.features'] ?? []).filter(isNonEmpty),
  ]);
  return {
    ...kept,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => isNonEmpty(value))),
    ...(features.size > 0 && { 'os.features': [...features] }),
  };
}

/** The fields of the source's platform that are unset. A field that is set again stays listed: the override wins. */
function unsetPlatformFields(entry: Entry, changes: EntryChanges): (keyof Platform)[] {
  const read = entry.descriptor.platform ?? {};
  const unset = new Set<keyof Platform>([
    ...(entry.override?.unset?.platform ?? []),
    ...(changes.unset ?? []).filter((field) => field in read),
  ]);
  return [...unset].sort();
}

function unsetAnnotationNames(entry: Entry, { unsetAnnotations: names = [] }: EntryChanges): string[] {
  const read = entry.descriptor.annotations ?? {};
  const unset = new Set([
    ...(entry.override?.unset?.annotations ?? []),
    ...names.filter((name) => Object.hasOwn(read, name)),
  ]);
  return [...unset].sort();
}

function checkOsArch(entry: Entry): void {
  const { os = '', architecture = '' } = entryDescriptor(entry).platform ?? {};
  if (isKnownOsArch(os, architecture)) return;
  const likely = likelyPlatform({ os, architecture });
  const isLikely = isKnownOsArch(likely.os, likely.architecture);
  throw new ArgumentError(
    `manifest entry for image has unsupported os/arch combination: ${os}/${architecture}`,
    {
      hint: isLikely
        ? `Use Go names: probably ${formatPlatform(likely)} is meant.`
        : 'Use Go names such as linux/amd64, linux/arm64 or windows/amd64. Set both with --os and --arch.',
    },
  );
}

/** A variant that was read and does not fit is dropped (see `droppedVariant`), so this one was given. */
function checkVariant(entry: Entry): void {
  const { variant = '', ...platform } = entryDescriptor(entry).platform ?? {};
  if (!hasForeignVariant({ ...platform, variant })) return;
  throw new ArgumentError(
    `manifest entry for image has unsupported variant: ${formatPlatform({ ...platform, variant })}`,
    { hint: 'Give a variant of the architecture with --variant, or remove it with `--unset variant`.' },
  );
}

function isNonEmpty(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}

function hasMembers(record: object): boolean {
  return Object.keys(record).length > 0;
}
