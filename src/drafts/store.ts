import { readFile, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { replaceFile } from '../files/atomic-write.js';
import { errorCode } from '../files/file-error.js';
import type { LockOptions } from '../files/lock.js';
import { sweep } from '../files/sweep.js';
import { InvalidError, NotFoundError } from '../oci/errors.js';
import { formatImageLocation, type ImageLocation } from '../oci/image-location.js';
import { invalidDocument } from '../oci/validate.js';
import type { Draft } from './draft.js';
import { formatDraft, parseDraft } from './draft-file.js';
import { isLockBeingMade, makeStore, storeError, withDraftLock } from './draft-lock.js';
import { draftFileName, draftTarget, isDraftFileName } from './file-name.js';

export interface DraftList {
  /** Sorted by target. */
  readonly drafts: readonly Draft[];
  readonly damaged: readonly DamagedDraft[];
}

export interface DamagedDraft {
  readonly path: string;
  /** What is wrong with the file, for a person to read. */
  readonly problem: string;
  /** The draft's name, where the file's name tells it. */
  readonly target?: string;
}

/**
 * The drafts in a directory, one file each; any number of processes may use it at once. The directory is made when the
 * first draft is saved. Files of other names are left alone.
 *
 * Everything throws FailedError where the disk refuses, and InvalidError where the file of the draft is damaged; other
 * drafts are not touched by either. What changes a draft throws ConflictError where another process keeps it locked.
 */
export class DraftStore {
  readonly directory: string;
  readonly #patience: number | undefined;

  /** @param options `patience`: see {@link LockOptions} */
  constructor(directory: string, options: Pick<LockOptions, 'patience'> = {}) {
    this.directory = directory;
    this.#patience = options.patience;
  }

  /** @throws NotFoundError */
  async load(target: ImageLocation): Promise<Draft> {
    const draft = await this.find(target);
    if (draft === undefined) throw noSuchDraft(formatImageLocation(target));
    return draft;
  }

  /** As {@link load}, but `undefined` where there is no such draft. */
  find(target: ImageLocation): Promise<Draft | undefined> {
    const name = formatImageLocation(target);
    return readDraft(this.#path(name), name);
  }

  /**
   * Changes a draft, or makes one, while nobody else does. What fails, or is killed, leaves the draft as it was.
   *
   * @param edit is given the draft, `undefined` where there is none, and gives back what is to be saved: `undefined`
   *   removes the draft. What it throws is thrown, and nothing is saved.
   * @returns what `edit` gave
   * @throws CancelledError
   */
  async update<T extends Draft | undefined>(
    target: ImageLocation,
    edit: (current: Draft | undefined) => T,
    options: Pick<LockOptions, 'signal'> = {},
  ): Promise<T> {
    const name = formatImageLocation(target);
    const path = this.#path(name);
    await makeStore(this.directory);
    const result = await this.#locked(path, options, async (scratch) => {
      const current = await readDraft(path, name);
      const next = edit(current);
      if (next !== undefined && next !== current) await save(path, scratch, name, next);
      else if (next === undefined && current !== undefined) await unlink(path);
      return next;
    });
    await sweep(this.directory, isLockBeingMade);
    return result;
  }

  /** Removes a draft, damaged or not. @throws NotFoundError, CancelledError */
  async remove(target: ImageLocation, options: Pick<LockOptions, 'signal'> = {}): Promise<void> {
    const name = formatImageLocation(target);
    const path = this.#path(name);
    if (!(await this.#removeFile(path, options))) throw noSuchDraft(name);
    await sweep(this.directory, isLockBeingMade);
  }

  /** Removes all drafts, damaged or not. @throws CancelledError */
  async removeAll(options: Pick<LockOptions, 'signal'> = {}): Promise<void> {
    for (const file of await this.#files()) await this.#removeFile(join(this.directory, file), options);
    await sweep(this.directory, isLockBeingMade);
  }

  /** Reads all drafts. A damaged one is reported beside the others. */
  async list(): Promise<DraftList> {
    const drafts: Draft[] = [];
    const damaged: DamagedDraft[] = [];
    for (const file of await this.#files()) {
      const path = join(this.directory, file);
      const target = draftTarget(file);
      try {
        const draft = await readDraft(path, target);
        if (draft !== undefined) drafts.push(draft);
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        damaged.push({ path, problem, ...(target !== undefined && { target }) });
      }
    }
    return { drafts: drafts.sort((a, b) => (a.target < b.target ? -1 : 1)), damaged };
  }

  #path(name: string): string {
    return join(this.directory, draftFileName(name));
  }

  #locked<T>(
    path: string,
    { signal }: Pick<LockOptions, 'signal'>,
    work: (scratch: string) => Promise<T>,
  ): Promise<T> {
    return withDraftLock(path, work, { signal, patience: this.#patience });
  }

  /** @returns `false` where there is no such file */
  async #removeFile(path: string, options: Pick<LockOptions, 'signal'>): Promise<boolean> {
    // Asked first, since a lock cannot be made in a store that is not there.
    if (!(await exists(path))) return false;
    return this.#locked(path, options, async () => {
      const isThere = await exists(path);
      if (isThere) await unlink(path);
      return isThere;
    });
  }

  async #files(): Promise<string[]> {
    try {
      return (await readdir(this.directory)).filter(isDraftFileName).sort();
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [];
      throw storeError('read', this.directory, error);
    }
  }
}

/** @param name whose draft the file must hold; `undefined` for a file whose name does not tell it */
async function readDraft(path: string, name: string | undefined): Promise<Draft | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw storeError('read', path, error);
  }
  try {
    const draft = parseDraft(bytes, path);
    checkTarget(draft, path, name);
    return draft;
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    const remedy =
      name === undefined
        ? 'Remove the file, then create the draft again.'
        : `\`multiarch rm ${name}\` removes it; then create it again.`;
    throw new InvalidError(error.message, {
      problems: error.problems,
      hint: error.hint === undefined ? remedy : `${error.hint} ${remedy}`,
      cause: error,
    });
  }
}

/** A file that was copied or renamed by hand would publish under another name than the one that was asked for. */
function checkTarget(draft: Draft, path: string, name: string | undefined): void {
  const isAsked = name === undefined ? path.endsWith(draftFileName(draft.target)) : draft.target === name;
  if (isAsked) return;
  const message = `is ${draft.target}, which is not what the file is named after`;
  throw invalidDocument(`the draft in ${path}`, [{ pointer: '/target', message, rule: 'draft/target' }]);
}

async function save(path: string, scratch: string, name: string, draft: Draft): Promise<void> {
  const text = formatDraft(draft);
  if (draft.target !== name) {
    throw new InvalidError(`the draft ${draft.target} cannot be saved as ${name}`);
  }
  try {
    await replaceFile(path, scratch, text);
  } catch (error) {
    throw storeError('write', path, error);
  }
}

async function unlink(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw storeError('remove', path, error);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw storeError('read', path, error);
  }
}

function noSuchDraft(name: string): NotFoundError {
  return new NotFoundError(`No such manifest: ${name}`, {
    hint: '`multiarch ls` shows the drafts that there are.',
  });
}
