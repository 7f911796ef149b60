import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { ManifestOrIndex } from '../oci/document.js';
import { MAX_CONFIG_BYTES } from '../oci/image-config.js';
import { findReferrers, type Referrer } from './find-referrers.js';
import { unlimited, type TaskOptions } from './limit.js';
import { readChild } from './read-child.js';
import { KeyedSingleFlight } from './single-flight.js';
import type { ReadManifestOptions, Source } from './source.js';
import { readVerified } from './verified-stream.js';

/**
 * What one call reads of its sources: each manifest, config and list of referrers once, however often it is listed. A few
 * kilobytes of an index can list one digest thousands of times.
 */
export class SharedReads {
  readonly #children = new BySource<ManifestOrIndex>();
  readonly #configs = new BySource<Uint8Array>();
  readonly #referrers = new BySource<readonly Referrer[]>();

  /** As `readChild`. */
  child(
    source: Source,
    descriptor: Descriptor,
    options: TaskOptions & ReadManifestOptions = {},
  ): Promise<ManifestOrIndex> {
    const { limit = unlimited, allowKept = true } = options;
    return this.#children.get(source, `${keyOf(descriptor)} ${allowKept}`, options, (signal) =>
      limit(() => readChild(source, descriptor, { signal, allowKept })),
    );
  }

  /** Reads the config of an image. @throws InvalidError if it is longer than any config */
  config(source: Source, descriptor: Descriptor, options: TaskOptions = {}): Promise<Uint8Array> {
    const { limit = unlimited } = options;
    return this.#configs.get(source, keyOf(descriptor), options, (signal) =>
      limit(async () =>
        readVerified(await source.openBlob(descriptor, { signal }), descriptor, MAX_CONFIG_BYTES),
      ),
    );
  }

  /** As `findReferrers`. */
  referrers(source: Source, subject: Digest, options: TaskOptions = {}): Promise<readonly Referrer[]> {
    return this.#referrers.get(source, subject, options, (signal) =>
      findReferrers(source, subject, { ...options, signal }),
    );
  }
}

/** Results by source and key. */
class BySource<T> {
  readonly #results = new WeakMap<Source, KeyedSingleFlight<T>>();

  get(
    source: Source,
    key: string,
    { signal }: TaskOptions,
    read: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const ofSource = this.#results.get(source) ?? new KeyedSingleFlight();
    this.#results.set(source, ofSource);
    return ofSource.get(key, read, signal);
  }
}

/** The same digest with another size or media type is an error of the index, which only reading it reveals. */
function keyOf({ mediaType, digest, size }: Descriptor): string {
  return JSON.stringify([mediaType, digest, size]);
}
