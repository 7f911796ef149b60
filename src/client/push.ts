import type { Target } from '../content/target.js';
import type { Draft, Entry } from '../drafts/draft.js';
import { entryDescriptor } from '../drafts/entry-descriptor.js';
import type { Digest } from '../oci/digest.js';
import { InvalidError } from '../oci/errors.js';
import { formatImageLocation, parseImageLocation, type ImageLocation } from '../oci/image-location.js';
import { parseDocument } from '../oci/parse.js';
import { isTag } from '../oci/reference.js';
import type { Child, Destination, TagStates } from '../publish/plan.js';
import { publish, type Publication } from '../publish/publish.js';
import { publishableIndex } from '../publish/publishable.js';
import { nameIn, withTag } from './location-name.js';
import type { Run } from './run.js';

export interface PushOptions {
  /** Further tags of the target's repository, or references elsewhere; moved in this order, after the target's own. */
  readonly tags?: readonly string[] | undefined;
  /** Remove the draft when the push is done. @default false */
  readonly purge?: boolean | undefined;
  /** @default false */
  readonly allowDuplicatePlatforms?: boolean | undefined;
}

/** What a run has learned of its targets before it publishes, so that nothing is asked twice. */
export interface Foreknowledge {
  readonly seen: ReadonlyMap<Target, ReadonlySet<Digest>>;
  readonly tagStates: Promise<TagStates>;
}

/** Publishes a draft. */
export async function publishDraft(
  run: Run,
  target: ImageLocation,
  draft: Draft,
  destinations: readonly Destination[],
  options: PushOptions,
  known?: Foreknowledge,
): Promise<Publication> {
  const index = publishableIndex(draft, options);
  if (destinations.some(({ digest = index.digest }) => digest !== index.digest)) {
    throw new InvalidError(`the draft ${draft.target} makes an index with the digest ${index.digest}`, {
      hint: 'Push to a tag, or to the digest that the index has.',
    });
  }
  const children = await Promise.all(draft.entries.map((entry) => childOf(run, entry)));
  const publication = await publish(
    { index, children, destinations, ...known },
    { limit: run.limit, signal: run.signal, onEvent: run.onEvent },
  );
  if (options.purge === true) await run.store.remove(target, { signal: run.signal });
  return publication;
}

async function childOf(run: Run, entry: Entry): Promise<Child> {
  const source = await run.places.open(parseImageLocation(entry.source));
  const descriptor = entryDescriptor(entry);
  if (entry.manifest === undefined) return { descriptor, source };
  const document = parseDocument(new TextEncoder().encode(entry.manifest), descriptor);
  return { descriptor, source, document };
}

/** The target's own tag first, then the further ones: a bare tag is one of the target's repository or layout. */
export async function openDestinations(
  run: Run,
  target: ImageLocation,
  tags: readonly string[] = [],
): Promise<Destination[]> {
  const locations = [target, ...tags.map((tag) => (isTag(tag) ? withTag(target, tag) : run.location(tag)))];
  const distinct = new Map(locations.map((location) => [formatImageLocation(location), location]));
  return Promise.all(
    [...distinct.values()].map(async (location) => {
      const { tag, digest } = nameIn(location);
      const place = await run.places.open(location, 'push');
      // A digest names the content itself; a tag beside it would be moved without being asked for.
      if (digest !== undefined) return { target: place, digest };
      return tag === undefined ? { target: place } : { target: place, tag };
    }),
  );
}
