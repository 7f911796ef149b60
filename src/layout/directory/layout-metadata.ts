import { join } from 'node:path';

import { isBeingWritten, replaceFile, writeFileAtomically } from '../../files/atomic-write.js';
import { fileError } from '../../files/file-error.js';
import { lockBeingMade, withLock } from '../../files/lock.js';
import { makeDirectory } from '../../files/make-directory.js';
import { sweep } from '../../files/sweep.js';
import { readSmallFile } from './confined-file.js';
import {
  hasMarker,
  INDEX_FILE,
  MARKER_FILE,
  MARKER_TEXT,
  readIndexFile,
  readLayoutIndex,
  type LayoutFileReader,
} from '../core/layout-documents.js';
import { EMPTY_LAYOUT_INDEX, type LayoutIndex } from '../core/layout-index.js';

/** A hidden name, which readers of layouts pass over. */
const LOCK = '.multiarch-lock';

/** The two files of an image layout beside its blobs (image-spec, "OCI Image Layout"): `oci-layout` and `index.json`. */
export class LayoutMetadata {
  readonly #root: string;
  readonly #files: LayoutFileReader;
  #created: Promise<void> | undefined;

  /** @param root the layout's absolute path */
  constructor(root: string) {
    this.#root = root;
    this.#files = {
      read: (name, limit) => readSmallFile(root, name, limit),
      label: (name) => join(root, name),
    };
  }

  /**
   * Reads `index.json`. A layout without one is empty; where there is no layout at all, the answer is `undefined`.
   * @throws InvalidError where `oci-layout` or `index.json` is not what it should be
   */
  readIndex(): Promise<LayoutIndex | undefined> {
    return readLayoutIndex(this.#files);
  }

  /**
   * Makes an empty layout where there is none. What is in the directory stays.
   * @throws InvalidError where there is a layout of another version, FailedError
   */
  async create(): Promise<void> {
    this.#created ??= this.#create();
    try {
      await this.#created;
    } catch (error) {
      this.#created = undefined;
      throw error;
    }
  }

  /**
   * Replaces `index.json` by what `edit` makes of it, while no other writer of ours does. When `edit` gives back what it
   * was given, nothing is written, unless there is no such file yet. Fields that are unknown here are there, and stay.
   * @throws ConflictError where another process keeps it locked, CancelledError while it waits, FailedError
   */
  async editIndex(edit: (index: LayoutIndex) => LayoutIndex, signal?: AbortSignal): Promise<void> {
    const path = join(this.#root, INDEX_FILE);
    await withLock(
      join(this.#root, LOCK),
      async (scratch) => {
        const current = await readIndexFile(this.#files);
        const index = current ?? EMPTY_LAYOUT_INDEX;
        const edited = edit(index);
        if (edited === current) return;
        try {
          await replaceFile(path, scratch, JSON.stringify(edited));
        } catch (error) {
          throw fileError('write', path, error);
        }
      },
      { signal },
    );
    await sweep(this.#root, isLeftover);
  }

  async #create(): Promise<void> {
    try {
      await makeDirectory(this.#root);
    } catch (error) {
      throw fileError('make', this.#root, error);
    }
    const isMarked = await hasMarker(this.#files);
    // Before anything is written: an `index.json` of something else says that the directory is no layout.
    const index = await readIndexFile(this.#files);
    if (!isMarked) await this.#writeMarker();
    // Under the lock, and only where there is still none: an image may have been tagged meanwhile.
    if (index === undefined) await this.editIndex((current) => current);
  }

  async #writeMarker(): Promise<void> {
    const path = join(this.#root, MARKER_FILE);
    const bytes = Buffer.from(MARKER_TEXT);
    try {
      await writeFileAtomically(path, bytes, { temporaryDirectory: this.#root });
    } catch (error) {
      throw fileError('write', path, error);
    }
  }
}

/** Whether only a killed process can have left this, once it is old. */
function isLeftover(name: string): boolean {
  return isBeingWritten(name) || lockBeingMade(name) === LOCK;
}
