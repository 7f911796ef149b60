import type { Draft } from '../drafts/draft.js';
import { blocksPush, draftProblems } from '../drafts/draft-problems.js';
import { imagePlatforms, isAttestation } from '../oci/attestation.js';
import { isVerifiableDigest } from '../oci/digest.js';
import { documentDescriptor } from '../oci/document.js';
import { ArgumentError, MultiarchError, NotFoundError } from '../oci/errors.js';
import {
  familiarLocation,
  formatImageLocation,
  isExplicitRegistryName,
  isTargetLocation,
  type ImageLocation,
} from '../oci/image-location.js';
import { isKnownOs } from '../oci/known-platforms.js';
import { formatPlatformFull, parsePlatform, type Platform } from '../oci/platform.js';
import { satisfiesPlatform } from '../oci/platform-match.js';
import { presentPlatforms } from '../oci/required-platforms.js';
import type { ClientContext } from './client-context.js';
import { findDraft } from './find-draft.js';
import type { CallOptions, ImageSource, ImageTarget } from './inputs.js';
import {
  inspectDraft,
  inspectDraftEntry,
  inspectPublished,
  noSuchEntry,
  type InspectedChild,
  type Inspection,
} from './inspection.js';
import { draftLocation, entrySelector, imageLabel, locationOf, taggedLocation } from './locations.js';

/** What `Multiarch.inspect` takes. */
export interface InspectOptions extends CallOptions {
  /** Ignore drafts. Always true for a name `docker://REF`. @default false */
  readonly published?: boolean | undefined;
}

/** Opens the draft of a name or, if none exists or drafts are ignored, what is published under the name. */
export async function inspectName(
  context: ClientContext,
  name: ImageSource,
  options: InspectOptions,
): Promise<Inspection> {
  const location = locationOf(context, name);
  if (ignoresDrafts(name, options)) return openPublished(context, location);
  const draft = await findDraftOf(context, name, location, options);
  return draft === undefined ? inspectPublished(context, location) : inspectDraft(context, draft);
}

/** Returns the draft that a name opens; `undefined` if drafts are ignored, and for a location that can only be read. */
export async function findDraftOf(
  context: ClientContext,
  name: ImageSource,
  location: ImageLocation,
  options: InspectOptions,
): Promise<Draft | undefined> {
  if (ignoresDrafts(name, options) || typeof name !== 'string' || !isTargetLocation(location))
    return undefined;
  return findDraft(context, taggedLocation(location));
}

/**
 * Opens one image of a draft or, if drafts are ignored, of what is published.
 * @throws NotFoundError for a missing draft or image; ArgumentError if several images match
 */
export async function inspectEntryOf(
  context: ClientContext,
  name: ImageTarget,
  image: ImageSource,
  options: InspectOptions,
): Promise<Inspection> {
  const location = draftLocation(context, name);
  if (!ignoresDrafts(name, options)) {
    return inspectDraftEntry(context, await loadDraft(context, location), entrySelector(context, image));
  }
  // A layout has no default tag when it is read.
  const read = typeof name === 'string' ? locationOf(context, name) : location;
  return publishedEntry(context, await openPublished(context, read), image);
}

/**
 * Reads what is published at a location. If it does not exist, the error mentions a draft of that name.
 * @throws NotFoundError, and what `read` throws
 */
export async function readPublished<T>(
  context: ClientContext,
  location: ImageLocation,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw await withDraftHint(context, location, error);
  }
}

/** Returns the error of a read. If what is read does not exist, its hint mentions a draft of that name. */
export async function withDraftHint(
  context: ClientContext,
  location: ImageLocation,
  error: unknown,
): Promise<unknown> {
  const draft = error instanceof NotFoundError ? await draftBeside(context, location) : undefined;
  if (!(error instanceof NotFoundError) || draft === undefined) return error;
  const problem = draftProblems(draft).find(blocksPush);
  return new NotFoundError(error.message, {
    hint:
      problem === undefined
        ? `A draft of this name exists: publish it with multiarch push ${familiarLocation(location)}`
        : `A draft of this name exists, but cannot be pushed yet: ${problem.message}`,
    exchange: error.exchange,
    cause: error,
  });
}

/** Finds the draft of what is read at a location. A draft that cannot be read does not matter: only messages mention it. */
export async function draftBeside(
  { store }: ClientContext,
  location: ImageLocation,
): Promise<Draft | undefined> {
  if (!isTargetLocation(location) || location.transport === 'object') return undefined;
  try {
    return await store.find(taggedLocation(location));
  } catch (error) {
    if (error instanceof MultiarchError) return undefined;
    throw error;
  }
}

/** Reports whether drafts are ignored for a name. */
export function ignoresDrafts(
  name: ImageSource | ImageTarget,
  { published = false }: Pick<InspectOptions, 'published'>,
): boolean {
  return published || (typeof name === 'string' && isExplicitRegistryName(name));
}

function openPublished(context: ClientContext, location: ImageLocation): Promise<Inspection> {
  return readPublished(context, location, () => inspectPublished(context, location));
}

async function loadDraft({ store }: ClientContext, location: ImageLocation): Promise<Draft> {
  const draft = await store.find(location);
  if (draft !== undefined) return draft;
  throw noSuchEntry(
    formatImageLocation(location),
    'Run `multiarch ls` to list the drafts. An image of a published index is shown with --published.',
  );
}

/** Reads one image of a published index: the entry with a digest, for a platform, or that another name points to. */
async function publishedEntry(
  context: ClientContext,
  inspection: Inspection,
  image: ImageSource,
): Promise<Inspection> {
  const label = imageLabel(image);
  const isWanted = await entryFilter(context, image);
  const images = await inspection.images();
  // The images last, since they have the platforms that are in configs.
  const entries = [...inspection.children, ...images].filter(isWanted);
  const found = [...new Map(entries.map((entry) => [entry.descriptor.digest, entry])).values()];
  const preferred = found.filter(({ descriptor }) => !isAttestation(descriptor));
  const candidates = preferred.length > 0 ? preferred : found;
  const [entry, ...others] = candidates;
  if (entry === undefined) {
    const present = imagePlatforms(images.map(({ descriptor }) => descriptor));
    throw noSuchEntry(label, `${inspection.name} does not have it. ${presentPlatforms('It has', present)}`);
  }
  if (others.length === 0) return entry.read();
  throw new ArgumentError(`${label} matches ${candidates.length} entries of ${inspection.name}:`, {
    details: candidates.map(describeEntry),
    hint: 'Select one by its platform or digest.',
  });
}

/** A platform takes precedence over an image of that name, so that no unrelated registry is asked for `linux/arm64`. */
async function entryFilter(
  context: ClientContext,
  image: ImageSource,
): Promise<(entry: InspectedChild) => boolean> {
  if (typeof image === 'string' && isVerifiableDigest(image)) {
    return ({ descriptor }) => descriptor.digest === image;
  }
  const platform = typeof image === 'string' ? knownPlatform(image) : undefined;
  if (platform !== undefined) return ({ descriptor }) => satisfiesPlatform(descriptor.platform, platform);
  const { document } = await inspectPublished(context, locationOf(context, image));
  const descriptors = document.kind === 'index' ? document.value.manifests : [documentDescriptor(document)];
  const digests = new Set([document.digest, ...descriptors.map(({ digest }) => digest)]);
  return ({ descriptor }) => digests.has(descriptor.digest);
}

function knownPlatform(text: string): Platform | undefined {
  try {
    const platform = parsePlatform(text);
    return isKnownOs(platform.os) ? platform : undefined;
  } catch (error) {
    if (error instanceof ArgumentError) return undefined;
    throw error;
  }
}

function describeEntry({ descriptor: { platform, digest } }: InspectedChild): string {
  return `  ${platform === undefined ? 'no platform' : formatPlatformFull(platform)} ${digest}`;
}
