import type { Descriptor } from '../oci/descriptor.js';
import { checkMissingPlatforms, checkPlatformNames, checkVariant, selectionKey } from '../oci/index-rules.js';
import { formatPlatform, formatPlatformFull, isCompletePlatform } from '../oci/platform.js';
import type { Draft, Entry } from './draft.js';
import { droppedVariant, entryDescriptor } from './entry.js';

/** A problem of a draft. `annotate`, `remove` or `create --amend` can fix it. */
export interface DraftProblem {
  /**
   * `format` for what a Docker manifest list cannot express, `platform-variant` for a variant of another architecture. All
   * block a push, except for `platform-unknown`, a platform that clients do not look for, and `variant-dropped`, the
   * variant of a source whose architecture was changed.
   */
  readonly kind:
    | 'platform-missing'
    | 'platform-duplicate'
    | 'platform-variant'
    | 'platform-unknown'
    | 'variant-dropped'
    | 'format';
  /** As `create` prints it. */
  readonly message: string;
  /** The affected entries, in the draft's order. */
  readonly entries: readonly Entry[];
}

/** The problems that {@link draftProblems} finds and that do not block a push. */
const NOTICES: ReadonlySet<DraftProblem['kind']> = new Set(['platform-unknown', 'variant-dropped']);

/** Reports whether a problem blocks a push. */
export function blocksPush({ kind }: DraftProblem): boolean {
  return !NOTICES.has(kind);
}

/**
 * The problems of a draft's platforms: warnings for `create`, errors for `push` if they block it. Entries that are not
 * images, such as attestations, need no platform, and the platform `unknown` may be repeated.
 */
export function draftProblems(draft: Draft): readonly DraftProblem[] {
  const single: DraftProblem[] = [];
  const bySelection = new Map<string, Entry[]>();
  for (const entry of draft.entries) {
    const descriptor = entryDescriptor(entry);
    if (lacksPlatform(descriptor)) single.push(platformMissing(draft, entry));
    single.push(...nameProblems(draft, entry, descriptor));
    const key = selectionKey(descriptor);
    if (key !== undefined) bySelection.set(key, [...(bySelection.get(key) ?? []), entry]);
  }
  const groups = [...bySelection.values()].filter((entries) => entries.length > 1);
  return [...single, ...groups.map((entries) => platformDuplicate(draft, entries))];
}

function nameProblems(draft: Draft, entry: Entry, descriptor: Descriptor): DraftProblem[] {
  const name = entryName(draft, entry);
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

function lacksPlatform(descriptor: Descriptor): boolean {
  const { platform, ...rest } = descriptor;
  return !isCompletePlatform(platform) && checkMissingPlatforms([rest]).length > 0;
}

function platformMissing(draft: Draft, entry: Entry): DraftProblem {
  return {
    kind: 'platform-missing',
    message: `manifest ${entryName(draft, entry)} must have an OS and Architecture to be pushed to a registry`,
    entries: [entry],
  };
}

function platformDuplicate(draft: Draft, entries: readonly Entry[]): DraftProblem {
  const platforms = entries.flatMap((entry) => entryDescriptor(entry).platform ?? []);
  const names = entries.map((entry) => entryName(draft, entry)).join(', ');
  return {
    kind: 'platform-duplicate',
    message: `duplicate platform ${formatPlatformFull(platforms[0] ?? {})} (clients may pick either): ${names}`,
    entries,
  };
}

/** The source, with the digest if the source has several entries. */
function entryName(draft: Draft, { source, descriptor }: Entry): string {
  const isOnly = draft.entries.filter((entry) => entry.source === source).length === 1;
  return isOnly || source.endsWith(`@${descriptor.digest}`) ? source : `${source}@${descriptor.digest}`;
}
