import type { OnEvent } from '../content/events.js';
import { unlimited, type Limit } from '../content/limit.js';
import { readChild } from '../content/read-child.js';
import type { Source } from '../content/source.js';
import type { Target } from '../content/target.js';
import { childrenOf } from '../oci/children.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { isNonDistributableType } from '../oci/media-type.js';
import type { Child, PlanOptions } from './plan.js';

export interface MoveOptions extends PlanOptions {
  readonly onEvent?: OnEvent | undefined;
}

/**
 * Copies images from their sources into the target: each distinct blob once, several at a time, and a manifest only
 * when all that it points to is there. Layers that may not be distributed stay behind; their descriptors stay in
 * the manifest (image-spec, "Non-Distributable Layers").
 *
 * The first failure stops the rest, and is thrown when all of it has stopped: nothing is still being written then.
 */
export async function moveContent(
  target: Target,
  children: readonly Child[],
  options: MoveOptions = {},
): Promise<void> {
  await new Move(target, options).run(children);
}

class Move {
  readonly #target: Target;
  readonly #limit: Limit;
  readonly #onEvent: OnEvent | undefined;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #blobs = new Map<Digest, Promise<void>>();
  #failure: { readonly reason: unknown } | undefined;

  constructor(target: Target, { limit = unlimited, signal, onEvent }: MoveOptions) {
    this.#target = target;
    this.#limit = limit;
    this.#onEvent = onEvent;
    this.#signal = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
  }

  async run(children: readonly Child[]): Promise<void> {
    await Promise.allSettled(children.map((child) => this.#manifest(child)));
    if (this.#failure !== undefined) throw this.#failure.reason;
  }

  async #manifest({ descriptor, source, document: known }: Child): Promise<void> {
    const document = known ?? (await this.#io(() => readChild(source, descriptor, { signal: this.#signal })));
    const results = await Promise.allSettled(
      childrenOf(document)
        .filter((child) => !isNonDistributableType(child.mediaType))
        .map((child) =>
          document.kind === 'index'
            ? this.#manifest({ descriptor: child, source })
            : this.#blobOnce(child, source),
        ),
    );
    if (results.some((result) => result.status === 'rejected')) throw this.#failure?.reason;
    await this.#io(() => this.#target.writeManifest(document, { signal: this.#signal }));
    this.#onEvent?.({ kind: 'child-pushed', repository: this.#target.label, digest: descriptor.digest });
  }

  #blobOnce(descriptor: Descriptor, source: Source): Promise<void> {
    const running = this.#blobs.get(descriptor.digest);
    if (running !== undefined) return running;
    const copy = this.#io(() => this.#blob(descriptor, source));
    this.#blobs.set(descriptor.digest, copy);
    return copy;
  }

  async #blob(descriptor: Descriptor, source: Source): Promise<void> {
    const { digest, size } = descriptor;
    this.#onEvent?.({ kind: 'blob-started', digest, size });
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
