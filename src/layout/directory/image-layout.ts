/**
 * Image layouts in directories (`oci:DIR`).
 *
 * Offers blob-directory, image-layout.
 * @module layout/directory
 */
import { resolve } from 'node:path';
import { Readable } from 'node:stream';

import { checkCancelled } from '../../content/cancellation.js';
import { checkChildren } from '../../content/check-children.js';
import type { ReadOptions } from '../../content/source.js';
import type { Target } from '../../content/target.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { documentDescriptor, type ManifestOrIndex } from '../../oci/document.js';
import type { Tag } from '../../oci/reference.js';
import { BlobDirectory } from './blob-directory.js';
import { setTag } from '../core/layout-index.js';
import { LayoutMetadata } from './layout-metadata.js';
import { recordInLayout } from '../core/layout-referrers.js';
import { WritableLayout } from '../core/writable-layout.js';

/**
 * An OCI image layout directory (image-spec, "OCI Image Layout") as a place to read from and publish to.
 *
 * Only what is written under a tag is listed in `index.json`. Nothing is made before the first write. Writers may work
 * on one layout at the same time, in several processes too.
 */
export class ImageLayout extends WritableLayout implements Target {
  readonly #metadata: LayoutMetadata;
  readonly #blobs: BlobDirectory;

  /** @param options.path the directory, which need not be there before something is written */
  constructor(options: { readonly path: string }) {
    const root = resolve(options.path);
    const metadata = new LayoutMetadata(root);
    const blobs = new BlobDirectory(root, () => metadata.create());
    super({
      label: `oci:${options.path}`,
      files: {
        readIndex: () => metadata.readIndex(),
        blobSize: (digest) => blobs.size(digest),
        openBlob: (descriptor, { signal } = {}) => blobs.open(descriptor, signal),
      },
      writeBlob: (descriptor, content, writing) => blobs.write(descriptor, content, writing),
    });
    this.#metadata = metadata;
    this.#blobs = blobs;
  }

  async writeManifest(
    document: ManifestOrIndex,
    options: ReadOptions & { readonly tag?: Tag } = {},
  ): Promise<Descriptor> {
    const { signal, tag } = options;
    checkCancelled(signal, `write ${document.digest}`);
    const descriptor = documentDescriptor(document);
    await checkChildren(document, this.label, (digest) => this.#blobs.size(digest));
    // Written even where it is there: it is small, and a damaged one is mended.
    await this.#writeDocument(document, { signal });
    await recordInLayout(
      this,
      {
        write: (list) => this.#writeDocument(list, { signal }),
        editIndex: (edit) => this.#metadata.editIndex(edit, signal),
      },
      document,
      { signal },
    );
    if (tag !== undefined) await this.#metadata.editIndex((index) => setTag(index, descriptor, tag), signal);
    return descriptor;
  }

  #writeDocument(document: ManifestOrIndex, { signal }: ReadOptions): Promise<void> {
    return this.#blobs.write(documentDescriptor(document), Readable.from([document.bytes]), { signal });
  }
}
