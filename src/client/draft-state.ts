import { draftProblems, type DraftProblem } from '../drafts/draft-problems.js';
import type { Draft } from '../drafts/draft.js';

/** A draft, and the problems that prevent its publication. */
export interface DraftState {
  readonly draft: Draft;
  readonly problems: readonly DraftProblem[];
}

export function stateOf(draft: Draft): DraftState {
  return { draft, problems: draftProblems(draft) };
}
