/**
 * Image layout directories (`oci:DIR`).
 *
 * Offers blob-directory, image-layout, layout-metadata.
 * @module layout/directory
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';

import { checkCancelled } from '../../content/cancellation.js';
import { checkChildren } from '../../content/check-children.js';
import { lockReports, type OnEvent } from '../../content/events.js';
import { recordReferrer } from '../../content/referrers-tag.js';
import type { ReadOptions, Selector } from '../../content/source.js';
import type { Target, WriteManifestOptions } from '../../content/target.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { isVerifiableDigest, type Digest } from '../../oci/digest.js';
import { documentDescriptor, type IndexDocument, type ManifestOrIndex } from '../../oci/document.js';
import type { RefName } from '../../oci/reference.js';
import { MISSING_PATH_HINT, NotFoundError } from '../../oci/errors.js';
import { unpackedHint } from '../tar/transport-hints.js';
import { BlobDirectory } from './blob-directory.js';
import { findExactTag, removeDigest, removeTag, setTag } from '../core/layout-index.js';
import { LayoutMetadata } from './layout-metadata.js';
import { WritableLayout } from '../core/writable-layout.js';

/**
 * A source and target for an OCI image layout directory (image-spec, "OCI Image Layout").
 *
 * Only manifests that are written with a tag are listed in `index.json`. The directory is created by the first write.
 * Several processes may write to one layout at the same time.
 */
export class ImageLayout extends WritableLayout implements Target {
  readonly #metadata: LayoutMetadata;
  readonly #blobs: BlobDirectory;

  /** @param options.path the directory, which need not exist */
  constructor(options: { readonly path: string; readonly onEvent?: OnEvent | undefined }) {
    const root = resolve(options.path);
    const metadata = new LayoutMetadata(root, lockReports(options.onEvent));
    const blobs = new BlobDirectory(root, () => metadata.create());
    super({
      label: `oci:${options.path}`,
      onEvent: options.onEvent,
      missingLayoutError: () => missingLayoutError(options.path),
      files: {
        readIndex: () => metadata.readIndex(),
        blobSize: (digest) => blobs.blobSize(digest),
        openBlob: (descriptor, reading) => blobs.openBlob(descriptor, reading),
      },
      writeBlob: (descriptor, content, writing) => blobs.write(descriptor, content, writing),
    });
    this.#metadata = metadata;
    this.#blobs = blobs;
  }

  async writeManifest(
    document: ManifestOrIndex,
    { signal, tag, lists }: WriteManifestOptions = {},
  ): Promise<Descriptor> {
    checkCancelled(signal, `write ${document.digest}`);
    const descriptor = documentDescriptor(document);
    await checkChildren(document, this.label, (digest) => this.#blobs.blobSize(digest));
    // Always written: it is small, and this repairs a damaged one.
    await this.#writeDocument(document, { signal });
    await recordReferrer(
      {
        label: this.label,
        onEvent: this.onEvent,
        readList: (name, reading) => this.readTag(name, reading),
        replaceList: (list, name, previous, writing) => this.#replaceList(list, name, previous, writing),
      },
      document,
      { lists, signal },
    );
    if (tag !== undefined) await this.#metadata.editIndex((index) => setTag(index, descriptor, tag), signal);
    return descriptor;
  }

  /** Removes the entries of a tag or digest from `index.json`. All blobs stay. */
  async delete(selector: Selector, { signal }: ReadOptions = {}): Promise<void> {
    let isListed = false;
    await this.#metadata.editIndex((index) => {
      const edited = isVerifiableDigest(selector)
        ? removeDigest(index, selector)
        : removeTag(index, selector);
      isListed = edited !== index;
      return edited;
    }, signal);
    if (!isListed) throw new NotFoundError(`${this.label} lists no image ${selector}`);
  }

  async #replaceList(
    list: IndexDocument,
    tag: RefName,
    previous: Digest | undefined,
    { signal }: ReadOptions,
  ): Promise<boolean> {
    await this.#writeDocument(list, { signal });
    let isReplaced = false;
    await this.#metadata.editIndex((index) => {
      isReplaced = findExactTag(index, tag, this.label)?.digest === previous;
      return isReplaced ? setTag(index, documentDescriptor(list), tag) : index;
    }, signal);
    return isReplaced;
  }

  #writeDocument(document: ManifestOrIndex, { signal }: ReadOptions): Promise<void> {
    return this.#blobs.write(documentDescriptor(document), Readable.from([document.bytes]), { signal });
  }
}

async function missingLayoutError(path: string): Promise<NotFoundError> {
  const [problem, hint] = existsSync(path)
    ? ['it has no oci-layout file', unpackedHint(path)]
    : ['it does not exist', MISSING_PATH_HINT];
  return new NotFoundError(`oci:${path} is not an image layout: ${problem}`, { hint });
}
