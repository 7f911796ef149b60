import type { Descriptor } from '../oci/descriptor.js';
import { checkDuplicatePlatforms, checkMissingPlatforms } from '../oci/index-rules.js';
import { formatPlatformFull, isCompletePlatform, platformKey } from '../oci/platform.js';
import type { Draft, Entry } from './draft.js';
import { entryDescriptor } from './entry.js';

/** A problem that blocks a push. `annotate`, `remove` or `create --amend` can fix it. */
export interface DraftProblem {
  /** `format` for what a Docker manifest list cannot express. */
  readonly kind: 'platform-missing' | 'platform-duplicate' | 'format';
  /** As `create` prints it. */
  readonly message: string;
  /** The affected entries, in the draft's order. */
  readonly entries: readonly Entry[];
}

/**
 * The problems of a draft's platforms: warnings for `create`, errors for `push`. Entries that are not images, such as
 * attestations, need no platform, and the platform `unknown` may be repeated.
 */
export function draftProblems(draft: Draft): readonly DraftProblem[] {
  const missing: DraftProblem[] = [];
  const byPlatform = new Map<string, Entry[]>();
  for (const entry of draft.entries) {
    const descriptor = entryDescriptor(entry);
    if (lacksPlatform(descriptor)) missing.push(platformMissing(draft, entry));
    const key = duplicateKey(descriptor);
    if (key !== undefined) byPlatform.set(key, [...(byPlatform.get(key) ?? []), entry]);
  }
  const groups = [...byPlatform.values()].filter((entries) => entries.length > 1);
  return [...missing, ...groups.map((entries) => platformDuplicate(draft, entries))];
}

function lacksPlatform(descriptor: Descriptor): boolean {
  const { platform, ...rest } = descriptor;
  return !isCompletePlatform(platform) && checkMissingPlatforms([rest]).length > 0;
}

/** Equal for entries that clients cannot tell apart; `undefined` for an entry that may be repeated. */
function duplicateKey(descriptor: Descriptor): string | undefined {
  const { platform, artifactType } = descriptor;
  // Reuses the rule for whole indexes: would the entry conflict with a copy of itself?
  const isChecked = checkDuplicatePlatforms([descriptor, descriptor]).length > 0;
  return platform === undefined || !isChecked ? undefined : `${platformKey(platform)} ${artifactType ?? ''}`;
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
