import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { JoinedSignal } from '../../content/cancellation.js';
import type { ReadOptions } from '../../content/source.js';
import type { WriteBlobOptions } from '../../content/target.js';
import { ifExists, withFileErrors } from '../../files/file-error.js';
import { withLock, type LockOptions, type Scratch } from '../../files/lock.js';
import { sweep } from '../../files/sweep.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { documentDescriptor, type ManifestOrIndex, type IndexDocument } from '../../oci/document.js';
import { FailedError, InvalidError } from '../../oci/errors.js';
import type { RefName } from '../../oci/reference.js';
import type { TarArchive } from '../tar/tar-archive.js';
import { openTarLayout, type OpenTarLayout } from '../core/tar-layout-files.js';
import { EMPTY_LAYOUT_INDEX, findExactTag, type LayoutIndex } from '../core/layout-index.js';
import type { LayoutFiles } from '../core/layout-reader.js';
import { mergeReferrers, checkReplaceable, replaceArchive } from './replace-archive.js';
import { overlay, readDocument, type LayoutBlobs } from '../core/layout-blobs.js';
import { PendingManifests } from './pending-manifests.js';
import { SingleFlight } from '../../content/single-flight.js';
import { StagingDirectory } from './staging-directory.js';

/** In milliseconds. Long, because another process may be writing gigabytes. */
const LOCK_HOLDER_TIMEOUT = 600_000;

const LOCK_PREFIX = '.multiarch-lock-';

/** The content of an archive: that of the file, and that which was written and is not yet committed to it. */
export class OciArchiveStore implements LayoutFiles {
  readonly #path: string;
  readonly #onWait: LockOptions['onWait'];
  readonly #staging: StagingDirectory;
  /** The blobs in the file. */
  readonly #archived: LayoutBlobs;
  readonly #blobs: LayoutBlobs;
  readonly #closing = new AbortController();
  /** The current one, and those that a commit has replaced while they were being read. */
  readonly #opened = new Set<TarArchive>();
  /** Before the first access: what killed processes have left may fill the disk. */
  readonly #sweeping = new SingleFlight(() => sweep(dirname(this.#path), isLockName));
  #currentLayout = this.#openOnce();
  #pending = new PendingManifests();
  /** The index with the pending tags, for as long as neither changes. */
  #tagged:
    | { readonly from: LayoutIndex; readonly pending: PendingManifests; readonly index: LayoutIndex }
    | undefined;

  /**
   * @param path absolute; the file need not exist
   * @param onWait see {@link LockOptions}
   */
  constructor(path: string, onWait?: LockOptions['onWait']) {
    this.#path = path;
    this.#onWait = onWait;
    this.#staging = new StagingDirectory(path);
    this.#archived = {
      blobSize: async (digest, options) => (await this.#layout(options))?.files.blobSize(digest, options),
      openBlob: async (descriptor, options) =>
        (await this.#layout(options))?.files.openBlob(descriptor, options),
    };
    this.#blobs = overlay([this.#staging, this.#archived]);
  }

  async readIndex(options?: ReadOptions): Promise<LayoutIndex | undefined> {
    // Read before the file: what a concurrent commit moves into the file must not be missed in both.
    const pending = this.#pending;
    const index = (await this.#layout(options))?.index;
    if (index === undefined && pending.isEmpty) return undefined;
    const from = index ?? EMPTY_LAYOUT_INDEX;
    if (this.#tagged?.from !== from || this.#tagged.pending !== pending) {
      this.#tagged = { from, pending, index: pending.tagged(from) };
    }
    return this.#tagged.index;
  }

  blobSize(digest: Digest, options?: ReadOptions): Promise<number | undefined> {
    return this.#blobs.blobSize(digest, options);
  }

  openBlob(descriptor: Descriptor, options?: ReadOptions): Promise<Readable | undefined> {
    return this.#blobs.openBlob(descriptor, options);
  }

  /** @throws InvalidError also if the file cannot be replaced, before gigabytes are written */
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

  /** Adds a manifest or index. It is written unless it exists undamaged. */
  async addDocument(
    document: ManifestOrIndex,
    tag: RefName | undefined,
    options: ReadOptions,
  ): Promise<void> {
    await this.#stage(document, options);
    const index = tag === undefined ? undefined : (await this.#layout(options))?.index;
    const before =
      index === undefined || tag === undefined ? undefined : findExactTag(index, tag, this.#path)?.digest;
    this.#pending = this.#pending.with(document, tag, { before });
  }

  /** As {@link addDocument}, for a referrers list, which a commit merges with the one in the file. */
  async addReferrersList(list: IndexDocument, tag: RefName, options: ReadOptions): Promise<void> {
    await this.#stage(list, options);
    this.#pending = this.#pending.with(list, tag, { isReferrersList: true });
  }

  /** Writes the pending content into the file. @throws as `replaceArchive` does */
  async commit(options: ReadOptions): Promise<void> {
    const pending = this.#pending;
    if (pending.isEmpty) return;
    const path = await realPath(this.#path);
    const added = await withLock(
      join(dirname(path), lockName(path)),
      (scratch) => this.#replace(path, scratch, pending, options),
      { signal: options.signal, holderTimeout: LOCK_HOLDER_TIMEOUT, onWait: this.#onWait },
    );
    const replaced = this.#currentLayout.result;
    // In this order, concurrent readers find everything in the file or in the staging directory.
    this.#currentLayout = this.#openOnce();
    this.#pending = this.#pending.without(pending);
    if (replaced !== undefined) void this.#closeReplaced(replaced.archive);
    await this.#staging.remove(added);
  }

  /** Closes open files and discards uncommitted content. May be called more than once. */
  close(): void {
    this.#closing.abort();
    for (const archive of this.#opened) archive.close();
    this.#staging.close();
  }

  async #closeReplaced(archive: TarArchive): Promise<void> {
    // Not at once: who has just received it begins to read before.
    await nextTurn();
    await archive.unused();
    archive.close();
    this.#opened.delete(archive);
  }

  async #layout({ signal }: ReadOptions = {}): Promise<OpenTarLayout | undefined> {
    if (this.#closing.signal.aborted) throw new FailedError(`cannot read ${this.#path}: it has been closed`);
    await this.#sweeping.get();
    const file = this.#currentLayout;
    const layout = await file.get(signal);
    // The file may be created later.
    if (layout === undefined && this.#currentLayout === file) this.#currentLayout = this.#openOnce();
    return layout;
  }

  /** @returns the staged digests that the file contains now */
  async #replace(
    path: string,
    scratch: Scratch,
    pending: PendingManifests,
    options: ReadOptions,
  ): Promise<Digest[]> {
    const current = await openTarLayout(path, options);
    try {
      const merged = current === undefined ? pending : await this.#merge(pending, current, options);
      return await replaceArchive(
        { path, scratch, current, pending: merged, staged: this.#staging, original: this.#archived },
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

  #openOnce(): SingleFlight<OpenTarLayout | undefined> {
    return new SingleFlight(async (abandoned) => {
      const { signal } = this.#closing;
      const joined = new JoinedSignal([signal, abandoned]);
      const layout = await joined.during((either) => openTarLayout(this.#path, { signal: either }));
      if (layout === undefined) return undefined;
      this.#opened.add(layout.archive);
      // The store was closed while the archive was being opened.
      if (signal.aborted) layout.archive.close();
      return layout;
    });
  }

  async #stage(document: ManifestOrIndex, options: ReadOptions): Promise<void> {
    if (await this.#contains(document, options)) return;
    await this.writeBlob(documentDescriptor(document), Readable.from([document.bytes]), options);
  }

  async #contains(document: ManifestOrIndex, options: ReadOptions): Promise<boolean> {
    try {
      return (await readDocument(this, documentDescriptor(document), this.#path, options)) !== undefined;
    } catch (error) {
      if (error instanceof InvalidError) return false;
      throw error;
    }
  }
}

/** Follows symbolic links, so that a commit replaces the target instead of the link. */
async function realPath(path: string): Promise<string> {
  return (await withFileErrors('write', path, () => ifExists(() => realpath(path)))) ?? path;
}

/** The lock is beside the archive. Its name is cut to a length that file systems allow; archives may share a lock. */
function lockName(path: string): string {
  return LOCK_PREFIX + basename(path).slice(0, 50);
}

function isLockName(name: string): boolean {
  return name.startsWith(LOCK_PREFIX);
}
