import { isDeepStrictEqual } from 'node:util';

import type { SourceEntry } from '../assemble/read-source.js';
import { annotateEntries, annotateIndex } from '../drafts/annotate.js';
import { draftProblems, type DraftProblem } from '../drafts/draft-problems.js';
import type { Draft, Entry } from '../drafts/draft.js';
import { addEntries, amendSource, createDraft, type DraftOptions, type ReadEntry } from '../drafts/edits.js';
import { entryDescriptor } from '../drafts/entry-descriptor.js';
import { findEntries } from '../drafts/selection.js';
import type { Annotations } from '../oci/annotation.js';
import { imagePlatforms, isAttestation } from '../oci/attestation.js';
import { ArgumentError, ConflictError } from '../oci/errors.js';
import { familiarLocation, formatImageLocation, type ImageLocation } from '../oci/image-location.js';
import { formatPlatformFull, type Platform } from '../oci/platform.js';
import { promotedAnnotations } from '../oci/promoted-annotations.js';
import { checkRequiredPlatforms } from '../oci/required-platforms.js';
import type { StartingPoint } from './starting-point.js';
import type { ReadOptions, ReadSource } from './sources.js';
import type { Run } from './run.js';

export interface CreateOptions extends Omit<DraftOptions, 'base'>, Omit<ReadOptions, 'configs'> {
  /** Add to the draft that is there, and refresh the sources that it has already. @default false */
  readonly amend?: boolean | undefined;
  /** Start from what is published under this name. The draft must not be there yet. */
  readonly from?: string | undefined;
  /** An entry of the same platform gives way, with the statements about it. @default false */
  readonly replace?: boolean | undefined;
  /** Platforms that the draft must have in the end. @default none */
  readonly require?: readonly Platform[] | undefined;
  /** Annotations of entries; without a platform, of all images. */
  readonly entryAnnotations?: readonly EntryAnnotations[] | undefined;
  /** Make labels that all images share annotations of the index. @default false */
  readonly annotationsFromLabels?: boolean | undefined;
}

export interface EntryAnnotations {
  readonly platform?: Platform;
  readonly annotations: Annotations;
}

/** A draft, and what would keep it from being published as it is now. */
export interface DraftState {
  readonly draft: Draft;
  readonly problems: readonly DraftProblem[];
}

/** Asked before anything is read, so that a forgotten `--amend` does not cost a minute; {@link saveDraft} asks again. */
export async function checkStart(run: Run, target: ImageLocation, options: CreateOptions): Promise<void> {
  checkAbsent(target, await run.store.find(target), options);
}

/** Makes the draft, or adds to it, in one step that nobody else's can come between. */
export async function saveDraft(
  run: Run,
  target: ImageLocation,
  read: readonly ReadSource[],
  options: CreateOptions,
  start?: StartingPoint,
): Promise<DraftState> {
  const promoted = options.annotationsFromLabels === true ? commonLabels(read) : {};
  const settings = { ...options, annotations: { ...promoted, ...options.annotations } };
  const draft = await run.store.update(
    target,
    (current) => {
      checkAbsent(target, current, options);
      const begun = current ?? started(target, start);
      const filled = read.reduce((edited, source) => withSource(edited, source, options), begun);
      const done = withEntryAnnotations(withSettings(filled, settings), options.entryAnnotations ?? []);
      const platforms = imagePlatforms(done.entries.map(entryDescriptor));
      checkRequiredPlatforms(options.require ?? [], platforms, familiarLocation(target));
      return done;
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

function checkAbsent(target: ImageLocation, current: Draft | undefined, options: CreateOptions): void {
  if (current === undefined) return;
  const name = familiarLocation(target);
  if (options.from !== undefined) {
    throw new ConflictError(
      `there is a draft ${name} already, so it cannot be started from ${options.from}`,
      {
        hint: `Add to it without --from, or delete it with: multiarch rm ${name}`,
      },
    );
  }
  if (options.amend !== true) {
    throw new ConflictError('refusing to amend an existing manifest list with no --amend flag', {
      hint: `There is a draft ${name} already: add to it with --amend, or delete it with: multiarch rm ${name}`,
    });
  }
  if (options.annotationsFromLabels === true && current.entries.length > 0) {
    throw new ArgumentError(`${name} has images whose labels are not known here`, {
      hint: 'Create the draft again with all its sources to take annotations from labels.',
    });
  }
}

function started(target: ImageLocation, start: StartingPoint | undefined): Draft {
  if (start === undefined) return createDraft(target);
  return start.entries.reduce(
    (draft, { location, descriptor }) => addEntries(draft, location, [{ descriptor }]),
    createDraft(target, start.options),
  );
}

/** What a source gives now, with what an assembly file says of it. */
function withSource(draft: Draft, { location, image, entries }: ReadSource, options: CreateOptions): Draft {
  const amended = amendSource(draft, location, entries.map(readEntry), { replace: options.replace });
  const name = formatImageLocation(location);
  const own = amended.entries.filter((entry) => entry.source === name && isImage(entry));
  const { platform, annotations } = image;
  if (platform === undefined && annotations === undefined) return amended;
  if (platform !== undefined && own.length > 1) {
    throw new ArgumentError(
      `${familiarLocation(location)} gives ${own.length} images: one platform fits none of them`,
      {
        hint: 'Leave its platform out, or choose one of its images by digest.',
      },
    );
  }
  return annotateEntries(amended, own, {
    os: platform?.os,
    architecture: platform?.architecture,
    variant: platform?.variant,
    osVersion: platform?.['os.version'],
    osFeatures: platform?.['os.features'],
    annotations,
  });
}

/** What is said of the index itself counts for a draft that is there, too. */
function withSettings(draft: Draft, { format, annotations, artifactType, subject }: DraftOptions): Draft {
  return {
    ...annotateIndex(draft, { annotations }),
    ...(format !== undefined && format !== 'auto' && { format }),
    ...(artifactType !== undefined && { artifactType }),
    ...(subject !== undefined && { subject }),
  };
}

function withEntryAnnotations(draft: Draft, additions: readonly EntryAnnotations[]): Draft {
  return additions.reduce((edited, { platform, annotations }) => {
    const meant = platform === undefined ? edited.entries : findEntries(edited, formatPlatformFull(platform));
    return annotateEntries(edited, meant.filter(isImage), { annotations });
  }, draft);
}

function commonLabels(read: readonly ReadSource[]): Annotations {
  const images = read.flatMap(({ entries }) =>
    entries.filter(({ descriptor }) => !isAttestation(descriptor)),
  );
  return promotedAnnotations(images.map(({ config }) => config?.config?.Labels ?? undefined));
}

function isImage(entry: Entry): boolean {
  return !isAttestation(entry.descriptor);
}

function readEntry({ descriptor, document }: SourceEntry): ReadEntry {
  return document === undefined
    ? { descriptor }
    : { descriptor, manifest: new TextDecoder().decode(document.bytes) };
}
