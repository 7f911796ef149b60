import type { Target } from '../content/target.js';
import type { Draft, Entry } from '../drafts/draft.js';
import { entryDescriptor } from '../drafts/entry-descriptor.js';
import { heldManifest } from '../drafts/held-manifest.js';
import { imagePlatforms } from '../oci/attestation.js';
import type { Digest } from '../oci/digest.js';
import { ArgumentError, InvalidError } from '../oci/errors.js';
import {
  familiarLocation,
  formatImageLocation,
  parseImageLocation,
  type ImageLocation,
} from '../oci/image-location.js';
import type { Platform } from '../oci/platform.js';
import { isTag } from '../oci/reference.js';
import { checkRequiredPlatforms } from '../oci/required-platforms.js';
import { planPush, type PushPlan } from '../publish/dry-run.js';
import type { ExpectedTag } from '../publish/expected-tag.js';
import type { Child, Destination, TagStates } from '../publish/plan.js';
import { publish, type Publication, type PublishRequest } from '../publish/publish.js';
import { publishableIndex } from '../publish/publishable.js';
import { pushReport, type PushReport } from '../publish/push-report.js';
import type { Access } from '../registry/requests.js';
import { nameIn, withTag } from './location-name.js';
import { rebaseDraft, recordPush } from './push-record.js';
import type { Run } from './run.js';

export interface PushOptions {
  /**
   * Further tags of the target's repository, or references elsewhere; moved in this order, after the target's own. A
   * tag `latest` moves last, wherever it is.
   */
  readonly tags?: readonly string[] | undefined;
  /** Remove the draft when the push is done. @default false */
  readonly purge?: boolean | undefined;
  /** @default false */
  readonly allowDuplicatePlatforms?: boolean | undefined;
  /** Platforms that the index must have, asked before anything is written. @default none */
  readonly require?: readonly Platform[] | undefined;
  /**
   * What the target's own tag must stand for: this digest, nothing yet, or anything. A tag that stands for the new index
   * already is always fine.
   * @default what it stood for when the draft was started from it, else 'any'
   */
  readonly expectCurrent?: ExpectedTag | 'any' | undefined;
}

export interface PushResult extends Publication {
  /** The same for other programs, with names in full. */
  readonly report: PushReport;
}

/** What a run has learned of its targets before it publishes, so that nothing is asked twice. */
export interface Foreknowledge {
  readonly seen: ReadonlyMap<Target, ReadonlySet<Digest>>;
  readonly tagStates: Promise<TagStates>;
}

/** A destination with its name. */
interface OpenDestination extends Destination {
  readonly location: ImageLocation;
}

/** The list's own destination first. */
export type OpenDestinations = readonly [OpenDestination, ...OpenDestination[]];

/** A draft on its way out. */
export interface DraftPush {
  readonly target: ImageLocation;
  readonly draft: Draft;
  readonly destinations: OpenDestinations;
  readonly options: PushOptions;
  readonly known?: Foreknowledge;
}

/** Publishes a draft, and writes down what its tags stood for before, also where only some of them moved. */
export async function publishDraft(run: Run, push: DraftPush): Promise<PushResult> {
  const { target, destinations, options } = push;
  const request = await publishRequest(run, push);
  const record = recordPush(run, target, request.index.digest, destinations);
  let publication: Publication;
  try {
    publication = await publish(
      { ...request, onTagChange: record.add },
      { limit: run.limit, signal: run.signal, onEvent: run.onEvent },
    );
  } finally {
    await record.save();
  }
  if (options.purge === true) await run.store.remove(target, { signal: run.signal });
  else await rebaseDraft(run, target, publication.descriptor.digest);
  return { ...publication, report: pushReport({ index: request.index, publication, destinations }) };
}

/** What {@link publishDraft} would do. Nothing is written, here or there. */
export async function planDraft(run: Run, push: DraftPush): Promise<PushPlan> {
  const request = await publishRequest(run, push);
  return planPush(request, { limit: run.limit, signal: run.signal });
}

/** All that can be checked without a target is checked here. */
async function publishRequest(
  run: Run,
  { target, draft, destinations, options, known }: DraftPush,
): Promise<PublishRequest> {
  const index = publishableIndex(draft, options);
  if (destinations.some(({ digest = index.digest }) => digest !== index.digest)) {
    throw new InvalidError(`the draft ${draft.target} makes an index with the digest ${index.digest}`, {
      hint: 'Push to a tag, or to the digest that the index has.',
    });
  }
  const name = familiarLocation(target);
  checkRequiredPlatforms(options.require ?? [], imagePlatforms(index.value.manifests), name);
  const { expectCurrent = draft.base ?? 'any' } = options;
  if (destinations[0].tag === undefined && options.expectCurrent !== undefined && expectCurrent !== 'any') {
    throw new ArgumentError(`${name} has no tag that could stand for ${expectCurrent} now`, {
      hint: 'Only a draft whose name has a tag can be pushed with an expectation.',
    });
  }
  return {
    index,
    children: await Promise.all(draft.entries.map((entry) => childOf(run, entry))),
    destinations,
    expectCurrent: expectCurrent === 'any' ? undefined : expectCurrent,
    ...known,
  };
}

async function childOf(run: Run, entry: Entry): Promise<Child> {
  const source = await run.places.open(parseImageLocation(entry.source));
  const document = heldManifest(entry);
  return { descriptor: entryDescriptor(entry), source, ...(document !== undefined && { document }) };
}

/**
 * The target's own tag first, then the further ones: a bare tag is one of the target's repository or layout.
 * @param access 'pull' where nothing will be written
 */
export async function openDestinations(
  run: Run,
  target: ImageLocation,
  tags: readonly string[] = [],
  access: Access = 'push',
): Promise<OpenDestinations> {
  const open = async (location: ImageLocation): Promise<OpenDestination> => {
    const { tag, digest } = nameIn(location);
    const place = await run.places.open(location, access);
    // A digest names the content itself; a tag beside it would be moved without being asked for.
    if (digest !== undefined) return { location, target: place, digest };
    return tag === undefined ? { location, target: place } : { location, target: place, tag };
  };
  const further = tags.map((tag) => (isTag(tag) ? withTag(target, tag) : run.location(tag)));
  const distinct = new Map(further.map((location) => [formatImageLocation(location), location]));
  distinct.delete(formatImageLocation(target));
  return Promise.all([open(target), ...[...distinct.values()].map(open)]);
}
