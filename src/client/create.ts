import { isDeepStrictEqual } from 'node:util';

import type { AssemblyImage } from '../assemble/assembly.js';
import type { SourceEntry } from '../assemble/read-source.js';
import { annotateEntries, annotateIndex } from '../drafts/annotate.js';
import { draftIndex } from '../drafts/draft-index.js';
import { draftProblems, type DraftProblem } from '../drafts/draft-problems.js';
import type { Draft, Entry } from '../drafts/draft.js';
import { addEntries, amendSource, createDraft, type DraftOptions, type ReadEntry } from '../drafts/edits.js';
import { entryDescriptor } from '../drafts/entry-descriptor.js';
import { manifestText } from '../drafts/held-manifest.js';
import { findImages } from '../drafts/selection.js';
import { type Annotations } from '../oci/descriptor.js';
import { ArgumentError, ConflictError, InvalidError } from '../oci/errors.js';
import { familiarLocation, formatImageLocation, type ImageLocation } from '../oci/image-location.js';
import type { Digest } from '../oci/digest.js';
import type { ImageConfig } from '../oci/image-config.js';
import type { Platform } from '../oci/platform.js';
import { promotedAnnotations } from '../oci/promoted-annotations.js';
import { checkRequiredPlatforms } from '../oci/required-platforms.js';
import type { StartingPoint } from './starting-point.js';
import type { ReadOptions, ReadSource } from './sources.js';
import type { ClientContext } from './client-context.js';
import { imagePlatforms, isAttestation } from '../oci/attestation.js';

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
  /** Further tags, or references elsewhere, that the draft remembers: every push of it moves them after its own. */
  readonly draftTags?: readonly string[] | undefined;
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
export async function checkStart(
  run: ClientContext,
  target: ImageLocation,
  options: CreateOptions,
): Promise<Draft | undefined> {
  const current = await run.store.find(target);
  checkAbsent(target, current, options);
  return current;
}

/** Makes the draft, or adds to it, in one step that nobody else's can come between. */
export async function saveDraft(
  run: ClientContext,
  target: ImageLocation,
  read: readonly ReadSource[],
  options: CreateOptions,
  start?: StartingPoint,
): Promise<DraftState> {
  const draft = await run.store.update(
    target,
    (current) => composeDraft(target, current, read, options, start),
    { signal: run.signal },
  );
  return stateOf(draft);
}

/** What {@link saveDraft} saves. @param current the draft as it is, `undefined` where there is none */
export function composeDraft(
  target: ImageLocation,
  current: Draft | undefined,
  read: readonly ReadSource[],
  options: CreateOptions,
  start?: StartingPoint,
): Draft {
  checkAbsent(target, current, options);
  const begun = current ?? started(target, start);
  const filled = read.reduce((edited, source) => withSource(edited, source, options), begun);
  const promoted = options.annotationsFromLabels === true ? sharedLabels(filled, read) : {};
  const settings = { ...options, annotations: { ...promoted, ...options.annotations } };
  const done = withEntryAnnotations(withSettings(filled, settings), options.entryAnnotations ?? []);
  const platforms = imagePlatforms(done.entries.map(entryDescriptor));
  checkRequiredPlatforms(options.require ?? [], platforms, familiarLocation(target));
  return done;
}

export function stateOf(draft: Draft): DraftState {
  return { draft, problems: [...draftProblems(draft), ...formatProblems(draft)] };
}

/** What a Docker manifest list cannot hold is told at once, since it is another format that mends it. */
function formatProblems(draft: Draft): readonly DraftProblem[] {
  try {
    draftIndex(draft);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    const message = `${error.message}. ${error.hint ?? ''}`.trim();
    return [{ kind: 'format', message, entries: [] }];
  }
}

/** Makes a draft what it was before, unless someone else has changed it since. */
export async function takeBack(
  run: ClientContext,
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
}

function started(target: ImageLocation, start: StartingPoint | undefined): Draft {
  if (start === undefined) return createDraft(target);
  return start.entries.reduce(
    (draft, { location, descriptor }) => addEntries(draft, location, [{ descriptor }]),
    createDraft(target, start.options),
  );
}

/** What a source gives now, with what an assembly file says of it. */
function withSource(draft: Draft, { location, parts }: ReadSource, options: CreateOptions): Draft {
  const given = parts.flatMap(({ entries }) => entries.map(readEntry));
  const amended = amendSource(draft, location, given, { replace: options.replace });
  const name = formatImageLocation(location);
  return parts.reduce((edited, { image, entries }, position) => {
    // Entries of one source stay in the order in which they were given.
    const first = parts.slice(0, position).flatMap((part) => part.entries).length;
    const own = edited.entries.filter(({ source }) => source === name).slice(first, first + entries.length);
    return withImage(edited, own.filter(isImage), image, familiarLocation(location));
  }, amended);
}

/** @param label what messages call the source */
function withImage(
  draft: Draft,
  images: readonly Entry[],
  { platform, annotations }: AssemblyImage,
  label: string,
): Draft {
  if (platform === undefined && annotations === undefined) return draft;
  if (platform !== undefined && images.length > 1) {
    throw new ArgumentError(`${label} gives ${images.length} images: one platform cannot be that of all`, {
      hint: 'Leave its platform out, or choose one of its images by digest.',
    });
  }
  return annotateEntries(draft, images, {
    os: platform?.os,
    architecture: platform?.architecture,
    variant: platform?.variant,
    'os.version': platform?.['os.version'],
    'os.features': platform?.['os.features'],
    annotations,
  });
}

/** What is said of the index itself counts for a draft that is there, too. */
function withSettings(
  draft: Draft,
  { format, annotations, artifactType, subject, draftTags = [] }: CreateOptions,
): Draft {
  const tags = [...new Set([...(draft.tags ?? []), ...draftTags])];
  return {
    ...annotateIndex(draft, { annotations }),
    ...(format !== undefined && format !== 'auto' && { format }),
    ...(artifactType !== undefined && { artifactType }),
    ...(subject !== undefined && { subject }),
    ...(tags.length > 0 && { tags }),
  };
}

/** Adds annotations of entries to a draft. @throws NotFoundError where it has no image for a platform */
export function withEntryAnnotations(draft: Draft, additions: readonly EntryAnnotations[]): Draft {
  return additions.reduce((edited, { platform, annotations }) => {
    return annotateEntries(edited, findImages(edited, platform), { annotations });
  }, draft);
}

/** The annotations that all images of the draft agree on by their labels. What has no config has no labels. */
function sharedLabels(draft: Draft, read: readonly ReadSource[]): Annotations {
  const entries = read.flatMap(({ parts }) => parts.flatMap((part) => part.entries));
  const configs = new Map<Digest, ImageConfig | undefined>(
    entries.map(({ descriptor, config }) => [descriptor.digest, config]),
  );
  const digests = draft.entries.filter(isImage).map(({ descriptor }) => descriptor.digest);
  const unknown = digests.find((digest) => !configs.has(digest));
  if (unknown !== undefined) {
    throw new ArgumentError(`the labels of ${unknown} are not known: it was in the list before`, {
      hint: 'To take annotations from labels, name all images of the list as sources.',
    });
  }
  return promotedAnnotations(
    digests.flatMap((digest) => {
      const config = configs.get(digest);
      return config === undefined ? [] : [config.config?.Labels ?? undefined];
    }),
  );
}

function isImage(entry: Entry): boolean {
  return !isAttestation(entry.descriptor);
}

function readEntry({ descriptor, document }: SourceEntry): ReadEntry {
  return document === undefined ? { descriptor } : { descriptor, manifest: manifestText(document) };
}
