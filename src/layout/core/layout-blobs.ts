import type { Readable } from 'node:stream';

import { cancelStream, checkCancelled } from '../../content/cancellation.js';
import { parseContent } from '../../content/parse-content.js';
import type { ReadOptions } from '../../content/source.js';
import { readVerified, verifiableAlgorithm, verifiedStream } from '../../content/verified-stream.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { MAX_MANIFEST_PULL, type ManifestOrIndex } from '../../oci/document.js';

/** The blobs of a layout. */
export interface LayoutBlobs {
  /** The size of a blob in bytes; `undefined` if it does not exist. The content is not verified. */
  blobSize(digest: Digest, options?: ReadOptions): Promise<number | undefined>;

  /**
   * Opens a blob as a stream that verifies it against the descriptor; `undefined` if it does not exist.
   * @throws InvalidError if the digest's algorithm is not supported
   */
  openBlob(descriptor: Descriptor, options?: ReadOptions): Promise<Readable | undefined>;
}

/** The number of manifests that a walk over a layout reads at a time. */
export const PARALLEL_READS = 8;

/**
 * Reads a manifest or index; `undefined` if it is missing.
 * @param label the layout's name in messages
 * @throws InvalidError for a damaged one
 */
export async function readDocument(
  files: LayoutBlobs,
  descriptor: Descriptor,
  label: string,
  options: ReadOptions = {},
): Promise<ManifestOrIndex | undefined> {
  const stream = await files.openBlob(descriptor, options);
  if (stream === undefined) return undefined;
  const { mediaType, digest } = descriptor;
  const bytes = await readVerified(stream, descriptor, MAX_MANIFEST_PULL);
  return parseContent(bytes, { mediaType, digest, label: `${digest} of ${label}` });
}

/** Combines several stores of blobs. The first store that has a blob is used. */
export function overlay(stores: readonly LayoutBlobs[]): LayoutBlobs {
  const first = async <T>(read: (store: LayoutBlobs) => Promise<T | undefined>): Promise<T | undefined> => {
    for (const store of stores) {
      const found = await read(store);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return {
    blobSize: (digest, options) => first((store) => store.blobSize(digest, options)),
    openBlob: (descriptor, options) => first((store) => store.openBlob(descriptor, options)),
  };
}

/**
 * Opens a blob as a stream that verifies it against its descriptor; `undefined` if the blob does not exist.
 * @param label the layout's name in messages
 * @param open opens the unverified content
 * @throws InvalidError if the digest's algorithm is not supported; CancelledError
 */
export async function openVerified(
  descriptor: Descriptor,
  label: string,
  signal: AbortSignal | undefined,
  open: () => Promise<Readable | undefined>,
): Promise<Readable | undefined> {
  const { digest } = descriptor;
  checkCancelled(signal, `read ${digest}`);
  verifiableAlgorithm(digest);
  const content = await open();
  if (content === undefined) return undefined;
  return cancelStream(verifiedStream(content, descriptor, label), signal, `read ${digest}`);
}
