import type { Readable } from 'node:stream';

import type { ReadOptions } from '../../content/source.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import type { LayoutFiles } from './layout-reader.js';

/** The blobs of a layout, without what it lists. */
export type LayoutBlobs = Omit<LayoutFiles, 'readIndex'>;

/** The blobs of several places as those of one. Where several hold a blob, the first of them counts. */
export function overlay(places: readonly LayoutBlobs[]): LayoutBlobs {
  return {
    async blobSize(digest: Digest, options?: ReadOptions): Promise<number | undefined> {
      for (const place of places) {
        const size = await place.blobSize(digest, options);
        if (size !== undefined) return size;
      }
      return undefined;
    },

    async openBlob(descriptor: Descriptor, options?: ReadOptions): Promise<Readable | undefined> {
      for (const place of places) {
        const stream = await place.openBlob(descriptor, options);
        if (stream !== undefined) return stream;
      }
      return undefined;
    },
  };
}
