import type { Draft } from '../drafts/draft.js';
import { draftDocument } from '../drafts/draft-index.js';
import {
  blocksPush,
  draftProblemLines,
  draftProblems,
  formatConflict,
  type DraftProblem,
} from '../drafts/draft-problems.js';
import { problemHint } from '../drafts/problem-hints.js';
import type { IndexDocument } from '../oci/document.js';
import { InvalidError } from '../oci/errors.js';
import { DUPLICATE_PLATFORM } from '../oci/index-rules.js';
import { invalidDocument, validateForPublish } from '../oci/validate.js';

/** How a draft is checked. */
export interface PublishableOptions {
  /** @default false */
  readonly allowDuplicatePlatforms?: boolean | undefined;
  /** Whether the draft is in the store, so that hints can name commands that change it. @default true */
  readonly isSaved?: boolean | undefined;
  /** Those of {@link draftProblems}, if the caller has them already. */
  readonly problems?: readonly DraftProblem[] | undefined;
}

/**
 * Returns the index of a draft, and checks it against the rules for published indexes.
 * @throws InvalidError that lists all problems
 */
export function publishableIndex(draft: Draft, options: PublishableOptions = {}): IndexDocument {
  const { allowDuplicatePlatforms = false, isSaved = true } = options;
  const problems = (options.problems ?? draftProblems(draft))
    .filter(blocksPush)
    .filter(({ kind }) => kind !== 'platform-duplicate' || !allowDuplicatePlatforms);
  const [first] = problems;
  if (first !== undefined) {
    // The message of a format problem includes its solution.
    const [message = '', ...details] = draftProblemLines(problems, (problem) =>
      problem.kind === 'format' ? (formatConflict(draft) ?? problem.message) : problem.message,
    );
    const affected = problems.flatMap(({ kind, entries }) => (kind === first.kind ? entries : []));
    throw new InvalidError(message, {
      details,
      hint: problemHint(draft, first.kind, affected, isSaved),
    });
  }
  const document = draftDocument(draft);
  const broken = validateForPublish(document.value).filter(
    ({ rule }) => rule !== DUPLICATE_PLATFORM || !allowDuplicatePlatforms,
  );
  if (broken.length > 0) throw invalidDocument(`the index ${draft.target}`, broken);
  return document;
}
