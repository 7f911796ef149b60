import type { Draft } from '../drafts/draft.js';
import { draftDocument } from '../drafts/draft-index.js';
import { blocksPush, draftProblems, type DraftProblem } from '../drafts/draft-problems.js';
import type { IndexDocument } from '../oci/document.js';
import { InvalidError } from '../oci/errors.js';
import { DUPLICATE_PLATFORM } from '../oci/index-rules.js';
import { invalidDocument, validateForPublish } from '../oci/validate.js';

/**
 * Returns the index of a draft, and checks it against the rules for published indexes.
 * @throws InvalidError that lists all problems
 */
export function publishableIndex(
  draft: Draft,
  options: { readonly allowDuplicatePlatforms?: boolean | undefined } = {},
): IndexDocument {
  const { allowDuplicatePlatforms = false } = options;
  const problems = draftProblems(draft).filter(
    (problem) => blocksPush(problem) && (problem.kind !== 'platform-duplicate' || !allowDuplicatePlatforms),
  );
  if (problems.length > 0) {
    const hint = HINTS.find(([kind]) => problems.some((problem) => problem.kind === kind))?.[1];
    throw new InvalidError(problems.map(({ message }) => message).join('\n'), { hint: hint?.(draft.target) });
  }
  const document = draftDocument(draft);
  const broken = validateForPublish(document.value).filter(
    ({ rule }) => rule !== DUPLICATE_PLATFORM || !allowDuplicatePlatforms,
  );
  if (broken.length > 0) throw invalidDocument(`the index ${draft.target}`, broken);
  return document;
}

/** What to do about each kind. The first that applies is shown: two platforms may be equal only because one is wrong. */
const HINTS: readonly (readonly [DraftProblem['kind'], (target: string) => string])[] = [
  [
    'platform-missing',
    (target) => `Set it with \`multiarch annotate ${target} IMAGE --os linux --arch ARCH\`.`,
  ],
  [
    'platform-variant',
    (target) =>
      `Correct it with \`multiarch annotate ${target} IMAGE --variant VARIANT\`, or remove it with \`--unset variant\`.`,
  ],
  [
    'platform-duplicate',
    (target) =>
      `If a platform is wrong, correct it with \`multiarch annotate ${target} IMAGE --arch ARCH\`. ` +
      `Otherwise remove one with \`multiarch remove ${target} IMAGE\`, or push with --allow-duplicate-platforms.`,
  ],
];
