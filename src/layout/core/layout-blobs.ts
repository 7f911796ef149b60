import type { Readable } from 'node:stream';

import { cancelStream, checkCancelled } from '../../content/cancellation.js';
import type { ReadOptions } from '../../content/source.js';
import { readVerified, verifiableAlgorithm, verifiedStream } from '../../content/verified-stream.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { MAX_MANIFEST_PULL, type ManifestOrIndex } from '../../oci/document.js';
import { parseDocument } from '../../oci/parse.js';
import type { LayoutFiles } from './layout-reader.js';

/** The blobs of a layout. */
export type LayoutBlobs = Omit<LayoutFiles, 'readIndex'>;

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
  return parseDocument(bytes, { mediaType, digest, label: `${digest} of ${label}` });
}

/** Combines several stores of blobs. The first store that has a blob is used. */
export function overlay(stores: readonly LayoutBlobs[]): LayoutBlobs {
  return {
    async blobSize(digest: Digest, options?: ReadOptions): Promise<number | undefined> {
      for (const store of stores) {
        const size = await store.blobSize(digest, options);
        if (size !== undefined) return size;
      }
      return undefined;
    },

    async openBlob(descriptor: Descriptor, options?: ReadOptions): Promise<Readable | undefined> {
      for (const store of stores) {
        const stream = await store.openBlob(descriptor, options);
        if (stream !== undefined) return stream;
      }
      return undefined;
    },
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
