import type { Descriptor } from '../oci/descriptor.js';
import {
  checkMissingPlatforms,
  checkPlatformNames,
  checkVariant,
  clientKey,
  selectionKey,
} from '../oci/index-rules.js';
import { listFindings } from '../oci/list-findings.js';
import { formatPlatform, formatPlatformFull, isCompletePlatform } from '../oci/platform.js';
import { indexSizeProblem } from '../oci/serialise.js';
import type { Draft, Entry } from './draft.js';
import { draftDocument, isForLayout, unsupportedMembers } from './draft-index.js';
import { droppedVariant, entryDescriptor } from './entry.js';
import { problemHint, type BlockingProblemKind, type DraftProblemKind } from './problem-hints.js';

/** A problem of a draft. `annotate`, `remove` or `create --amend` can fix it. */
export interface DraftProblem {
  readonly kind: DraftProblemKind;
  /** As `create` prints it. */
  readonly message: string;
  /** The affected entries, in the draft's order. */
  readonly entries: readonly Entry[];
}

/** A problem that blocks a push. */
export interface BlockingProblem extends DraftProblem {
  readonly kind: BlockingProblemKind;
}

/** Reports whether a problem blocks a push. */
export function blocksPush(problem: DraftProblem): problem is BlockingProblem {
  return !['platform-unknown', 'platform-shared', 'variant-dropped'].includes(problem.kind);
}

/** Returns the messages of problems. Of many of one kind, the first are listed. */
export function draftProblemLines(
  problems: readonly DraftProblem[],
  messageOf: (problem: DraftProblem) => string = ({ message }) => message,
): string[] {
  return listFindings(problems, ({ kind }) => kind, messageOf);
}

/**
 * The problems of a draft: warnings for `create`, errors for `push` if they block it. Entries that are not images, such as
 * attestations, need no platform, and the platform `unknown` may be repeated.
 */
export function draftProblems(draft: Draft): readonly DraftProblem[] {
  const nameOf = entryNames(draft);
  const single = draft.entries.flatMap((entry) => {
    const descriptor = entryDescriptor(entry);
    const missing = lacksPlatform(descriptor) ? [platformMissing(nameOf(entry), entry)] : [];
    return [...missing, ...nameProblems(nameOf(entry), entry, descriptor)];
  });
  return [
    ...single,
    ...repeated(draft, selectionKey).map((entries) => platformDuplicate(nameOf, entries)),
    ...repeated(draft, clientKey).flatMap((entries) => platformShared(nameOf, entries)),
    ...formatProblems(draft),
    ...sizeProblems(draft),
  ];
}

/** The groups of entries with the same key, of at least two. */
function repeated(draft: Draft, keyOf: (descriptor: Descriptor) => string | undefined): Entry[][] {
  const groups = new Map<string, Entry[]>();
  for (const entry of draft.entries) {
    const key = keyOf(entryDescriptor(entry));
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [entry]);
    else group.push(entry);
  }
  return [...groups.values()].filter((entries) => entries.length > 1);
}

function nameProblems(name: string, entry: Entry, descriptor: Descriptor): DraftProblem[] {
  const problem = (kind: DraftProblem['kind'], message: string): DraftProblem => ({
    kind,
    message: `${name}: ${message}`,
    entries: [entry],
  });
  const variant = droppedVariant(entry);
  return [
    ...checkVariant('', descriptor).map(({ message }) =>
      problem('platform-variant', `the variant ${message}`),
    ),
    ...checkPlatformNames('', descriptor).map(({ message }) =>
      problem('platform-unknown', `the platform ${message}`),
    ),
    ...(variant === undefined
      ? []
      : [
          problem(
            'variant-dropped',
            `its variant ${variant} belongs to ${formatPlatform(entry.descriptor.platform ?? {})} and is dropped`,
          ),
        ]),
  ];
}

/** What a Docker manifest list cannot express, with the solution, since another format is one. */
function formatProblems(draft: Draft): readonly DraftProblem[] {
  const message = formatConflict(draft);
  if (message === undefined) return [];
  return [{ kind: 'format', message: `${message}. ${problemHint(draft, 'format', [], true)}`, entries: [] }];
}

function sizeProblems(draft: Draft): readonly DraftProblem[] {
  const message = indexSizeProblem(draftDocument(draft).bytes, isForLayout(draft.target));
  return message === undefined ? [] : [{ kind: 'size', message, entries: [] }];
}

/** Returns the message about members that a draft's Docker manifest list cannot have; `undefined` if it has none of them. */
export function formatConflict(draft: Draft): string | undefined {
  const unsupported = unsupportedMembers(draft);
  if (unsupported.length === 0) return undefined;
  const origin = draft.index === undefined ? 'its first image is not an OCI image' : 'as its source is';
  const reason = draft.format === 'auto' ? ` (${origin})` : '';
  return `${draft.target} is a Docker manifest list${reason} and cannot have ${unsupported.join(', ')}`;
}

function lacksPlatform(descriptor: Descriptor): boolean {
  const { platform, ...rest } = descriptor;
  return !isCompletePlatform(platform) && checkMissingPlatforms([rest]).length > 0;
}

function platformMissing(name: string, entry: Entry): DraftProblem {
  return {
    kind: 'platform-missing',
    message: `manifest ${name} must have an OS and Architecture to be pushed to a registry`,
    entries: [entry],
  };
}

function platformDuplicate(nameOf: EntryNames, entries: readonly Entry[]): DraftProblem {
  const message = `duplicate platform ${platformName(entries)} (clients may pick either): ${listed(nameOf, entries)}`;
  return { kind: 'platform-duplicate', message, entries };
}

/** The problem of entries of one platform that differ in annotations by which no known client selects. */
function platformShared(nameOf: EntryNames, entries: readonly Entry[]): DraftProblem[] {
  const distinct = new Set(entries.map((entry) => selectionKey(entryDescriptor(entry))));
  if (distinct.size === 1) return [];
  const message = `only annotations, which most clients ignore, tell the images for ${platformName(entries)} apart: ${listed(nameOf, entries)}`;
  return [{ kind: 'platform-shared', message, entries }];
}

function platformName(entries: readonly Entry[]): string {
  const [platform = {}] = entries.flatMap((entry) => entryDescriptor(entry).platform ?? []);
  return formatPlatformFull(platform);
}

/** The number of entries that a message names. */
const MAX_NAMED = 20;

function listed(nameOf: EntryNames, entries: readonly Entry[]): string {
  const names = entries.slice(0, MAX_NAMED).map(nameOf);
  const more = entries.length > MAX_NAMED ? ` and ${entries.length - MAX_NAMED} more` : '';
  return `${names.join(', ')}${more}`;
}

type EntryNames = (entry: Entry) => string;

/** The names of the entries of a draft: the source, with the digest if the source has several entries. */
function entryNames({ entries }: Draft): EntryNames {
  const counts = new Map<string, number>();
  for (const { source } of entries) counts.set(source, (counts.get(source) ?? 0) + 1);
  return ({ source, descriptor }) =>
    counts.get(source) === 1 || source.endsWith(`@${descriptor.digest}`)
      ? source
      : `${source}@${descriptor.digest}`;
}
