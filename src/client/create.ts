import { isDeepStrictEqual } from 'node:util';

import type { Assembly, AssemblyImage } from '../assemble/assembly.js';
import type { SourceEntry } from '../assemble/read-source.js';
import { annotateEntries, annotateIndex } from '../drafts/annotate.js';
import { draftIndex } from '../drafts/draft-index.js';
import { draftProblems, type DraftProblem } from '../drafts/draft-problems.js';
import type { Draft, Entry } from '../drafts/draft.js';
import { addEntries, amendSource, createDraft, type NewEntry } from '../drafts/edits.js';
import { entryDescriptor, manifestText } from '../drafts/entry.js';
import { findImages } from '../drafts/selection.js';
import { type Annotations } from '../oci/descriptor.js';
import { ArgumentError, ConflictError, InvalidError } from '../oci/errors.js';
import type { LayerCompression } from '../layout/docker-save/docker-archive.js';
import type { Descriptor } from '../oci/descriptor.js';
import {
  familiarLocation,
  formatImageLocation,
  type ImageLocation,
  type TargetLocation,
} from '../oci/image-location.js';
import type { MediaType } from '../oci/media-type.js';
import type { Digest } from '../oci/digest.js';
import type { ImageConfig } from '../oci/image-config.js';
import type { Platform } from '../oci/platform.js';
import { promotedAnnotations } from '../oci/promoted-annotations.js';
import { checkRequiredPlatforms } from '../oci/required-platforms.js';
import {
  descriptorOf,
  platformOf,
  platformsOf,
  textOf,
  type CallOptions,
  type DescriptorInput,
  type ImageSource,
  type ImageTarget,
  type PlatformInput,
} from './inputs.js';
import { readAll, type ReadSource, type SourceInput } from './sources.js';
import { startingPoint, type StartingPoint } from './starting-point.js';
import type { ClientContext } from './client-context.js';
import { imagePlatforms, isAttestation } from '../oci/attestation.js';

export interface CreateOptions extends CallOptions {
  /** The media type of the index; `auto` takes it from the first entry. @default 'auto' */
  readonly format?: Draft['format'] | undefined;
  /** Annotations of the index. */
  readonly annotations?: Annotations | undefined;
  readonly artifactType?: MediaType | undefined;
  readonly subject?: DescriptorInput | undefined;
  /** Keep only these platforms, each of which must exist; fills in `{arch}` in the names of sources. @default all */
  readonly platforms?: readonly PlatformInput[] | undefined;
  /** Keep or drop attestations (provenance, SBOM). @default 'keep' */
  readonly attestations?: 'keep' | 'drop' | undefined;
  /** How long to wait for missing sources, in milliseconds. @default 0 */
  readonly wait?: number | undefined;
  /** Compression for layers that `docker save` stored uncompressed. @default 'gzip' */
  readonly layerCompression?: LayerCompression | undefined;
  /** Add to an existing draft, and refresh the sources that it already has. @default false */
  readonly amend?: boolean | undefined;
  /** Start from what is published under this name. The draft must not exist. */
  readonly from?: ImageSource | undefined;
  /** Replace an existing entry of the same platform and its attestations. @default false */
  readonly replace?: boolean | undefined;
  /** Platforms that the finished draft must have. @default none */
  readonly require?: readonly PlatformInput[] | undefined;
  /** Annotations of entries. */
  readonly entryAnnotations?: readonly EntryAnnotations[] | undefined;
  /** Copy labels common to all images to annotations of the index. @default false */
  readonly annotationsFromLabels?: boolean | undefined;
  /** Further tags, or references elsewhere, saved in the draft: every push of it moves them after its own. */
  readonly draftTags?: readonly string[] | undefined;
}

export interface EntryAnnotations {
  /** @default all images */
  readonly platform?: PlatformInput | undefined;
  readonly annotations: Annotations;
}

/** A draft, and the problems that prevent its publication. */
export interface DraftState {
  readonly draft: Draft;
  readonly problems: readonly DraftProblem[];
}

/** {@link CreateOptions}, checked and parsed. */
export interface CreateSettings extends Omit<
  CreateOptions,
  'platforms' | 'require' | 'entryAnnotations' | 'subject'
> {
  readonly platforms: readonly Platform[];
  readonly require: readonly Platform[];
  readonly entryAnnotations: readonly {
    readonly platform: Platform | undefined;
    readonly annotations: Annotations;
  }[];
  readonly subject: Descriptor | undefined;
}

/**
 * Returns what an assembly says in addition to its target and its images as options of `Multiarch.create`:
 * `create(assembly.target, assembly.images, assemblyOptions(assembly))`.
 */
export function assemblyOptions(assembly: Assembly): CreateOptions {
  const { tags, format, annotations, artifactType, subject, attestations, require } = assembly;
  return { draftTags: tags, format, annotations, artifactType, subject, attestations, require };
}

/** @throws ArgumentError for a platform or digest that is malformed */
export function createSettings(options: CreateOptions): CreateSettings {
  return {
    ...options,
    platforms: platformsOf(options.platforms),
    require: platformsOf(options.require),
    entryAnnotations: (options.entryAnnotations ?? []).map(({ platform, annotations }) => ({
      platform: platform === undefined ? undefined : platformOf(platform),
      annotations,
    })),
    subject: options.subject === undefined ? undefined : descriptorOf(options.subject),
  };
}

/** Creates a draft, or adds to it. */
export async function createDraftOf(
  context: ClientContext,
  name: ImageTarget,
  sources: readonly SourceInput[],
  options: CreateOptions,
): Promise<DraftState> {
  const target = context.draftTarget(name);
  const settings = createSettings(options);
  await checkStart(context, target, settings);
  const [start, read] = await readForDraft(context, target, sources, settings);
  return saveDraft(context, target, read, settings, start);
}

/** Checked before anything is read, so that a forgotten `--amend` does not cost a minute; {@link saveDraft} checks again. */
export async function checkStart(
  context: ClientContext,
  target: ImageLocation,
  settings: CreateSettings,
): Promise<Draft | undefined> {
  const current = await context.store.find(target);
  checkAbsent(target, current, settings);
  return current;
}

/** Reads the index that a draft starts from, and its sources. */
export function readForDraft(
  context: ClientContext,
  target: TargetLocation,
  sources: readonly SourceInput[],
  settings: CreateSettings,
): Promise<[StartingPoint | undefined, ReadSource[]]> {
  const { from, annotationsFromLabels: configs } = settings;
  return Promise.all([
    from === undefined ? undefined : startingPoint(context, from, target),
    readAll(context, target, sources, { ...settings, configs }),
  ]);
}

/** Saves the draft, or adds to it, in one step under its lock. */
export async function saveDraft(
  context: ClientContext,
  target: ImageLocation,
  read: readonly ReadSource[],
  settings: CreateSettings,
  start?: StartingPoint,
): Promise<DraftState> {
  const draft = await context.store.update(
    target,
    (current) => composeDraft(target, current, read, settings, start),
    { signal: context.signal },
  );
  return stateOf(draft);
}

/** Returns what {@link saveDraft} saves. @param current the existing draft, if any */
export function composeDraft(
  target: ImageLocation,
  current: Draft | undefined,
  read: readonly ReadSource[],
  settings: CreateSettings,
  start?: StartingPoint,
): Draft {
  checkAbsent(target, current, settings);
  const begun = current ?? started(target, start);
  const filled = read.reduce((edited, source) => withSource(edited, source, settings), begun);
  const promoted = settings.annotationsFromLabels === true ? sharedLabels(filled, read) : {};
  const annotations = { ...promoted, ...settings.annotations };
  const done = annotated(withSettings(filled, { ...settings, annotations }), settings.entryAnnotations);
  const platforms = imagePlatforms(done.entries.map(entryDescriptor));
  checkRequiredPlatforms(settings.require, platforms, familiarLocation(target));
  return done;
}

export function stateOf(draft: Draft): DraftState {
  return { draft, problems: [...draftProblems(draft), ...formatProblems(draft)] };
}

/** What a Docker manifest list cannot express is reported at once, since another format solves it. */
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

/** Restores a draft to what it was before, unless it has changed since. */
export async function restoreDraft(
  context: ClientContext,
  target: ImageLocation,
  saved: Draft,
  before: Draft | undefined,
): Promise<void> {
  try {
    // Without the signal: a cancelled call leaves no draft either.
    await context.store.update(target, (current) => (isDeepStrictEqual(current, saved) ? before : current));
  } catch {
    // The user has to see the error that made this necessary.
  }
}

function checkAbsent(target: ImageLocation, current: Draft | undefined, settings: CreateSettings): void {
  if (current === undefined) return;
  const name = familiarLocation(target);
  if (settings.from !== undefined) {
    throw new ConflictError(
      `there is a draft ${name} already, so it cannot be started from ${textOf(settings.from)}`,
      {
        hint: `Add to it without --from, or delete it with: multiarch rm ${name}`,
      },
    );
  }
  if (settings.amend !== true) {
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

/** Applies what a source contains now, and what an assembly file says about it. */
function withSource(draft: Draft, { location, parts }: ReadSource, settings: CreateSettings): Draft {
  const given = parts.flatMap(({ entries }) => entries.map(readEntry));
  const amended = amendSource(draft, location, given, { replace: settings.replace });
  const name = formatImageLocation(location);
  return parts.reduce((edited, { image, entries }, position) => {
    // Entries of one source stay in the order in which they were given.
    const first = parts.slice(0, position).flatMap((part) => part.entries).length;
    const own = edited.entries.filter(({ source }) => source === name).slice(first, first + entries.length);
    return withImage(edited, own.filter(isImage), image, familiarLocation(location));
  }, amended);
}

/** @param label the source as messages name it */
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

/** Settings of the index itself apply to an existing draft too. */
function withSettings(
  draft: Draft,
  { format, annotations, artifactType, subject, draftTags = [] }: CreateSettings,
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

/** Adds annotations of entries to a draft. @throws NotFoundError if it has no image for a platform, ArgumentError */
export function withEntryAnnotations(
  draft: Draft,
  additions: readonly EntryAnnotations[] | undefined,
): Draft {
  return annotated(draft, createSettings({ entryAnnotations: additions }).entryAnnotations);
}

function annotated(draft: Draft, additions: CreateSettings['entryAnnotations']): Draft {
  return additions.reduce((edited, { platform, annotations }) => {
    return annotateEntries(edited, findImages(edited, platform), { annotations });
  }, draft);
}

/** Returns the labels common to all images of the draft. An artifact, which has no image config, has no labels. */
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

function readEntry({ descriptor, document }: SourceEntry): NewEntry {
  return document === undefined ? { descriptor } : { descriptor, manifest: manifestText(document) };
}
