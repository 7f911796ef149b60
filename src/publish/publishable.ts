import type { Draft } from '../drafts/draft.js';
import { draftDocument } from '../drafts/draft-index.js';
import { draftProblems } from '../drafts/draft-problems.js';
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
    ({ kind }) => kind !== 'platform-duplicate' || !allowDuplicatePlatforms,
  );
  if (problems.length > 0) {
    const isMissing = problems.some(({ kind }) => kind === 'platform-missing');
    throw new InvalidError(problems.map(({ message }) => message).join('\n'), {
      hint: isMissing
        ? `Set it with \`multiarch annotate ${draft.target} IMAGE --os linux --arch ARCH\`.`
        : `Remove one with \`multiarch remove ${draft.target} IMAGE\`, or push with --allow-duplicate-platforms.`,
    });
  }
  const document = draftDocument(draft);
  const broken = validateForPublish(document.value).filter(
    ({ rule }) => rule !== DUPLICATE_PLATFORM || !allowDuplicatePlatforms,
  );
  if (broken.length > 0) throw invalidDocument(`the index ${draft.target}`, broken);
  return document;
}
