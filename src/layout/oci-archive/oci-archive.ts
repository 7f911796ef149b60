/**
 * Tar archives of image layouts (`oci-archive:FILE`), read in place and replaced as a whole.
 *
 * Offers oci-archive.
 * @module layout/oci-archive
 */
import { resolve } from 'node:path';

import { checkCancelled } from '../../content/cancellation.js';
import { checkChildren } from '../../content/check-children.js';
import { lockReports, type OnEvent } from '../../content/events.js';
import { recordReferrer } from '../../content/referrers-tag.js';
import type { ReadOptions } from '../../content/source.js';
import type { Target, WriteManifestOptions } from '../../content/target.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { documentDescriptor, type ManifestOrIndex } from '../../oci/document.js';
import { MISSING_PATH_HINT, InvalidError, NotFoundError } from '../../oci/errors.js';
import { OciArchiveStore } from './oci-archive-store.js';
import { archiveSize } from '../core/tar-layout-files.js';
import { WritableLayout } from '../core/writable-layout.js';

/**
 * A source and target for the tar archive of an OCI image layout.
 *
 * The archive is read in place. Written content can be read back at once and is staged in a directory beside the
 * archive until {@link OciArchive.commit} adds it; {@link OciArchive.close} removes that directory. Several processes
 * may write to one archive: each commit adds to its current content.
 */
export class OciArchive extends WritableLayout implements Target {
  readonly #store: OciArchiveStore;

  /** @param options.path the file, which need not exist */
  constructor(options: { readonly path: string; readonly onEvent?: OnEvent | undefined }) {
    const store = new OciArchiveStore(resolve(options.path), lockReports(options.onEvent));
    super({
      label: `oci-archive:${options.path}`,
      onEvent: options.onEvent,
      files: store,
      missingLayoutError: () => missingLayoutError(options.path),
      writeBlob: (...blob) => store.writeBlob(...blob),
    });
    this.#store = store;
  }

  async writeManifest(document: ManifestOrIndex, options: WriteManifestOptions = {}): Promise<Descriptor> {
    checkCancelled(options.signal, `write ${document.digest}`);
    await checkChildren(document, this.label, (digest) => this.#store.blobSize(digest, options));
    await this.#store.addDocument(document, options.tag, options);
    await recordReferrer(
      {
        label: this.label,
        onEvent: this.onEvent,
        readList: (tag, reading) => this.readTag(tag, reading),
        replaceList: async (list, tag, _previous, writing) => {
          await this.#store.addReferrersList(list, tag, writing);
          return true;
        },
      },
      document,
      options,
    );
    return documentDescriptor(document);
  }

  /**
   * Replaces the archive by one that includes all written content, unless nothing changes. Images of other tags are kept;
   * unreachable content is dropped. Manifests that were written without a tag and belong to no tagged image are listed by
   * digest.
   *
   * Equal images and tags give equal bytes, in whatever order they were written.
   *
   * @throws InvalidError if content is missing or damaged; ConflictError if another process keeps the archive locked;
   *   FailedError; CancelledError. The archive is unchanged then, and commit may be called again.
   */
  async commit(options: ReadOptions = {}): Promise<void> {
    checkCancelled(options.signal, `write ${this.label}`);
    await this.#store.commit(options);
  }

  /** Closes open files and discards uncommitted content. May be called more than once. */
  close(): void {
    this.#store.close();
  }
}

async function missingLayoutError(path: string): Promise<InvalidError | NotFoundError> {
  if ((await archiveSize(path)) === 0) {
    return new InvalidError(`${path} is empty, not a tar file`, { hint: 'Create or download it again.' });
  }
  return new NotFoundError(`oci-archive:${path} does not exist`, { hint: MISSING_PATH_HINT });
}
