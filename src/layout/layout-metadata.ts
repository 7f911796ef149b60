import { join } from 'node:path';

import { isBeingWritten, replaceFile, writeFileAtomically } from '../files/atomic-write.js';
import { fileError } from '../files/file-error.js';
import { lockBeingMade, withLock } from '../files/lock.js';
import { makeDirectory } from '../files/make-directory.js';
import { sweep } from '../files/sweep.js';
import { parseJson } from '../oci/json.js';
import { MAX_MANIFEST_PULL } from '../oci/limits.js';
import { invalidDocument, validateDocument } from '../oci/validate.js';
import { readSmallFile } from './confined-file.js';
import { EMPTY_LAYOUT_INDEX, parseLayoutIndex, type LayoutIndex } from './layout-index.js';

const MARKER = 'oci-layout';
const INDEX = 'index.json';
/** A hidden name, which readers of layouts pass over. */
const LOCK = '.multiarch-lock';
const VERSION = '1.0.0';
const MARKER_LIMIT = 64 << 10;

/** The two files of an image layout beside its blobs (image-spec, "OCI Image Layout"): `oci-layout` and `index.json`. */
export class LayoutMetadata {
  readonly #root: string;
  #created: Promise<void> | undefined;

  /** @param root the layout's absolute path */
  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Reads `index.json`. A layout without one is empty; where there is no layout at all, the answer is `undefined`.
   * @throws InvalidError where `oci-layout` or `index.json` is not what it should be
   */
  async readIndex(): Promise<LayoutIndex | undefined> {
    return (await this.#readMarker()) ? ((await this.#readIndexFile()) ?? EMPTY_LAYOUT_INDEX) : undefined;
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
    const path = join(this.#root, INDEX);
    await withLock(
      join(this.#root, LOCK),
      async (scratch) => {
        const current = await this.#readIndexFile();
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
    if (!(await this.#readMarker())) await this.#writeMarker();
    // Under the lock, and only where there is still none: an image may have been tagged meanwhile.
    if ((await this.#readIndexFile()) === undefined) await this.editIndex((index) => index);
  }

  async #readMarker(): Promise<boolean> {
    const bytes = await readSmallFile(this.#root, MARKER, MARKER_LIMIT);
    if (bytes === undefined) return false;
    const path = join(this.#root, MARKER);
    const problems = validateDocument('oci-layout', parseJson(bytes, path));
    if (problems.length > 0) throw invalidDocument(path, problems);
    return true;
  }

  async #readIndexFile(): Promise<LayoutIndex | undefined> {
    const bytes = await readSmallFile(this.#root, INDEX, MAX_MANIFEST_PULL);
    return bytes === undefined ? undefined : parseLayoutIndex(bytes, join(this.#root, INDEX));
  }

  async #writeMarker(): Promise<void> {
    const path = join(this.#root, MARKER);
    const bytes = Buffer.from(JSON.stringify({ imageLayoutVersion: VERSION }));
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
