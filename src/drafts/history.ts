import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import type { LockOptions } from '../files/lock.js';
import { formatImageLocation, type ImageLocation } from '../oci/image-location.js';
import {
  createStoreDirectory,
  readStoreFile,
  sweepStore,
  withDraftLock,
  writeStoreFile,
} from './store-files.js';
import { draftFileName, historyFileName } from './file-name.js';
import { formatHistory, parseHistory, type PushRecord } from './history-file.js';

/** The number of pushes that are kept for each target. */
export const MAX_PUSHES = 20;

/**
 * The tags that pushes from this machine have moved, in one file per target beside its draft. The file is changed under
 * the draft's lock and kept when the draft is removed.
 *
 * All methods throw FailedError if the file system fails and InvalidError if the file is damaged. Methods that change
 * the history throw ConflictError if another process keeps the draft locked.
 */
export class PushHistory {
  readonly #directory: string | undefined;
  readonly #locking: Pick<LockOptions, 'holderTimeout' | 'onWait'>;

  /**
   * @param directory the directory of the drafts; `undefined` if nothing can be recorded
   * @param options see {@link LockOptions}
   */
  constructor(directory: string | undefined, options: Pick<LockOptions, 'holderTimeout' | 'onWait'> = {}) {
    this.#directory = directory;
    this.#locking = options;
  }

  /** The pushes of a target, the oldest first. */
  async load(target: ImageLocation): Promise<readonly PushRecord[]> {
    return this.#directory === undefined ? [] : readHistory(this.#directory, formatImageLocation(target));
  }

  /** Adds a push. The oldest pushes over {@link MAX_PUSHES} are dropped. */
  add(target: ImageLocation, push: PushRecord): Promise<void> {
    return this.edit(target, (pushes) => [...pushes, push]);
  }

  /**
   * Replaces pushes, the oldest first, if they are still the last ones.
   * @param by default: none, so that they are removed
   */
  async replaceLast(
    target: ImageLocation,
    pushes: readonly PushRecord[],
    by: readonly PushRecord[] = [],
  ): Promise<void> {
    const count = pushes.length;
    await this.edit(target, (all) =>
      isDeepStrictEqual(all.slice(-count), pushes) ? [...all.slice(0, -count), ...by] : undefined,
    );
  }

  /**
   * Changes the history under its lock. The oldest pushes over {@link MAX_PUSHES} are dropped.
   * @param change returns the pushes to save, the oldest first; `undefined` to leave the file unchanged
   * @param options how long to wait for the lock
   */
  async edit(
    target: ImageLocation,
    change: (pushes: readonly PushRecord[]) => readonly PushRecord[] | undefined,
    options: Pick<LockOptions, 'signal' | 'holderTimeout'> = {},
  ): Promise<void> {
    const name = formatImageLocation(target);
    const directory = await createStoreDirectory(this.#directory);
    await sweepStore(directory);
    await withDraftLock(
      join(directory, draftFileName(name)),
      async (scratch) => {
        const next = change(await readHistory(directory, name));
        if (next === undefined) return;
        const path = join(directory, historyFileName(name));
        await writeStoreFile(path, scratch, formatHistory(name, next.slice(-MAX_PUSHES)));
      },
      { ...this.#locking, ...options },
    );
  }
}

async function readHistory(directory: string, name: string): Promise<PushRecord[]> {
  const path = join(directory, historyFileName(name));
  const bytes = await readStoreFile(path);
  return bytes === undefined ? [] : parseHistory(bytes, path, name);
}
