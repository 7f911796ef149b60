import type { Inspection } from '../../client/inspection.js';
import type { Draft } from '../../drafts/draft.js';
import { draftProblemLines, type DraftProblem } from '../../drafts/draft-problems.js';
import { entryDescriptor } from '../../drafts/entry.js';
import { isAttestation } from '../../oci/attestation.js';
import { formatPlatformFull } from '../../oci/platform.js';
import type { Output } from './output.js';

/** A draft for `--json`: the content that a push would publish, and the source of each entry. */
export function draftJson(draft: Draft): unknown {
  const { target, format, annotations, tags, entries } = draft;
  return {
    target,
    format,
    ...(annotations !== undefined && { annotations }),
    ...(tags !== undefined && { tags }),
    entries: entries.map((entry) => ({ source: entry.source, descriptor: entryDescriptor(entry) })),
  };
}

/** A draft as one line: its name and the platforms of its images. */
export function draftLine(draft: Draft): string {
  const platforms = draft.entries
    .map(entryDescriptor)
    .filter((descriptor) => !isAttestation(descriptor))
    .map(({ platform }) => (platform === undefined ? 'no platform' : formatPlatformFull(platform)));
  return `${draft.target}  ${platforms.length === 0 ? '(empty)' : platforms.join(', ')}`;
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
