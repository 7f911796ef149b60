/**
 * Image layouts in tar files (`oci-archive:FILE`), read in place and replaced as a whole.
 *
 * Offers oci-archive.
 * @module layout/oci-archive
 */
import { resolve } from 'node:path';

import { checkCancelled } from '../../content/cancellation.js';
import { checkChildren } from '../../content/check-children.js';
import { recordReferrer } from '../../content/referrers-tag.js';
import type { ReadOptions } from '../../content/source.js';
import type { Target } from '../../content/target.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { documentDescriptor, type ManifestOrIndex } from '../../oci/document.js';
import { InvalidError, NotFoundError } from '../../oci/errors.js';
import type { Tag } from '../../oci/reference.js';
import { OciArchiveStore } from './oci-archive-store.js';
import { archiveSize } from '../core/tar-layout-files.js';
import { WritableLayout } from '../core/writable-layout.js';

/**
 * A tar file of an OCI image layout as a place to read from and publish to.
 *
 * The file is read in place. What is written can be read back at once, and is in the file after
 * {@link OciArchive.commit}; until then it is in a directory beside the file, which {@link OciArchive.close} removes.
 * Several processes may write to one file: each commit adds to what the file holds by then.
 */
export class OciArchive extends WritableLayout implements Target {
  readonly #content: OciArchiveStore;

  /** @param options.path the file, which need not be there before something is written */
  constructor(options: { readonly path: string }) {
    const content = new OciArchiveStore(resolve(options.path));
    super({
      label: `oci-archive:${options.path}`,
      files: content,
      absence: () => absence(options.path),
      writeBlob: (...blob) => content.writeBlob(...blob),
    });
    this.#content = content;
  }

  async writeManifest(
    document: ManifestOrIndex,
    options: ReadOptions & { readonly tag?: Tag } = {},
  ): Promise<Descriptor> {
    checkCancelled(options.signal, `write ${document.digest}`);
    await checkChildren(document, this.label, (digest) => this.#content.blobSize(digest, options));
    await this.#content.addDocument(document, options.tag, options);
    await recordReferrer(
      {
        label: this.label,
        readList: (tag) => this.readTag(tag, options),
        replaceList: async (list, tag) => {
          await this.#content.addReferrersList(list, tag, options);
          return true;
        },
      },
      document,
      options,
    );
    return documentDescriptor(document);
  }

  /**
   * Replaces the file by one with all that was written, or leaves it alone where that changes nothing. Images of other
   * tags stay; content that no image of the file needs any more is left out. What was written without a tag, and
   * belongs to no image that has one, is listed by its digest.
   *
   * The same images and tags make the same bytes, whatever the order in which they were written.
   *
   * @throws InvalidError where content is missing or damaged, ConflictError where another process keeps the file
   *   locked, FailedError, CancelledError; the file is as it was then, and commit may be called again
   */
  async commit(options: ReadOptions = {}): Promise<void> {
    checkCancelled(options.signal, `write ${this.label}`);
    await this.#content.commit(options);
  }

  /** Closes what is open, and removes what was written and not committed. May be called twice. */
  close(): void {
    this.#content.close();
  }
}

/** With skopeo, a reference in full may follow the file. Here that would be a part of the path. */
async function absence(path: string): Promise<InvalidError | NotFoundError> {
  const label = `oci-archive:${path}`;
  if ((await archiveSize(path)) === 0) {
    return new InvalidError(`${path} is empty, not a tar file`, { hint: 'Write or download it again.' });
  }
  const [file = '', ...rest] = path.split(':');
  if (rest.length === 0 || (await archiveSize(file)) === undefined)
    return new NotFoundError(`${label} is not there`);
  return new NotFoundError(`${label} is not there`, {
    hint: `${file} is: name an image in it by its tag alone, as oci-archive:${file}:TAG.`,
  });
}
