import { formatImageLocation } from '../oci/image-location.js';
import type { Draft } from '../drafts/draft.js';
import { NotFoundError } from '../oci/errors.js';
import type { ClientContext } from './client-context.js';
import { draftLocation, imageLabel } from './locations.js';
import { stateOf, type DraftState } from './draft-state.js';
import { type ImageSource, type ImageTarget } from './inputs.js';

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
  const target = draftLocation(context, name);
  const missing = (): NotFoundError => notInDraft(imageLabel(image), imageLabel(name));
  // Checked first, since an update creates the directory of the drafts.
  if (!(await context.store.has(target))) throw missing();
  const update = (current: Draft | undefined): Draft => {
    if (current === undefined) throw missing();
    return edit(current);
  };
  return stateOf(await context.store.update(target, update, context));
}

/** Deletes drafts. All are tried before anything is thrown. @throws NotFoundError that lists all missing drafts */
export async function deleteDrafts(
  context: ClientContext,
  names: readonly ImageTarget[],
): Promise<readonly string[]> {
  const errors: unknown[] = [];
  const targets = names.map((name) => draftLocation(context, name));
  for (const target of targets) {
    await context.store.remove(target, context).catch((error: unknown) => errors.push(error));
  }
  const [first, ...others] = errors;
  if (first === undefined) return targets.map(formatImageLocation);
  const missing = errors.filter((error) => error instanceof NotFoundError);
  if (missing.length < errors.length) throw errors.find((error) => !(error instanceof NotFoundError));
  if (others.length === 0) throw first;
  const [message = '', ...details] = missing.map((error) => error.message);
  throw new NotFoundError(message, { details, hint: missing[0]?.hint });
}

function notInDraft(image: string, name: string): NotFoundError {
  return new NotFoundError(`manifest for image ${image} does not exist in ${name}`, {
    hint: `The draft ${name} does not exist: create it with multiarch create, or list the drafts with multiarch ls.`,
  });
}
