import type { OnEvent } from '../content/events.js';
import { unlimited, type Limit } from '../content/limit.js';
import { checkNesting, OncePerManifest } from '../content/nesting.js';
import { readChild } from '../content/read-child.js';
import type { Source } from '../content/source.js';
import type { Target } from '../content/target.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { isNonDistributableType } from '../oci/media-type.js';
import { OptionalBlobSource } from './optional-blob-source.js';
import { childrenToCopy, type SourcedEntry, type ContentOptions } from './target-state.js';

export interface MoveOptions extends ContentOptions {
  readonly onEvent?: OnEvent | undefined;
}

/**
 * Copies images from their sources into the target: each distinct blob and manifest once, several at a time, and a manifest
 * only when all that it points to is there. Layers that are not for distribution stay behind unless they are to be moved; their
 * descriptors stay in the manifest either way (image-spec, "Non-Distributable Layers"). Nothing is ever read from a
 * descriptor's `urls`.
 *
 * The first failure stops the rest, and is thrown when all of it has stopped: nothing is still being written then.
 *
 * @param last a document that the caller puts itself, when all that it points to is there
 */
export async function moveContent(
  target: Target,
  children: readonly SourcedEntry[],
  options: MoveOptions = {},
  last?: Digest,
): Promise<void> {
  await new Move(target, options, last).run(children);
}

class Move {
  readonly #target: Target;
  readonly #options: ContentOptions;
  readonly #last: Digest | undefined;
  readonly #limit: Limit;
  readonly #onEvent: OnEvent | undefined;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #blobs = new Map<Digest, Promise<void>>();
  readonly #manifests = new OncePerManifest<void>();
  #failure: { readonly reason: unknown } | undefined;

  constructor(target: Target, options: MoveOptions, last: Digest | undefined) {
    const { limit = unlimited, signal, onEvent } = options;
    this.#target = target;
    this.#options = options;
    this.#last = last;
    this.#limit = limit;
    this.#onEvent = onEvent;
    this.#signal = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
  }

  async run(children: readonly SourcedEntry[]): Promise<void> {
    await Promise.allSettled(children.map((child) => this.#manifestOnce(child, 1)));
    if (this.#failure !== undefined) throw this.#failure.reason;
  }

  /** @param above how many indexes it was reached through, with the one that is published */
  #manifestOnce(child: SourcedEntry, above: number): Promise<void> {
    return this.#manifests.do(child.descriptor, () => this.#manifest(child, above));
  }

  async #manifest(child: SourcedEntry, above: number): Promise<void> {
    const { descriptor, source } = child;
    const document = await this.#read(child, above);
    const results = await Promise.allSettled(
      childrenToCopy(document, this.#options).map((below) =>
        document.kind === 'index'
          ? this.#manifestOnce({ descriptor: below, source }, above + 1)
          : this.#blobOnce(below, source),
      ),
    );
    if (results.some((result) => result.status === 'rejected')) throw this.#failure?.reason;
    if (document.digest === this.#last) return;
    await this.#io(() => this.#target.writeManifest(document, { signal: this.#signal }));
    this.#onEvent?.({ kind: 'child-pushed', repository: this.#target.label, digest: descriptor.digest });
  }

  #read({ descriptor, source, document: known }: SourcedEntry, above: number): Promise<ManifestOrIndex> {
    return this.#io(async () => {
      const document = known ?? (await readChild(source, descriptor, { signal: this.#signal }));
      checkNesting(document, above, source.label);
      return document;
    });
  }

  #blobOnce(descriptor: Descriptor, source: Source): Promise<void> {
    const running = this.#blobs.get(descriptor.digest);
    if (running !== undefined) return running;
    const copy = this.#io(() =>
      isNonDistributableType(descriptor.mediaType)
        ? this.#blobIfThere(descriptor, source)
        : this.#blob(descriptor, source),
    );
    this.#blobs.set(descriptor.digest, copy);
    return copy;
  }

  async #blob(descriptor: Descriptor, source: Source): Promise<void> {
    const { digest, size } = descriptor;
    this.#onEvent?.({ kind: 'blob-started', digest, size });
    await this.#copy(descriptor, source);
  }

  /** Most registries never held the layers that are not for distribution, so it is no failure where one is not there. */
  async #blobIfThere(descriptor: Descriptor, source: Source): Promise<void> {
    const { digest, size } = descriptor;
    // Not before there is something to copy: what has started is shown until it is done.
    const lenient = new OptionalBlobSource(source, () => {
      this.#onEvent?.({ kind: 'blob-started', digest, size });
    });
    try {
      await this.#copy(descriptor, lenient);
    } catch (error) {
      if (!lenient.lacksBlob) throw error;
      const message = `${source.label} does not hold the layer ${digest}, which is not for distribution: it stays behind`;
      this.#onEvent?.({ kind: 'warning', message });
    }
  }

  async #copy(descriptor: Descriptor, source: Source): Promise<void> {
    const { digest, size } = descriptor;
    const outcome = await this.#target.copyBlob(descriptor, source, {
      signal: this.#signal,
      onBytes: (bytes) => this.#onEvent?.({ kind: 'blob-progress', digest, bytes }),
    });
    this.#onEvent?.({ kind: 'blob-done', digest, size, outcome });
  }

  /** Every read and write passes here, so the first to fail is the cause, and what it stops is not. */
  #io<T>(task: () => Promise<T>): Promise<T> {
    return this.#limit(async () => {
      try {
        return await task();
      } catch (error) {
        this.#failure ??= { reason: error };
        this.#stop.abort();
        throw error;
      }
    });
  }
}
