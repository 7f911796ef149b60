import type { AssemblyImage } from '../assemble/assembly.js';
import { indexedEntry, readEntries } from '../assemble/read-source.js';
import { withoutStaleData } from '../assemble/stale-data.js';
import { warnOfUnverifiable } from '../assemble/unverifiable.js';
import { annotateEntries, annotateIndex } from '../drafts/annotate.js';
import type { Draft, Entry } from '../drafts/draft.js';
import { addEntries, amendSource, createDraft } from '../drafts/edits.js';
import { entryDescriptor, manifestText } from '../drafts/entry.js';
import { imagePlatforms, isAttestation } from '../oci/attestation.js';
import type { Annotations } from '../oci/descriptor.js';
import { documentDescriptor } from '../oci/document.js';
import { ArgumentError, ConflictError } from '../oci/errors.js';
import {
  familiarLocation,
  formatImageLocation,
  isTargetLocation,
  withDigest,
  type ImageLocation,
  type TargetLocation,
} from '../oci/image-location.js';
import { DOCKER_LIST, isIndexType } from '../oci/media-type.js';
import type { Platform } from '../oci/platform.js';
import { promotedAnnotations } from '../oci/promoted-annotations.js';
import { checkRequiredPlatforms } from '../oci/required-platforms.js';
import type { ClientContext } from './client-context.js';
import { createSettings, type CreateOptions, type CreateSettings } from './create-options.js';
import { stateOf, type DraftState } from './draft-state.js';
import { withAnnotatedEntries } from './entry-annotations.js';
import type { ImageSource, ImageTarget } from './inputs.js';
import { readPublished } from './inspect.js';
import { inspectDraft } from './inspection.js';
import { draftLocation, imageLabel, locationOf, publishLocation } from './locations.js';
import { membersOf, warnOfDropped, withOnlyIndex } from './source-index.js';
import { readAll, type ReadSource, type SourceInput } from './sources.js';

/** A draft whose sources have been read. */
export interface ReadDraft {
  readonly read: readonly ReadSource[];
  /** Returns the draft to save. @param current the existing draft, if any */
  readonly compose: (current: Draft | undefined) => Draft;
}

/** Creates a draft, or adds to it. */
export async function createDraftOf(
  context: ClientContext,
  name: ImageTarget,
  sources: readonly SourceInput[],
  options: CreateOptions,
): Promise<DraftState> {
  const target = publishLocation(context, name);
  const settings = createSettings(options);
  // Checked before anything is read, so that a forgotten `--amend` does not cost a minute; `compose` checks again.
  const current = await context.store.find(target);
  checkCurrent(target, current, settings);
  const { compose } = await readForDraft(context, target, current, sources, settings);
  return stateOf(await context.store.update(target, compose, context));
}

/**
 * Reads the index that a draft starts from, and its sources.
 * @param existing the existing draft
 */
export async function readForDraft(
  context: ClientContext,
  target: TargetLocation,
  existing: Draft | undefined,
  sources: readonly SourceInput[],
  settings: CreateSettings,
): Promise<ReadDraft> {
  const { from } = settings;
  const [start, read] = await Promise.all([
    from === undefined ? createDraft(target) : startingPoint(context, from, target),
    readAll(context, target, sources, settings),
  ]);
  const nested = settings.require.length === 0 ? [] : await nestedPlatforms(context, existing ?? start);
  return {
    read,
    compose: (current) => {
      const draft = composeDraft(target, current, start, read, settings);
      const platforms = [...imagePlatforms(draft.entries.map(entryDescriptor)), ...nested];
      checkRequiredPlatforms(settings.require, platforms, familiarLocation(target));
      warnOfDropped(draft, read, settings, context.onEvent);
      return draft;
    },
  };
}

/** Returns the platforms of images in nested indexes, which a draft does not list. Only `--from` adds nested indexes. */
async function nestedPlatforms(context: ClientContext, draft: Draft): Promise<readonly Platform[]> {
  const nested = inspectDraft(context, draft).children.filter((child) =>
    isIndexType(child.descriptor.mediaType),
  );
  const images = await Promise.all(nested.map(async (child) => (await child.read()).images()));
  return imagePlatforms(images.flat().map(({ descriptor }) => descriptor));
}

function composeDraft(
  target: ImageLocation,
  current: Draft | undefined,
  start: Draft,
  read: readonly ReadSource[],
  settings: CreateSettings,
): Draft {
  checkCurrent(target, current, settings);
  const entered = read.reduce((draft, source) => withSource(draft, source, settings), current ?? start);
  const filled = withOnlyIndex(entered, current, read, settings);
  const promoted = settings.annotationsFromLabels === true ? sharedLabels(filled, read) : {};
  const annotations = { ...promoted, ...settings.annotations };
  return withAnnotatedEntries(withSettings(filled, { ...settings, annotations }), settings.entryAnnotations);
}

/**
 * Makes a draft of a published index: its entries by digest, its annotations and its media type. Platforms
 * that it does not state are read from the configs. An image is the only
 * entry. If it is what the target's tag points to now, the draft records its digest, so that a push detects when the tag
 * has moved.
 *
 * @throws NotFoundError
 */
async function startingPoint(
  context: ClientContext,
  name: ImageSource,
  target: ImageLocation,
): Promise<Draft> {
  const read = locationOf(context, name);
  const location = typeof name === 'string' && isTargetLocation(read) ? draftLocation(context, name) : read;
  const isTarget = formatImageLocation(location) === formatImageLocation(target);
  // The tag that the push will move is never that of a mirror.
  const source =
    isTarget && isTargetLocation(location)
      ? await context.transports.openTarget(location, 'pull')
      : await context.transports.open(location);
  const selector = await context.transports.selector(location, { signal: context.signal });
  const document = await readPublished(context, location, () =>
    context.limit(() => source.readManifest(selector, { signal: context.signal })),
  );
  const base = isTarget ? document.digest : undefined;
  if (document.kind === 'manifest') {
    const [entry] = await readEntries(source, document, familiarLocation(location), context);
    const { descriptor } = entry ?? { descriptor: documentDescriptor(document) };
    // By digest, since the tag may be the one that the push moves.
    const own = withDigest(location, document.digest);
    return addEntries(createDraft(target, { base }), own, [{ descriptor, manifest: manifestText(document) }]);
  }
  const draft = createDraft(target, {
    ...membersOf(document),
    format: document.mediaType === DOCKER_LIST ? 'docker' : 'oci',
    base,
  });
  const label = familiarLocation(location);
  const entries = await Promise.all(
    document.value.manifests.map((listed) => indexedEntry(source, listed, label, context)),
  );
  warnOfUnverifiable(document.value.manifests, label, context.onEvent);
  // One source for each entry, so that each can be selected by it.
  const own = entries.map((entry) => {
    const descriptor = withoutStaleData(entry.descriptor, label, context.onEvent);
    return addEntries(draft, withDigest(location, descriptor.digest), [{ descriptor }]).entries;
  });
  return { ...draft, entries: own.flat() };
}

/** @throws ConflictError if the draft exists, unless it is amended */
export function checkCurrent(
  target: ImageLocation,
  current: Draft | undefined,
  settings: CreateSettings,
): void {
  if (current === undefined) return;
  const name = familiarLocation(target);
  if (settings.from !== undefined) {
    throw new ConflictError(
      `there is a draft ${name} already, so it cannot be started from ${imageLabel(settings.from)}`,
      {
        hint: `Add to it with --amend instead of --from, or delete it with: multiarch rm ${name}`,
      },
    );
  }
  if (settings.amend !== true) {
    throw new ConflictError('refusing to amend an existing manifest list with no --amend flag', {
      hint: `There is a draft ${name} already: add to it with --amend, or delete it with: multiarch rm ${name}`,
    });
  }
}

/** Applies what a source contains now, and what an assembly file says about it. */
function withSource(draft: Draft, { location, parts }: ReadSource, { replace }: CreateSettings): Draft {
  const read = parts.flatMap(({ entries }) =>
    entries.map(({ descriptor, document }) =>
      document === undefined ? { descriptor } : { descriptor, manifest: manifestText(document) },
    ),
  );
  const amended = amendSource(draft, location, read, { replace });
  const name = formatImageLocation(location);
  let end = 0;
  return parts.reduce((edited, { image, entries }) => {
    // Entries of one source stay in the order in which they were given.
    const start = end;
    end += entries.length;
    const own = edited.entries.filter(({ source }) => source === name).slice(start, end);
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
  return annotateEntries(draft, images, { ...platform, annotations });
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

/** Returns the labels common to all images of the draft. An artifact, which has no image config, has no labels. */
function sharedLabels(draft: Draft, read: readonly ReadSource[]): Annotations {
  const entries = read.flatMap(({ parts }) => parts.flatMap((part) => part.entries));
  const configs = new Map(entries.map(({ descriptor, config }) => [descriptor.digest, config]));
  const digests = draft.entries.filter(isImage).map(({ descriptor }) => descriptor.digest);
  const unknown = digests.find((digest) => !configs.has(digest));
  if (unknown !== undefined) {
    throw new ArgumentError(`cannot read labels of ${unknown}: it was added by an earlier create`, {
      hint: 'To take annotations from labels, name all images of the list as sources.',
    });
  }
  const images = digests.flatMap((digest) => configs.get(digest) ?? []);
  return promotedAnnotations(images.map(({ config }) => config?.Labels ?? undefined));
}

function isImage({ descriptor }: Entry): boolean {
  return !isAttestation(descriptor);
}
