import type { Draft } from '../drafts/draft.js';
import type { DraftList } from '../drafts/store.js';
import { FailedError } from '../oci/errors.js';
import type { ImageLocation } from '../oci/image-location.js';
import type { ClientContext } from './client-context.js';

/**
 * Returns the draft of this name, if it exists. For calls that work without drafts: a store that this user cannot read, such
 * as one in the home directory of another user, is reported as a warning and counts as empty.
 * @throws InvalidError, FailedError for the draft's own file
 */
export function findDraft(context: ClientContext, target: ImageLocation): Promise<Draft | undefined> {
  return ifReadable(context, () => context.store.find(target), undefined);
}

/** Lists all drafts and the damaged files. A store that this user cannot read counts as empty, as in {@link findDraft}. */
export function listDrafts(context: ClientContext): Promise<DraftList> {
  return ifReadable(context, () => context.store.list(), { drafts: [], changedAt: new Map(), damaged: [] });
}

async function ifReadable<T>(
  { store, onEvent }: ClientContext,
  read: () => Promise<T>,
  empty: T,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof FailedError) || (await store.isReadable())) throw error;
    onEvent?.({ kind: 'warning', message: `drafts are ignored: ${error.message}` });
    return empty;
  }
}
