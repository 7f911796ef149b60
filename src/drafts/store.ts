import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { ifExists } from '../files/file-error.js';
import type { LockOptions, Scratch } from '../files/lock.js';
import { InvalidError, NotFoundError } from '../oci/errors.js';
import { formatImageLocation, type ImageLocation } from '../oci/image-location.js';
import { invalidDocument } from '../oci/validate.js';
import type { Draft } from './draft.js';
import { formatDraft, parseDraft } from './draft-file.js';
import { draftFileName, draftTarget, isDraftFileName } from './file-name.js';
import {
  checkRemovable,
  createStoreDirectory,
  isReadableDirectory,
  readStoreFile,
  removeStoreFile,
  sweepStore,
  withDraftLock,
  withStoreErrors,
  writeStoreFile,
} from './store-files.js';

/** The drafts of a store. */
export interface DraftList {
  /** Sorted by target. */
  readonly drafts: readonly Draft[];
  /** When each draft was last changed, by target. */
  readonly changedAt: ReadonlyMap<string, Date>;
  readonly damaged: readonly DamagedDraft[];
}

/** A file of the store that cannot be read as a draft. */
export interface DamagedDraft {
  readonly path: string;
  /** Why the file cannot be read, as a message. */
  readonly problem: string;
  /** The draft's name, if it can be derived from the file name. */
  readonly target?: string;
}

/**
 * The drafts in a directory, one file each. Several processes may use it at the same time. The directory is created when
 * the first draft is saved. Files with other names are ignored.
 *
 * All methods throw FailedError if the file system fails and InvalidError if the draft's file is damaged; other drafts
 * are not affected. Methods that change a draft throw ConflictError if another process keeps it locked.
 */
export class DraftStore {
  readonly #directory: string | undefined;
  readonly #locking: Pick<LockOptions, 'holderTimeout' | 'onWait'>;
  #sweeping: Promise<void> | undefined;

  /**
   * @param directory `undefined` for a store that has no drafts and cannot save any
   * @param options see {@link LockOptions}
   */
  constructor(directory: string | undefined, options: Pick<LockOptions, 'holderTimeout' | 'onWait'> = {}) {
    this.#directory = directory;
    this.#locking = options;
  }

  /** @throws NotFoundError */
  async load(target: ImageLocation): Promise<Draft> {
    const draft = await this.find(target);
    if (draft === undefined) throw noSuchDraft(formatImageLocation(target));
    return draft;
  }

  /** As {@link load}, but returns `undefined` if the draft does not exist. */
  async find(target: ImageLocation): Promise<Draft | undefined> {
    const name = formatImageLocation(target);
    await this.#sweepOnce();
    return this.#directory === undefined ? undefined : readDraft(pathOf(this.#directory, name), name);
  }

  /** Reports whether a draft exists, even if it is damaged. */
  async has(target: ImageLocation): Promise<boolean> {
    await this.#sweepOnce();
    return this.#directory !== undefined && exists(pathOf(this.#directory, formatImageLocation(target)));
  }

  /** Reports whether this user can read the store. One that does not exist counts as readable. */
  async isReadable(): Promise<boolean> {
    return this.#directory === undefined || isReadableDirectory(this.#directory);
  }

  /**
   * Creates, changes or removes a draft under its lock. On failure the draft keeps its old content.
   *
   * @param edit maps the current draft, or `undefined` if it does not exist, to the draft to save; `undefined` removes
   *   the draft
   * @returns the result of `edit`
   * @throws CancelledError; the error of `edit`, unchanged
   */
  async update<T extends Draft | undefined>(
    target: ImageLocation,
    edit: (current: Draft | undefined) => T,
    options: Pick<LockOptions, 'signal'> = {},
  ): Promise<T> {
    const name = formatImageLocation(target);
    const directory = await createStoreDirectory(this.#directory);
    const path = pathOf(directory, name);
    await sweepStore(directory);
    return this.#locked(path, options, async (scratch) => {
      const current = await readDraft(path, name);
      const next = edit(current);
      if (next !== undefined && next !== current) await save(path, scratch, name, next);
      else if (next === undefined && current !== undefined) await removeStoreFile(path);
      return next;
    });
  }

  /** Removes a draft, even if it is damaged. @throws NotFoundError, CancelledError */
  async remove(target: ImageLocation, options: Pick<LockOptions, 'signal'> = {}): Promise<void> {
    const name = formatImageLocation(target);
    const directory = this.#directory;
    await this.#sweepOnce();
    const isRemoved = directory !== undefined && (await this.#removeFile(pathOf(directory, name), options));
    if (!isRemoved) throw noSuchDraft(name);
  }

  /** Checks that {@link remove} will not fail for want of rights, as far as that is possible. @throws FailedError */
  async checkRemovable(): Promise<void> {
    if (this.#directory !== undefined) await checkRemovable(this.#directory);
  }

  /**
   * Removes all drafts, even damaged ones. All are tried before anything is thrown.
   * @returns their names, or the path of a draft whose name is unknown
   * @throws CancelledError
   */
  async removeAll(options: Pick<LockOptions, 'signal'> = {}): Promise<readonly string[]> {
    const directory = this.#directory;
    if (directory === undefined) return [];
    await this.#sweepOnce();
    const errors: unknown[] = [];
    const files = await filesIn(directory);
    for (const file of files) {
      await this.#removeFile(join(directory, file), options).catch((error: unknown) => errors.push(error));
    }
    if (errors.length > 0) throw errors[0];
    return files.map((file) => draftTarget(file) ?? join(directory, file));
  }

  /** Reads all drafts, and reports the damaged ones separately. */
  async list(): Promise<DraftList> {
    const drafts: Draft[] = [];
    const changedAt = new Map<string, Date>();
    const damaged: DamagedDraft[] = [];
    const directory = this.#directory;
    if (directory === undefined) return { drafts, changedAt, damaged };
    await this.#sweepOnce();
    for (const file of await filesIn(directory)) {
      const path = join(directory, file);
      const target = draftTarget(file);
      try {
        const draft = await readDraft(path, target);
        const changed = draft && (await ifExists(() => lstat(path)))?.mtime;
        if (draft === undefined || changed === undefined) continue;
        drafts.push(draft);
        changedAt.set(draft.target, changed);
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        damaged.push({ path, problem, ...(target !== undefined && { target }) });
      }
    }
    return { drafts: drafts.sort((a, b) => (a.target < b.target ? -1 : 1)), changedAt, damaged };
  }

  /** Removes what killed processes have left before the first access; {@link update} does so each time. */
  async #sweepOnce(): Promise<void> {
    if (this.#directory === undefined) return;
    this.#sweeping ??= sweepStore(this.#directory);
    await this.#sweeping;
  }

  #locked<T>(
    path: string,
    { signal }: Pick<LockOptions, 'signal'>,
    work: (scratch: Scratch) => Promise<T>,
  ): Promise<T> {
    return withDraftLock(path, work, { ...this.#locking, signal });
  }

  /** @returns `false` if the file does not exist */
  async #removeFile(path: string, options: Pick<LockOptions, 'signal'>): Promise<boolean> {
    // Checked before locking: the lock cannot be created if the store's directory is missing.
    if (!(await exists(path))) return false;
    return this.#locked(path, options, async () => {
      const isPresent = await exists(path);
      if (isPresent) await removeStoreFile(path);
      return isPresent;
    });
  }
}

function pathOf(directory: string, name: string): string {
  return join(directory, draftFileName(name));
}

async function filesIn(directory: string): Promise<string[]> {
  const names = await withStoreErrors('read', directory, () => ifExists(() => readdir(directory)));
  return (names ?? []).filter(isDraftFileName).sort();
}

/** @param name the name that the draft must have; `undefined` if the file name does not determine it */
async function readDraft(path: string, name: string | undefined): Promise<Draft | undefined> {
  const bytes = await readStoreFile(path);
  if (bytes === undefined) return undefined;
  try {
    const draft = parseDraft(bytes, path);
    checkTarget(draft, path, name);
    return draft;
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    const remedy =
      name === undefined
        ? 'Remove the file, then create the draft again.'
        : `Run \`multiarch rm ${name}\`, then create it again.`;
    throw new InvalidError(error.message, {
      problems: error.problems,
      hint: error.hint === undefined ? remedy : `${error.hint} ${remedy}`,
      cause: error,
    });
  }
}

/** A file that was copied or renamed by hand would be published under a name that the user did not ask for. */
function checkTarget(draft: Draft, path: string, name: string | undefined): void {
  const isExpected = name === undefined ? path.endsWith(draftFileName(draft.target)) : draft.target === name;
  if (isExpected) return;
  const message = `is ${draft.target}, which does not match the file name`;
  throw invalidDocument(`the draft in ${path}`, [{ pointer: '/target', message, rule: 'draft/target' }]);
}

async function save(path: string, scratch: Scratch, name: string, draft: Draft): Promise<void> {
  const text = formatDraft(draft);
  if (draft.target !== name) {
    throw new InvalidError(`the draft ${draft.target} cannot be saved as ${name}`);
  }
  await writeStoreFile(path, scratch, text);
}

/** A symbolic link exists, whatever its target. */
async function exists(path: string): Promise<boolean> {
  return (await withStoreErrors('read', path, () => ifExists(() => lstat(path)))) !== undefined;
}

function noSuchDraft(name: string): NotFoundError {
  return new NotFoundError(`No such manifest: ${name}`, {
    hint: 'Run `multiarch ls` to list the drafts.',
  });
}
