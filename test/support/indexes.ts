import type { Descriptor } from '../../src/oci/descriptor.js';
import type { IndexDocument } from '../../src/oci/document.js';
import type { ImageIndex } from '../../src/oci/image-index.js';
import { OCI_INDEX } from '../../src/oci/media-type.js';
import { createIndexDocument } from '../../src/oci/serialise.js';

/** An index with these entries, serialised as multiarch publishes it. */
export function indexOf(manifests: readonly Descriptor[], changes: Partial<ImageIndex> = {}): IndexDocument {
  return createIndexDocument({ schemaVersion: 2, mediaType: OCI_INDEX, manifests, ...changes });
}
