import { isDeepStrictEqual } from 'node:util';

import type { SourceEntry, SourceImages } from '../assemble/read-source.js';
import { readSources } from '../assemble/read-sources.js';
import type { Target } from '../content/target.js';
import { annotateIndex } from '../drafts/annotate.js';
import { draftProblems, type DraftProblem } from '../drafts/draft-problems.js';
import type { Draft } from '../drafts/draft.js';
import { amendSource, createDraft, type DraftOptions, type ReadEntry } from '../drafts/edits.js';
import type { Digest } from '../oci/digest.js';
import { ConflictError } from '../oci/errors.js';
import { familiarLocation, formatImageLocation, type ImageLocation } from '../oci/image-location.js';
import type { Run } from './run.js';

export interface CreateOptions extends DraftOptions {
  /** Add to the draft that is there, and refresh the sources that it has already. @default false */
  readonly amend?: boolean | undefined;
}

/** A draft, and what would keep it from being published as it is now. */
export interface DraftState {
  readonly draft: Draft;
  readonly problems: readonly DraftProblem[];
}

/** A source with what it gave. */
export interface ReadSource {
  readonly location: ImageLocation;
  readonly place: Target;
  readonly images: SourceImages;
}

/** Asked before anything is read, so that a forgotten `--amend` does not cost a minute; {@link saveDraft} asks again. */
export async function checkAmend(run: Run, target: ImageLocation, options: CreateOptions): Promise<void> {
  if (options.amend !== true && (await run.store.find(target)) !== undefined) throw amendMissing(target);
}

/** Reads sources, each once. */
export async function readAll(run: Run, sources: readonly string[]): Promise<ReadSource[]> {
  const locations = new Map(
    sources.map((source) => {
      const location = run.location(source);
      return [formatImageLocation(location), location] as const;
    }),
  );
  const requests = await Promise.all(
    [...locations.values()].map(async (location) => ({
      source: await run.places.open(location),
      selector: await run.places.selector(location),
      label: familiarLocation(location),
      location,
    })),
  );
  const images = await readSources(requests, {
    limit: run.limit,
    signal: run.signal,
    onEvent: run.onEvent,
  });
  return requests.flatMap(({ location, source }, position) => {
    const found = images[position];
    return found === undefined ? [] : [{ location, place: source, images: found }];
  });
}

/** Makes the draft, or adds to it, in one step that nobody else's can come between. */
export async function saveDraft(
  run: Run,
  target: ImageLocation,
  read: readonly ReadSource[],
  options: CreateOptions,
): Promise<DraftState> {
  const draft = await run.store.update(
    target,
    (current) => {
      if (current !== undefined && options.amend !== true) throw amendMissing(target);
      return read.reduce(
        (edited, { location, images }) => amendSource(edited, location, images.entries.map(draftEntry)),
        current === undefined ? createDraft(target, options) : withOptions(current, options),
      );
    },
    { signal: run.signal },
  );
  return { draft, problems: draftProblems(draft) };
}

/** Makes a draft what it was before, unless someone else has changed it since. */
export async function takeBack(
  run: Run,
  target: ImageLocation,
  saved: Draft,
  before: Draft | undefined,
): Promise<void> {
  try {
    // Without the signal: what was cancelled leaves no draft either.
    await run.store.update(target, (current) => (isDeepStrictEqual(current, saved) ? before : current));
  } catch {
    // Why there was something to take back is what the user has to know.
  }
}

function draftEntry({ descriptor, document }: SourceEntry): ReadEntry {
  return document === undefined
    ? { descriptor }
    : { descriptor, manifest: new TextDecoder().decode(document.bytes) };
}

/** Manifests that were read by themselves, by the place they were read from. */
export function seenManifests(read: readonly ReadSource[]): Map<Target, Set<Digest>> {
  const seen = new Map<Target, Set<Digest>>();
  for (const { place, images } of read) {
    const digests = seen.get(place) ?? new Set();
    for (const { descriptor, document } of images.entries) {
      if (document !== undefined) digests.add(descriptor.digest);
    }
    seen.set(place, digests);
  }
  return seen;
}

/** What `create --amend` says of the index itself counts for the draft that is there, too. */
function withOptions(draft: Draft, { format, annotations }: CreateOptions): Draft {
  const annotated = annotateIndex(draft, { annotations });
  return format === undefined || format === 'auto' ? annotated : { ...annotated, format };
}

function amendMissing(target: ImageLocation): ConflictError {
  return new ConflictError('refusing to amend an existing manifest list with no --amend flag', {
    hint: `There is a draft ${familiarLocation(target)} already: add to it with --amend, or delete it with: multiarch rm ${familiarLocation(target)}`,
  });
}
