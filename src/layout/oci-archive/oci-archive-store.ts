import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';

import type { ReadOptions } from '../../content/source.js';
import type { WriteBlobOptions } from '../../content/target.js';
import { readVerified } from '../../content/verified-stream.js';
import { isBeingWritten } from '../../files/atomic-write.js';
import { errorCode, fileError } from '../../files/file-error.js';
import { lockBeingMade, withLock } from '../../files/lock.js';
import { sweep } from '../../files/sweep.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import {
  documentDescriptor,
  type ManifestOrIndex,
  type IndexDocument,
  MAX_MANIFEST_PULL,
} from '../../oci/document.js';
import { FailedError, InvalidError } from '../../oci/errors.js';
import type { Tag } from '../../oci/reference.js';
import type { TarArchive } from '../tar/tar-archive.js';
import { openTarLayout, type OpenTarLayout } from '../core/tar-layout-files.js';
import { EMPTY_LAYOUT_INDEX, findTag, type LayoutIndex } from '../core/layout-index.js';
import type { LayoutFiles } from '../core/layout-reader.js';
import { mergeReferrers, checkReplaceable, replaceArchive } from './replace-archive.js';
import { overlay, type LayoutBlobs } from '../core/overlay.js';
import { PendingManifests } from './pending-manifests.js';
import { Remembered } from '../../content/remembered.js';
import { Staging } from './staging.js';

/** Another process may be writing gigabytes; one that runs no more holds up nobody. In milliseconds. */
const LOCK_PATIENCE = 600_000;

/** The layout in an archive as it is to be: what is in the file, and what was written and is not in it yet. */
export class OciArchiveStore implements LayoutFiles {
  readonly #path: string;
  readonly #staging: Staging;
  /** What is in the file, as far as it was asked for. */
  readonly #inFile: LayoutBlobs;
  readonly #blobs: LayoutBlobs;
  readonly #closing = new AbortController();
  /** Not closed before the end: somebody may still be reading what another commit has replaced. */
  readonly #opened = new Set<TarArchive>();
  #file = this.#openLater();
  #pending = new PendingManifests();

  /** @param path absolute; the file need not be there */
  constructor(path: string) {
    this.#path = path;
    this.#staging = new Staging(path);
    this.#inFile = {
      blobSize: async (digest, options) => (await this.#layout(options))?.files.blobSize(digest, options),
      openBlob: async (descriptor, options) =>
        (await this.#layout(options))?.files.openBlob(descriptor, options),
    };
    this.#blobs = overlay([this.#staging, this.#inFile]);
  }

  async readIndex(options?: ReadOptions): Promise<LayoutIndex | undefined> {
    // Taken first: what a commit puts into the file meanwhile is not to be missed in both.
    const pending = this.#pending;
    const index = (await this.#layout(options))?.index;
    if (index === undefined && pending.isEmpty) return undefined;
    return pending.tagged(index ?? EMPTY_LAYOUT_INDEX);
  }

  blobSize(digest: Digest, options?: ReadOptions): Promise<number | undefined> {
    return this.#blobs.blobSize(digest, options);
  }

  openBlob(descriptor: Descriptor, options?: ReadOptions): Promise<Readable | undefined> {
    return this.#blobs.openBlob(descriptor, options);
  }

  /** @throws InvalidError also where the file is one that cannot be replaced: not after gigabytes were written */
  async writeBlob(descriptor: Descriptor, content: Readable, options?: WriteBlobOptions): Promise<void> {
    try {
      const layout = await this.#layout(options);
      if (layout !== undefined) checkReplaceable(layout.archive);
    } catch (error) {
      content.destroy();
      throw error;
    }
    await this.#staging.write(descriptor, content, options);
  }

  /** Adds a manifest or index, which is written where it is not there, or not whole. */
  async addDocument(document: ManifestOrIndex, tag: Tag | undefined, options: ReadOptions): Promise<void> {
    await this.#stage(document, options);
    const index = tag === undefined ? undefined : (await this.#layout(options))?.index;
    const before =
      index === undefined || tag === undefined ? undefined : findTag(index, tag, this.#path)?.digest;
    this.#pending = this.#pending.with(document, tag, { before });
  }

  /** As {@link addDocument}, for a list of referrers: a commit joins it with the one that is in the file by then. */
  async addReferrersList(list: IndexDocument, tag: Tag, options: ReadOptions): Promise<void> {
    await this.#stage(list, options);
    this.#pending = this.#pending.with(list, tag, { isReferrersList: true });
  }

  /** Brings the file to what was written. @throws as `replaceArchive` does */
  async commit(options: ReadOptions): Promise<void> {
    const pending = this.#pending;
    if (pending.isEmpty) return;
    const path = await realPath(this.#path);
    const lock = lockName(path);
    const done = await withLock(
      join(dirname(path), lock),
      (scratch) => this.#replace(path, scratch, pending, options),
      { signal: options.signal, patience: LOCK_PATIENCE },
    );
    // In this order, whoever reads meanwhile finds everything in one place or the other.
    this.#file = this.#openLater();
    this.#pending = this.#pending.without(pending);
    await this.#staging.remove(done);
    await sweep(dirname(path), (name) => isBeingWritten(name) || lockBeingMade(name) === lock);
  }

  /** Closes what is open, and removes what was written and not committed. May be called twice. */
  close(): void {
    this.#closing.abort();
    for (const archive of this.#opened) archive.close();
    this.#staging.close();
  }

  async #layout({ signal }: ReadOptions = {}): Promise<OpenTarLayout | undefined> {
    if (this.#closing.signal.aborted) throw new FailedError(`${this.#path} was closed already`);
    const file = this.#file;
    const layout = await file.get(signal);
    // It may come yet.
    if (layout === undefined && this.#file === file) this.#file = this.#openLater();
    return layout;
  }

  /** @returns the digests that are in the file now and were staged */
  async #replace(
    path: string,
    scratch: string,
    pending: PendingManifests,
    options: ReadOptions,
  ): Promise<Digest[]> {
    const current = await openTarLayout(path, options);
    try {
      const merged = current === undefined ? pending : await this.#merge(pending, current, options);
      return await replaceArchive(
        { path, scratch, current, pending: merged, staged: this.#staging, opened: this.#inFile },
        options,
      );
    } finally {
      current?.archive.close();
    }
  }

  async #merge(
    pending: PendingManifests,
    current: OpenTarLayout,
    options: ReadOptions,
  ): Promise<PendingManifests> {
    let merged = pending;
    for (const [tag, list] of pending.referrersLists()) {
      const document = await mergeReferrers(list, tag, current, this.#path, options);
      await this.#stage(document, options);
      merged = merged.with(document, tag, { isReferrersList: true });
    }
    return merged;
  }

  #openLater(): Remembered<OpenTarLayout | undefined> {
    return new Remembered(async () => {
      const { signal } = this.#closing;
      const layout = await openTarLayout(this.#path, { signal });
      if (layout === undefined) return undefined;
      this.#opened.add(layout.archive);
      // Closed while it was being opened.
      if (signal.aborted) layout.archive.close();
      return layout;
    });
  }

  async #stage(document: ManifestOrIndex, options: ReadOptions): Promise<void> {
    if (await this.#holds(document, options)) return;
    await this.writeBlob(documentDescriptor(document), Readable.from([document.bytes]), options);
  }

  async #holds(document: ManifestOrIndex, options: ReadOptions): Promise<boolean> {
    const descriptor = documentDescriptor(document);
    const stream = await this.openBlob(descriptor, options);
    if (stream === undefined) return false;
    try {
      return Buffer.from(document.bytes).equals(await readVerified(stream, descriptor, MAX_MANIFEST_PULL));
    } catch (error) {
      if (error instanceof InvalidError) return false;
      throw error;
    }
  }
}

/** A link stays what it is: the file that it leads to is replaced. */
async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return path;
    throw fileError('write', path, error);
  }
}

/** The lock is beside the archive. Names have a length that they may have, and two archives may share a lock. */
function lockName(path: string): string {
  return `.multiarch-lock-${basename(path).slice(0, 50)}`;
}
