import type { Colors } from 'picocolors/types.js';

import type { Inspection } from '../../client/inspection.js';
import type { Draft } from '../../drafts/draft.js';
import { draftProblemLines, type DraftProblem } from '../../drafts/draft-problems.js';
import { entryDescriptor } from '../../drafts/entry.js';
import type { DamagedDraft, DraftList } from '../../drafts/store.js';
import { isAttestation } from '../../oci/attestation.js';
import { printable } from '../../oci/errors.js';
import { formatPlatformFull } from '../../oci/platform.js';
import type { JsonMembers } from './json-result.js';
import { ageCell } from './image-facts.js';
import type { Output } from './output.js';
import { tableLines } from './tables.js';
import type { Screen } from './terminal.js';

/** A draft for `--json`: the content that a push would publish, and the source of each entry. */
export function draftJson({ target, format, annotations, tags, entries }: Draft): JsonMembers {
  return {
    reference: target,
    state: 'draft',
    format,
    annotations,
    tags,
    entries: entries.map((entry) => ({ source: entry.source, descriptor: entryDescriptor(entry) })),
  };
}

/** A file that cannot be read as a draft, for `--json`. */
export function damagedJson({ path, problem, target }: DamagedDraft): JsonMembers {
  return { reference: target, path, message: problem };
}

/** A draft as one line: its name and the platforms of its images. */
export function draftLine(draft: Draft): string {
  return `${draft.target}  ${platformsText(draft)}`;
}

/** Formats drafts as a table for people. @param now the current time in milliseconds since the epoch */
export function draftTableLines(
  { drafts, changedAt }: DraftList,
  { screen, colors, now }: { readonly screen: Screen; readonly colors: Colors; readonly now: number },
): string[] {
  if (drafts.length === 0) return [];
  const rows = drafts.map((draft) => [
    { text: printable(draft.target), paint: colors.cyan },
    ageCell(changedAt.get(draft.target)?.getTime(), now),
    String(draft.entries.length),
    printable(platformsText(draft)),
  ]);
  return tableLines(['TARGET', 'AGE', 'ENTRIES', 'PLATFORMS'], rows, screen, colors.bold);
}

function platformsText({ entries }: Draft): string {
  const platforms = entries
    .map(entryDescriptor)
    .filter((descriptor) => !isAttestation(descriptor))
    .map(({ platform }) => (platform === undefined ? 'no platform' : formatPlatformFull(platform)));
  return platforms.length === 0 ? '(empty)' : platforms.join(', ');
}

/** A problem of a draft for `--json`. */
export function problemJson({ kind, message, entries }: DraftProblem): JsonMembers {
  return { kind, message, digests: entries.map((entry) => entryDescriptor(entry).digest) };
}

/** Warns of everything that prevents a push of a draft. */
export function warnOfProblems(
  { problems }: { readonly problems: readonly DraftProblem[] },
  output: Output,
): void {
  for (const line of draftProblemLines(problems)) output.warn(line);
}

/** The name of an inspected document in messages: `the draft app:1.2`. */
export function inspectedName({ name, state }: Inspection): string {
  return state === 'draft' ? `the draft ${name}` : name;
}
