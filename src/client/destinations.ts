import type { ManifestOrIndex } from '../oci/document.js';
import { ArgumentError, InvalidError } from '../oci/errors.js';
import {
  familiarLocation,
  formatImageLocation,
  isTagIn,
  nameIn,
  withTag,
  type TargetLocation,
} from '../oci/image-location.js';
import { parseTag } from '../oci/reference.js';
import type { ExpectedTag } from '../publish/expected-tag.js';
import { readTagStates, type Destination, type TagStates } from '../publish/target-state.js';
import type { Access } from '../registry/requests.js';
import type { ClientContext } from './client-context.js';
import type { ImageTarget } from './inputs.js';
import { archiveNameWarning } from './forgotten-transport.js';
import { checkWritable, targetLocation } from './locations.js';

/** A destination with its name. */
interface OpenDestination extends Destination {
  readonly location: TargetLocation;
}

/** The destination of the target's own tag first. */
export type OpenDestinations = readonly [OpenDestination, ...OpenDestination[]];

export interface DestinationOptions {
  /** 'pull' if nothing will be written. */
  readonly access: Access;
  /** Whether the target's tag is only the default, which is kept if `tags` has one of the same repository. @default false */
  readonly isDefaultTag?: boolean;
}

/**
 * Opens the destination of the target's own tag, then the further ones. A bare tag is one of the target's repository or
 * layout.
 */
export async function openDestinations(
  context: ClientContext,
  target: TargetLocation,
  tags: readonly ImageTarget[],
  { access, isDefaultTag = false }: DestinationOptions,
): Promise<OpenDestinations> {
  const open = async (location: TargetLocation): Promise<OpenDestination> => {
    const { tag, digest } = nameIn(location);
    const opened = await context.transports.openTarget(location, access);
    // A digest names the content itself; a tag beside it would be moved unasked.
    if (digest !== undefined) return { location, target: opened, digest };
    return { location, target: opened, ...(tag !== undefined && { tag }) };
  };
  const further = tags.map((tag) =>
    typeof tag === 'string' && isTagIn(tag, target) ? withTag(target, tag) : targetLocation(context, tag),
  );
  for (const location of [target, ...further]) checkWritable(location);
  const isReplaced = isDefaultTag && further.some((location) => isSameRepository(location, target));
  const distinct = new Map(
    [...(isReplaced ? [] : [target]), ...further].map((location) => [
      formatImageLocation(location),
      location,
    ]),
  );
  for (const message of new Set([...distinct.values()].map(archiveNameWarning))) {
    if (message !== undefined) context.onEvent?.({ kind: 'warning', message });
  }
  const [first = target, ...others] = distinct.values();
  return Promise.all([open(first), ...others.map(open)]);
}

/** Reports whether two locations are in one repository, layout or archive. */
function isSameRepository(a: TargetLocation, b: TargetLocation): boolean {
  const tag = parseTag('latest');
  return formatImageLocation(withTag(a, tag)) === formatImageLocation(withTag(b, tag));
}

/** Starts to read what the tags point to, for a push that reads its sources at the same time. */
export function startTagStates(
  { limit, signal }: ClientContext,
  destinations: OpenDestinations,
): Promise<TagStates> {
  const states = readTagStates(destinations, { limit, signal });
  // Awaited once the sources are read; an earlier failure must not leave an unhandled rejection.
  states.catch(() => {});
  return states;
}

/**
 * Returns what the first destination's tag is expected to point to; `undefined` for anything.
 * @throws ArgumentError if it has no tag
 */
export function expectedTag(
  expectCurrent: ExpectedTag | 'any' | undefined,
  [{ tag, location }]: OpenDestinations,
): ExpectedTag | undefined {
  if (expectCurrent === undefined || expectCurrent === 'any') return undefined;
  if (tag !== undefined) return expectCurrent;
  throw new ArgumentError(`--expect-current needs a tag, and ${familiarLocation(location)} has none`, {
    hint: 'Publish to a tag, or leave out --expect-current.',
  });
}

/**
 * @param made what messages say before the document: `the draft app:1 makes`
 * @throws InvalidError if a destination has another digest
 */
export function checkDigests(
  destinations: OpenDestinations,
  { kind, digest }: ManifestOrIndex,
  made: string,
): void {
  if (destinations.every((destination) => (destination.digest ?? digest) === digest)) return;
  const what = kind === 'index' ? 'an index' : 'an image';
  throw new InvalidError(`${made} ${what} with the digest ${digest}`, {
    hint: 'Publish it to a tag, or to the digest that it has.',
  });
}
