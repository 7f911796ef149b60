import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { withoutBudget } from '../../content/budget.js';
import { SingleFlight } from '../../content/single-flight.js';
import { replaceFile, writeFileAtomically } from '../../files/atomic-write.js';
import { withFileErrors } from '../../files/file-error.js';
import { withLock, type LockOptions } from '../../files/lock.js';
import { makeDirectory, MODES } from '../../files/make-directory.js';
import { sweep } from '../../files/sweep.js';
import { ArgumentError } from '../../oci/errors.js';
import { archiveHint } from '../tar/transport-hints.js';
import { readSmallFile } from './confined-file.js';
import {
  formatLayoutIndex,
  hasLayoutFile,
  INDEX_FILE,
  LAYOUT_FILE,
  LAYOUT_FILE_TEXT,
  readIndexFile,
  readLayoutIndex,
  type LayoutFileReader,
} from '../core/layout-documents.js';
import { EMPTY_LAYOUT_INDEX, type LayoutIndex } from '../core/layout-index.js';

/** A hidden name, which readers of layouts ignore. */
const LOCK = '.multiarch-lock';

/** The files `oci-layout` and `index.json` of an image layout (image-spec, "OCI Image Layout"). */
export class LayoutMetadata {
  readonly #root: string;
  readonly #onWait: LockOptions['onWait'];
  readonly #files: LayoutFileReader;
  readonly #creation = new SingleFlight(() => this.#create());
  readonly #sweeping = new SingleFlight(() => this.#sweep());
  /** The index as it was last read, and the state of its files before that. */
  #known: { readonly state: string; readonly index: LayoutIndex | undefined } | undefined;

  /**
   * @param root the layout's absolute path
   * @param onWait see {@link LockOptions}
   */
  constructor(root: string, onWait?: LockOptions['onWait']) {
    this.#root = root;
    this.#onWait = onWait;
    this.#files = {
      read: (name, limit) => readSmallFile(root, name, limit),
      label: (name) => join(root, name),
    };
  }

  /** As `readLayoutIndex`. @throws ArgumentError for a file instead of a directory */
  async readIndex(): Promise<LayoutIndex | undefined> {
    await checkLayoutPath(this.#root);
    await this.#sweeping.get();
    const state = await this.#fileState();
    if (state !== undefined && state === this.#known?.state) return this.#known.index;
    const index = await readLayoutIndex(this.#files);
    this.#known = state === undefined ? undefined : { state, index };
    return index;
  }

  /**
   * What changes whenever a metadata file is replaced or written; `undefined` if one is missing. Each read and write of a tag
   * reads the index, which may have thousands of entries.
   */
  async #fileState(): Promise<string | undefined> {
    const found = [LAYOUT_FILE, INDEX_FILE].map((name) => stat(join(this.#root, name), { bigint: true }));
    try {
      const states = await Promise.all(found);
      return states.map(({ ino, size, mtimeNs, ctimeNs }) => [ino, size, mtimeNs, ctimeNs].join(' ')).join();
    } catch {
      // Reading the file reports why.
      return undefined;
    }
  }

  /**
   * Creates an empty layout if there is none. Other files in the directory are kept.
   * @throws InvalidError if there is a layout of another version; ArgumentError for a file; FailedError
   */
  create(): Promise<void> {
    return this.#creation.get();
  }

  /**
   * Changes `index.json` under the layout's lock. If `edit` returns its argument, nothing is written unless the file is
   * missing. Unknown fields are kept.
   * @throws ConflictError if another process keeps the layout locked; CancelledError; FailedError
   */
  async editIndex(edit: (index: LayoutIndex) => LayoutIndex, signal?: AbortSignal): Promise<void> {
    const path = join(this.#root, INDEX_FILE);
    await withLock(
      join(this.#root, LOCK),
      async (scratch) => {
        // Not charged: a layout with many images is edited once for each new tag.
        const current = await withoutBudget(() => readIndexFile(this.#files));
        const index = current ?? EMPTY_LAYOUT_INDEX;
        const edited = edit(index);
        if (edited === current) return;
        await withFileErrors('write', path, () =>
          replaceFile(path, scratch, formatLayoutIndex(edited), { mode: MODES.sharedFile }),
        );
      },
      { signal, onWait: this.#onWait },
    );
    await this.#sweep();
  }

  async #create(): Promise<void> {
    await checkLayoutPath(this.#root);
    await withFileErrors('create', this.#root, () => makeDirectory(this.#root, MODES.sharedDirectory));
    await this.#sweeping.get();
    const hasLayout = await hasLayoutFile(this.#files);
    // Read before the first write: an `index.json` of another program means that the directory is not a layout.
    const index = await readIndexFile(this.#files);
    if (!hasLayout) await this.#writeLayoutFile();
    // Under the lock, and only if it is still missing: another process may have tagged an image.
    if (index === undefined) await this.editIndex((current) => current);
  }

  /** Removes what killed processes have left: before the first access, and after each change of the index. */
  #sweep(): Promise<void> {
    return sweep(this.#root, (name) => name === LOCK);
  }

  async #writeLayoutFile(): Promise<void> {
    const path = join(this.#root, LAYOUT_FILE);
    const bytes = Buffer.from(LAYOUT_FILE_TEXT);
    await withFileErrors('write', path, () =>
      writeFileAtomically(path, bytes, { temporaryDirectory: this.#root }),
    );
  }
}

/** @throws ArgumentError for a file: the tar file of a layout is often named with the transport of directories */
export async function checkLayoutPath(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) return;
  throw new ArgumentError(`oci:${path} is a file, not the directory of an image layout`, {
    hint: archiveHint(path),
  });
}
