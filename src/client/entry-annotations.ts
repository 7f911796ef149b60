import { annotateEntries } from '../drafts/annotate.js';
import type { Draft } from '../drafts/draft.js';
import { findImages } from '../drafts/selection.js';
import { createSettings, type CreateOptions, type CreateSettings } from './create-options.js';

/** Adds annotations of entries to a draft. @throws NotFoundError if it has no image for a platform, ArgumentError */
export function withEntryAnnotations(draft: Draft, additions: CreateOptions['entryAnnotations']): Draft {
  return withAnnotatedEntries(draft, createSettings({ entryAnnotations: additions }).entryAnnotations);
}

/** As {@link withEntryAnnotations}, for additions that have been checked. */
export function withAnnotatedEntries(draft: Draft, additions: CreateSettings['entryAnnotations']): Draft {
  return additions.reduce((edited, { platform, attestations = false, annotations }) => {
    const isAll = attestations && platform === undefined && edited.entries.length > 0;
    return annotateEntries(edited, isAll ? edited.entries : findImages(edited, platform), { annotations });
  }, draft);
}
