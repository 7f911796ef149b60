import { unlimited } from '../content/limit.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { copyGraph, tryWrite, type CopyGraphOptions } from './copy-graph.js';
import { putEverywhere, type Put } from './put-everywhere.js';
import { inTagOrder } from './put-in-turn.js';
import { tagChange, type TagChange } from './tag-change.js';
import type { Destination, SourcedEntry, TagStates } from './target-state.js';

/** A document, and where it is put. */
export interface PutRequest {
  /** An index, or an image. */
  readonly document: ManifestOrIndex;
  /** The entries of an index. For an image, the image itself. */
  readonly children: readonly SourcedEntry[];
  /**
   * At least one, the one that names the index first. When every target has all content, the tags move in this order,
   * `latest` last.
   */
  readonly destinations: readonly Destination[];
  /**
   * Called once, before the first tag moves, with all tags in the order in which they will move; not if no tag will move. It
   * must not throw.
   */
  readonly beforeTags?: (changes: readonly PlannedChange[]) => Promise<void>;
}

/** What a push will do to the tag of a destination. */
export interface PlannedChange {
  readonly destination: Destination;
  readonly change: TagChange;
}

/** A {@link Put}, and the request that it is a part of. */
export interface RequestedPut extends Put {
  readonly request: PutRequest;
}

/**
 * Puts the documents in every destination once their content is present, with the tags of all documents in the order of the
 * requests and those named `latest` last.
 * @returns what was put under a tag
 * @throws what the targets throw, with the tags that had moved
 */
export async function putDocuments(
  requests: readonly PutRequest[],
  states: readonly TagStates[],
  options: CopyGraphOptions,
): Promise<readonly RequestedPut[]> {
  const all = requests.flatMap((request, position) =>
    request.destinations.map((destination) => {
      const before = states[position]?.get(destination);
      return { request, destination, before, tag: destination.tag };
    }),
  );
  const puts = inTagOrder(all).map(({ request, destination, before }): RequestedPut => {
    const { document } = request;
    const change = tagChange(document, destination, before);
    return { request, document, target: destination.target, destination, before, change };
  });
  for (const request of requests) {
    const changes = puts.flatMap(({ request: own, destination, change }) =>
      own !== request || change === undefined ? [] : [{ destination, change }],
    );
    if (changes.some(({ change }) => change.outcome === 'moved')) await request.beforeTags?.(changes);
  }
  return putEverywhere(
    puts,
    ({ request, destination }) => putDocument(request, destination, options),
    options,
  );
}

/** Puts a document under a tag, or by its digest. Content that the target has lost since is copied once more. */
export async function putDocument(
  { document, children }: PutRequest,
  { target, tag }: Pick<Destination, 'target' | 'tag'>,
  copyOptions: CopyGraphOptions,
): Promise<void> {
  const { limit = unlimited, signal } = copyOptions;
  const options = { signal, ...(tag !== undefined && { tag }) };
  const missing = await limit(() => tryWrite(target, document, options));
  if (missing === undefined) return;
  // The children of an image are blobs: its only entry is the image itself.
  const lost = children.filter(
    ({ descriptor }) => document.kind === 'manifest' || missing.has(descriptor.digest),
  );
  await copyGraph(target, lost, copyOptions, document.digest);
  await limit(() => target.writeManifest(document, options));
}
