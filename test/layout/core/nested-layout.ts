import { Readable } from 'node:stream';

import { verifiedStream } from '../../../src/content/verified-stream.js';
import type { LayoutBlobs } from '../../../src/layout/core/layout-blobs.js';
import type { Descriptor } from '../../../src/oci/descriptor.js';
import { digestOf, type Digest } from '../../../src/oci/digest.js';
import { documentDescriptor } from '../../../src/oci/document.js';
import { parseDocument } from '../../../src/oci/parse.js';
import { amd64 } from '../../support/images.js';
import { nestedIndexes } from '../../support/nested-indexes.js';

/** The blobs of a layout, in memory, which logs the digest of each blob that is opened. */
export function memoryBlobs(contents: readonly Uint8Array[]): { files: LayoutBlobs; opened: Digest[] } {
  const blobs = new Map(contents.map((bytes) => [digestOf(bytes), bytes]));
  const opened: Digest[] = [];
  const files: LayoutBlobs = {
    blobSize: async (digest) => blobs.get(digest)?.length,
    openBlob: async (descriptor) => {
      const bytes = blobs.get(descriptor.digest);
      if (bytes === undefined) return undefined;
      opened.push(descriptor.digest);
      return verifiedStream(Readable.from([bytes]), descriptor);
    },
  };
  return { files, opened };
}

/** An image within indexes that list one another many times, as a layout holds it. The outermost index is the root. */
export function nestedLayout(levels: number): { root: Descriptor; contents: Uint8Array[] } {
  const { manifest, config, layers } = amd64;
  const document = parseDocument(manifest.bytes, { mediaType: manifest.mediaType });
  const documents = [document, ...nestedIndexes(documentDescriptor(document), levels)];
  return {
    root: documentDescriptor(documents.at(-1) ?? document),
    contents: [...documents.map(({ bytes }) => bytes), config.bytes, ...layers.map(({ bytes }) => bytes)],
  };
}
