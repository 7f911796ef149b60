import { rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';

import type { ReadOptions } from '../../content/source.js';
import { SingleFlight } from '../../content/single-flight.js';
import type { WriteBlobOptions } from '../../content/target.js';
import { makeDirectory, MODES } from '../../files/make-directory.js';
import { temporaryName } from '../../files/temporary-name.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { FailedError } from '../../oci/errors.js';
import { BlobDirectory } from '../directory/blob-directory.js';
import { blobPath } from '../core/layout-documents.js';

/** The blobs to add to an archive, in a directory beside it that the first write creates. */
export class StagingDirectory {
  readonly #archive: string;
  readonly #root: string;
  readonly #blobs: BlobDirectory;
  readonly #creation = new SingleFlight(() => this.#create());
  #closed = false;

  /** @param archive the absolute path of the archive */
  constructor(archive: string) {
    this.#archive = archive;
    this.#root = join(dirname(archive), temporaryName());
    this.#blobs = new BlobDirectory(this.#root, () => this.#prepare(), archive);
  }

  blobSize(digest: Digest): Promise<number | undefined> {
    return this.#blobs.blobSize(digest);
  }

  openBlob(descriptor: Descriptor, options?: ReadOptions): Promise<Readable | undefined> {
    return this.#blobs.openBlob(descriptor, options);
  }

  async write(descriptor: Descriptor, content: Readable, options?: WriteBlobOptions): Promise<void> {
    try {
      await this.#blobs.write(descriptor, content, options);
    } finally {
      // A write that was in progress when the directory was removed may have created it again.
      if (this.#closed) this.#removeAll();
    }
    this.#checkOpen();
  }

  /** Removes blobs that the archive contains now. The directory is kept: other writes may be in progress. */
  async remove(digests: Iterable<Digest>): Promise<void> {
    for (const digest of digests) await rm(join(this.#root, ...blobPath(digest)), { force: true });
  }

  /** Removes the directory and rejects further writes. May be called more than once. */
  close(): void {
    this.#closed = true;
    this.#removeAll();
  }

  async #prepare(): Promise<void> {
    this.#checkOpen();
    await this.#creation.get();
  }

  async #create(): Promise<true> {
    await makeDirectory(dirname(this.#root), MODES.sharedDirectory);
    await mkdir(this.#root, { mode: MODES.privateDirectory });
    return true;
  }

  #checkOpen(): void {
    if (this.#closed) throw new FailedError(`cannot write ${this.#archive}: it has been closed`);
  }

  /** Does nothing if the directory was not created: its parent may not exist. */
  #removeAll(): void {
    if (this.#creation.result === true) rmSync(this.#root, { recursive: true, force: true });
  }
}
