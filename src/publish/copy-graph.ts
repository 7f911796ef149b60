import type { OnEvent } from '../content/events.js';
import { withoutBudget } from '../content/budget.js';
import { allOf, TaskGroup, unlimited } from '../content/limit.js';
import { ReferrersLists } from '../content/referrers-tag.js';
import { KeyedSingleFlight } from '../content/single-flight.js';
import type { BlobSource, Source } from '../content/source.js';
import type { Target, WriteManifestOptions } from '../content/target.js';
import { readNode, walkGraph } from '../content/walk.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { isMultiarchError, MissingContentError, NotFoundError } from '../oci/errors.js';
import { isNonDistributableType } from '../oci/media-type.js';
import { childrenToCopy, type ContentOptions, type SourcedEntry } from './target-state.js';

export interface CopyGraphOptions extends ContentOptions {
  readonly onEvent?: OnEvent | undefined;
}

/**
 * Copies images and indexes from their sources to the target: each distinct blob and manifest once, in parallel, and a
 * manifest only after everything it points to. Non-distributable layers are skipped unless the options say otherwise;
 * the manifest keeps their descriptors (image-spec, "Non-Distributable Layers"). A descriptor's `urls` are never read.
 *
 * A manifest that the target rejects because it lacks something is written again at the end, after what is missing has been
 * copied once more. The first other failure cancels the rest, and is thrown when all writes have settled. Then too, the
 * documents with a `subject` that have been written are added to the lists of its referrers.
 *
 * @param last a document whose content is copied, but which the caller writes itself afterwards
 */
export async function copyGraph(
  target: Target,
  entries: readonly SourcedEntry[],
  options: CopyGraphOptions = {},
  last?: Digest,
): Promise<void> {
  const lists = new ReferrersLists();
  try {
    await copyDocuments(target, entries, { ...options, lists }, last);
  } catch (error) {
    // A registry that has failed is not asked again, and the failure is what is reported.
    const isGone = isMultiarchError(error) && (error.kind === 'unavailable' || error.kind === 'cancelled');
    if (!isGone) await writeLists(lists, options).catch(() => {});
    throw error;
  }
  await writeLists(lists, options);
}

/** Adds written referrers to their lists. No limit comes between them. */
export function writeLists(lists: ReferrersLists, { limit, signal }: CopyGraphOptions): Promise<void> {
  return withoutBudget(() => lists.write({ limit, signal }));
}

interface CopyDocumentsOptions extends CopyGraphOptions {
  readonly lists: ReferrersLists;
}

async function copyDocuments(
  target: Target,
  entries: readonly SourcedEntry[],
  options: CopyDocumentsOptions,
  last: Digest | undefined,
): Promise<void> {
  const { limit = unlimited, signal, onEvent, lists } = options;
  const blobs = new BlobCopier(target, onEvent);
  const rejected: RejectedDocument[] = [];
  await walkGraph<void>(
    entries,
    {
      read: readNode,
      visit: async ({ document, source }, tasks) => {
        if (document.kind === 'manifest') {
          const children = childrenToCopy(document, options);
          await allOf(children.map((child) => blobs.copy(child, source, tasks)));
        }
        if (document.digest === last) return;
        const missing = await tasks.run(() => tryWrite(target, document, { signal: tasks.signal, lists }));
        if (missing === undefined) {
          onEvent?.({ kind: 'child-pushed', repository: target.label, digest: document.digest });
        } else {
          rejected.push({ document, source, missing });
        }
      },
    },
    { ...options, depth: 1 },
  );
  // Last, because a subject may be among the entries. A parent follows its children.
  for (const each of rejected) {
    await copyMissing(target, each, options);
    await limit(() => target.writeManifest(each.document, { signal, lists }));
    onEvent?.({ kind: 'child-pushed', repository: target.label, digest: each.document.digest });
  }
}

/** A document that the target rejected because it lacks content that was found before, or a subject. */
interface RejectedDocument {
  readonly document: ManifestOrIndex;
  readonly source: Source;
  readonly missing: ReadonlySet<string>;
}

/** Writes a document. Returns what the target lacks, if it rejects the document because of that. */
export async function tryWrite(
  target: Target,
  document: ManifestOrIndex,
  options: WriteManifestOptions,
): Promise<ReadonlySet<string> | undefined> {
  try {
    await target.writeManifest(document, options);
    return undefined;
  } catch (error) {
    if (error instanceof MissingContentError) return error.missing;
    throw error;
  }
}

/** Copies the children that the target lacks. */
async function copyMissing(
  target: Target,
  { document, source, missing }: RejectedDocument,
  options: CopyGraphOptions,
): Promise<void> {
  const children = childrenToCopy(document, options).filter(({ digest }) => missing.has(digest));
  if (document.kind === 'index') {
    await copyGraph(
      target,
      children.map((descriptor) => ({ descriptor, source })),
      options,
    );
    return;
  }
  const blobs = new BlobCopier(target, options.onEvent);
  const tasks = new TaskGroup(options);
  await tasks.all(children.map((child) => blobs.copy(child, source, tasks)));
}

/** Copies each distinct blob once. */
class BlobCopier {
  readonly #target: Target;
  readonly #onEvent: OnEvent | undefined;
  readonly #copies = new KeyedSingleFlight<void>();

  constructor(target: Target, onEvent: OnEvent | undefined) {
    this.#target = target;
    this.#onEvent = onEvent;
  }

  copy(descriptor: Descriptor, source: Source, tasks: TaskGroup): Promise<void> {
    return this.#copies.get(descriptor.digest, () =>
      tasks.run(() =>
        isNonDistributableType(descriptor.mediaType)
          ? this.#copyIfPresent(descriptor, source, tasks.signal)
          : this.#copyBlob(descriptor, source, tasks.signal),
      ),
    );
  }

  async #copyBlob(descriptor: Descriptor, source: BlobSource, signal: AbortSignal): Promise<void> {
    const { digest, size } = descriptor;
    this.#onEvent?.({ kind: 'blob-started', digest, size });
    await this.#write(descriptor, source, signal);
  }

  /** Most registries have never stored non-distributable layers, so a missing one is only a warning. */
  async #copyIfPresent(descriptor: Descriptor, source: BlobSource, signal: AbortSignal): Promise<void> {
    const { digest, size } = descriptor;
    const { label, repository } = source;
    // A NotFoundError may also come from the target.
    let isMissing = false;
    const openBlob: BlobSource['openBlob'] = async (blob, options) => {
      try {
        const stream = await source.openBlob(blob, options);
        // Reported once there is something to copy: a started blob is displayed until it is done.
        this.#onEvent?.({ kind: 'blob-started', digest, size });
        return stream;
      } catch (error) {
        isMissing ||= error instanceof NotFoundError;
        throw error;
      }
    };
    try {
      await this.#write(descriptor, { label, ...(repository && { repository }), openBlob }, signal);
    } catch (error) {
      if (!isMissing) throw error;
      const message = `skipping non-distributable layer ${digest}: not available from ${label}`;
      this.#onEvent?.({ kind: 'warning', message });
    }
  }

  async #write(descriptor: Descriptor, source: BlobSource, signal: AbortSignal): Promise<void> {
    const { digest, size } = descriptor;
    const outcome = await this.#target.copyBlob(descriptor, source, {
      signal,
      onBytes: (bytes) => this.#onEvent?.({ kind: 'blob-progress', digest, bytes }),
    });
    this.#onEvent?.({ kind: 'blob-done', digest, size, outcome });
  }
}
