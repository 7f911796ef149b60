import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import { replaceFile } from '../files/atomic-write.js';
import { errorCode } from '../files/file-error.js';
import type { LockOptions } from '../files/lock.js';
import { formatImageLocation, type ImageLocation } from '../oci/image-location.js';
import { makeStore, storeError, withDraftLock } from './draft-lock.js';
import { draftFileName, historyFileName } from './file-name.js';
import { formatHistory, parseHistory, type PushRecord } from './history-file.js';

/** How many pushes of a target are kept. */
export const KEPT_PUSHES = 20;

/**
 * What the pushes of this machine have moved, one file for each target beside its draft. It is not part of the draft:
 * it stays when the draft is removed, and is changed under the draft's lock.
 *
 * Everything throws FailedError where the disk refuses, and InvalidError where the file is damaged. What changes it
 * throws ConflictError where another process keeps the draft locked.
 */
export class PushHistory {
  readonly #directory: string;
  readonly #patience: number | undefined;

  /** @param directory that of the drafts; `options.patience`: see {@link LockOptions} */
  constructor(directory: string, options: Pick<LockOptions, 'patience'> = {}) {
    this.#directory = directory;
    this.#patience = options.patience;
  }

  /** The pushes of a target, the oldest first; none where there is no file. */
  load(target: ImageLocation): Promise<readonly PushRecord[]> {
    return readHistory(this.#directory, formatImageLocation(target));
  }

  /** Adds a push. Of more than {@link KEPT_PUSHES}, the oldest is forgotten. */
  add(target: ImageLocation, push: PushRecord): Promise<void> {
    return this.#edit(target, (pushes) => [...pushes, push].slice(-KEPT_PUSHES));
  }

  /** Forgets a push that was taken back, where it still is the last one. */
  async removeLast(target: ImageLocation, push: PushRecord): Promise<void> {
    await this.#edit(target, (pushes) =>
      isDeepStrictEqual(pushes.at(-1), push) ? pushes.slice(0, -1) : undefined,
    );
  }

  /** @param edit gives what is to be saved; `undefined` where nothing is */
  async #edit(
    target: ImageLocation,
    edit: (pushes: readonly PushRecord[]) => readonly PushRecord[] | undefined,
  ): Promise<void> {
    const name = formatImageLocation(target);
    await makeStore(this.#directory);
    await withDraftLock(
      join(this.#directory, draftFileName(name)),
      async (scratch) => {
        const next = edit(await readHistory(this.#directory, name));
        if (next === undefined) return;
        const path = join(this.#directory, historyFileName(name));
        try {
          await replaceFile(path, scratch, formatHistory(name, next));
        } catch (error) {
          throw storeError('write', path, error);
        }
      },
      { patience: this.#patience },
    );
  }
}

async function readHistory(directory: string, name: string): Promise<PushRecord[]> {
  const path = join(directory, historyFileName(name));
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw storeError('read', path, error);
  }
  return parseHistory(bytes, path, name);
}
