import type { Draft } from '../drafts/draft.js';
import { NotFoundError } from '../oci/errors.js';
import type { ClientContext } from './client-context.js';
import { stateOf, type DraftState } from './create.js';
import { textOf, type ImageSource, type ImageTarget } from './inputs.js';

/**
 * Changes a draft.
 * @param image named in the error message if the draft does not exist
 * @throws NotFoundError if the draft does not exist, and what `edit` throws
 */
export async function editDraft(
  context: ClientContext,
  name: ImageTarget,
  image: ImageSource | ImageTarget,
  edit: (draft: Draft) => Draft,
): Promise<DraftState> {
  const draft = await context.store.update(
    context.draftTarget(name),
    (current) => {
      if (current === undefined) throw notInDraft(textOf(image), textOf(name));
      return edit(current);
    },
    { signal: context.signal },
  );
  return stateOf(draft);
}

/** Deletes drafts. All are tried before anything is thrown. @throws NotFoundError that lists all missing drafts */
export async function deleteDrafts(context: ClientContext, names: readonly ImageTarget[]): Promise<void> {
  const targets = names.map((name) => context.draftTarget(name));
  const missing: NotFoundError[] = [];
  const failures: unknown[] = [];
  for (const target of targets) {
    await context.store.remove(target, { signal: context.signal }).catch((error: unknown) => {
      if (error instanceof NotFoundError) missing.push(error);
      else failures.push(error);
    });
  }
  if (failures.length > 0) throw failures[0];
  const [first] = missing;
  if (first === undefined) return;
  const message = missing.map((error) => error.message).join('\n');
  throw missing.length === 1 ? first : new NotFoundError(message, { hint: first.hint });
}

function notInDraft(image: string, name: string): NotFoundError {
  return new NotFoundError(`manifest for image ${image} does not exist in ${name}`, {
    hint: `There is no draft ${name}: make it with multiarch create. multiarch ls lists those that there are.`,
  });
}
