import type { Descriptor } from '../oci/descriptor.js';
import { checkDuplicatePlatforms, checkMissingPlatforms } from '../oci/index-rules.js';
import { formatPlatformFull, isCompletePlatform, platformKey } from '../oci/platform.js';
import type { Draft, Entry } from './draft.js';
import { entryDescriptor } from './entry-descriptor.js';

/** What keeps a draft from being published, and can still be mended with `annotate`, `remove` or `create --amend`. */
export interface DraftProblem {
  readonly kind: 'platform-missing' | 'platform-duplicate' | 'format';
  readonly message: string;
  /** The entries that it is about, in the draft's order. */
  readonly entries: readonly Entry[];
}

/**
 * What is wrong with a draft's platforms: a warning where the draft is made, an error where it is pushed. What is not
 * an image, such as a statement about one, needs no platform, and `unknown` may be there any number of times.
 */
export function draftProblems(draft: Draft): readonly DraftProblem[] {
  const missing: DraftProblem[] = [];
  const byPlatform = new Map<string, Entry[]>();
  for (const entry of draft.entries) {
    const descriptor = entryDescriptor(entry);
    if (lacksPlatform(descriptor)) missing.push(platformMissing(draft, entry));
    const key = competitionKey(descriptor);
    if (key !== undefined) byPlatform.set(key, [...(byPlatform.get(key) ?? []), entry]);
  }
  const groups = [...byPlatform.values()].filter((entries) => entries.length > 1);
  return [...missing, ...groups.map((entries) => platformDuplicate(draft, entries))];
}

function lacksPlatform(descriptor: Descriptor): boolean {
  const { platform, ...rest } = descriptor;
  return !isCompletePlatform(platform) && checkMissingPlatforms([rest]).length > 0;
}

/** What entries share of which a client takes any one; `undefined` where an entry may be there twice. */
function competitionKey(descriptor: Descriptor): string | undefined {
  const { platform, artifactType } = descriptor;
  // The rule for whole indexes decides what counts: an entry competes where it would with another like itself.
  const competes = checkDuplicatePlatforms([descriptor, descriptor]).length > 0;
  return platform === undefined || !competes ? undefined : `${platformKey(platform)} ${artifactType ?? ''}`;
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
    message: `${entries.length} manifests are for ${formatPlatformFull(platforms[0] ?? {})}, of which a client takes any one: ${names}`,
    entries,
  };
}

/** The source, and the digest where the source gave more than this one. */
function entryName(draft: Draft, { source, descriptor }: Entry): string {
  const isOnly = draft.entries.filter((entry) => entry.source === source).length === 1;
  return isOnly || source.endsWith(`@${descriptor.digest}`) ? source : `${source}@${descriptor.digest}`;
}
