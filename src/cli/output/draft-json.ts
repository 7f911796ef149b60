import type { Draft } from '../../drafts/draft.js';
import { entryDescriptor } from '../../drafts/entry-descriptor.js';

/** A draft for `--json`: what it will publish, and where each entry came from. */
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
