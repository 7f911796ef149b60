import { rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';

import type { ReadOptions } from '../../content/source.js';
import type { WriteBlobOptions } from '../../content/target.js';
import { temporaryName } from '../../files/atomic-write.js';
import { makeDirectory } from '../../files/make-directory.js';
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
  #created: Promise<void> | undefined;
  #closed = false;

  /** @param archive the absolute path of the archive */
  constructor(archive: string) {
    this.#archive = archive;
    this.#root = join(dirname(archive), temporaryName());
    this.#blobs = new BlobDirectory(this.#root, () => this.#create(), archive);
  }

  blobSize(digest: Digest): Promise<number | undefined> {
    return this.#blobs.size(digest);
  }

  openBlob(descriptor: Descriptor, { signal }: ReadOptions = {}): Promise<Readable | undefined> {
    return this.#blobs.open(descriptor, signal);
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

  async #create(): Promise<void> {
    this.#checkOpen();
    this.#created ??= createDirectory(dirname(this.#root), this.#root);
    try {
      await this.#created;
    } catch (error) {
      this.#created = undefined;
      throw error;
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new FailedError(`cannot write ${this.#archive}: it has been closed`);
  }

  /** Does nothing if the directory was not created: its parent may not exist. */
  #removeAll(): void {
    if (this.#created === undefined) return;
    rmSync(this.#root, { recursive: true, force: true });
  }
}

async function createDirectory(parent: string, path: string): Promise<void> {
  await makeDirectory(parent);
  await mkdir(path, { mode: 0o700 });
}
