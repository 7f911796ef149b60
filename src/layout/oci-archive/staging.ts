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

/** The blobs that are to go into an archive, in a directory beside it that is made when the first of them comes. */
export class Staging {
  readonly #archive: string;
  readonly #root: string;
  readonly #blobs: BlobDirectory;
  #made: Promise<void> | undefined;
  #closed = false;

  /** @param archive the absolute path of the archive */
  constructor(archive: string) {
    this.#archive = archive;
    this.#root = join(dirname(archive), temporaryName());
    this.#blobs = new BlobDirectory(this.#root, () => this.#make(), archive);
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
      // What was on its way when the directory was removed may have made it again.
      if (this.#closed) this.#removeAll();
    }
    this.#checkOpen();
  }

  /** Forgets blobs that the archive holds now. The directory stays: others may be on their way into it. */
  async remove(digests: Iterable<Digest>): Promise<void> {
    for (const digest of digests) await rm(join(this.#root, ...blobPath(digest)), { force: true });
  }

  /** Removes everything; nothing is written any more. May be called twice. */
  close(): void {
    this.#closed = true;
    this.#removeAll();
  }

  async #make(): Promise<void> {
    this.#checkOpen();
    this.#made ??= makeBelow(dirname(this.#root), this.#root);
    try {
      await this.#made;
    } catch (error) {
      this.#made = undefined;
      throw error;
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new FailedError(`${this.#archive} is closed, and nothing can be written to it`);
  }

  /** Where nothing was made, there may not even be a directory to look into. */
  #removeAll(): void {
    if (this.#made === undefined) return;
    rmSync(this.#root, { recursive: true, force: true });
  }
}

async function makeBelow(parent: string, path: string): Promise<void> {
  await makeDirectory(parent);
  await mkdir(path, { mode: 0o700 });
}
