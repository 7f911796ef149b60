import { createHash, randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { cancelled, ConflictError, FailedError } from '../oci/errors.js';
import { isAbandoned } from './abandoned.js';
import { errorCode, ifExists, withFileErrors } from './file-error.js';
import { MODES } from './make-directory.js';
import {
  currentProcess,
  parseProcessIdentity,
  processStatus,
  type ProcessIdentity,
} from './process-identity.js';
import { readRegularFile } from './regular-file.js';
import { temporaryName } from './temporary-name.js';

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for one holder, in milliseconds. @default 30000 */
  readonly holderTimeout?: number | undefined;
  /** Waits between two attempts; may return early when the signal fires. @default a real timer */
  readonly sleep?: ((milliseconds: number, signal: AbortSignal | undefined) => Promise<void>) | undefined;
  /**
   * Called when a wait for another holder begins, after 5 s, and each time it has doubled; and with `isOver` when the lock was
   * taken after that.
   */
  readonly onWait?:
    | ((wait: {
        readonly path: string;
        readonly holder: ProcessIdentity | undefined;
        readonly milliseconds: number;
        readonly isOver: boolean;
      }) => void)
    | undefined;
  /** What hints offer if the directory cannot be used: see `fileError`. */
  readonly alternative?: string | undefined;
}

/** A file in the directory of a lock that its holder may create and rename into place. */
export interface Scratch {
  readonly path: string;
  /** The path of a file that exists as long as the lock is held. */
  readonly holder: string;
}

const LOCK_SUFFIX = '.lock';
const MAX_NAME_BYTES = 255;
const ID = /^[0-9a-f]{16}$/;
const SCRATCH_SUFFIX = '.new';
const SCRATCH = /^[0-9a-f]{16}\.new$/;
const DEFAULT_HOLDER_TIMEOUT = 30_000;
const MAX_PAUSE = 32;
/** In milliseconds: the second report of a wait. */
const REPORT_AFTER = 5_000;

/**
 * Runs `work` under an exclusive lock between processes and within this one.
 *
 * The lock is a directory that contains a file with a unique ID as its name; the file's content describes the holder.
 * The directory is created under a temporary name and renamed into place, which fails if a non-empty directory exists: a
 * lock is complete or absent, even if a process is killed. Only its user can open it, whatever the umask.
 *
 * The lock of a dead process is released by removing the files that carry its ID. Several processes may do so at the
 * same time: a lock that is taken in between has another ID and cannot be removed by mistake.
 *
 * If it is not certain that the holder has exited, waiting ends with an error that names the lock to remove, until the lock
 * has not changed for an hour: a holder on another machine or in another container (a store on a shared volume), a file that
 * a power failure has damaged, and, outside Linux, a PID that has been reused. A holder of this machine that was suspended (a
 * laptop asleep) keeps its lock. Any other one that was suspended for longer finds its scratch file missing, and fails.
 *
 * @param path the lock directory; its parent must exist
 * @param work called with the scratch file that `replaceFile` takes. The file is in the directory of the lock and removed
 *   with it, so a holder whose lock was removed by hand cannot overwrite the work of the next holder.
 * @throws ConflictError if one holder keeps the lock longer than `holderTimeout`; FailedError if the file system fails;
 *   CancelledError while waiting; the error of `work`, unchanged
 */
export async function withLock<T>(
  path: string,
  work: (scratch: Scratch) => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const id = randomBytes(8).toString('hex');
  await withFileErrors('lock', path, () => acquire(path, id, options), options.alternative);
  try {
    return await work({ path: join(path, id + SCRATCH_SUFFIX), holder: join(path, id) });
  } finally {
    // The outcome of the work matters more than a leftover lock, which the next process releases.
    await release(path, id).catch(() => {});
  }
}

async function acquire(path: string, id: string, options: LockOptions): Promise<void> {
  const { signal, holderTimeout = DEFAULT_HOLDER_TIMEOUT, sleep = wait, onWait } = options;
  let lastId: string | undefined;
  let waited = 0;
  /** The wait for all holders, and when it is reported next. */
  let total = 0;
  let report = 0;
  let pause = 1;
  for (;;) {
    if (signal?.aborted === true) throw cancelled(signal, `lock ${path}`);
    const current = await readLock(path);
    if (current === undefined && (await tryTake(path, id))) {
      if (report > 0) onWait?.({ path, holder: undefined, milliseconds: total, isOver: true });
      return;
    }
    if (current !== undefined && (await isReleasable(path, current))) {
      await release(path, current.id);
      continue;
    }
    // A new holder: the lock is in use, and nothing hangs.
    if (current?.id !== lastId) waited = 0;
    lastId = current?.id;
    if (waited >= holderTimeout) throw lockedError(path, current?.holder);
    if (total >= report) {
      onWait?.({ path, holder: current?.holder, milliseconds: total, isOver: false });
      report = Math.max(REPORT_AFTER, 2 * total);
    }
    await sleep(pause, signal);
    waited += pause;
    total += pause;
    pause = Math.min(pause * 2, MAX_PAUSE);
  }
}

async function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  // It rejects only when the signal fires, which the caller checks next.
  await delay(milliseconds, undefined, { signal }).catch(() => {});
}

/** Tries to take the lock. Returns `false` if another process was faster. */
async function tryTake(path: string, id: string): Promise<boolean> {
  const candidate = join(dirname(path), temporaryName());
  await mkdir(candidate, { mode: MODES.privateDirectory });
  try {
    const options = { flag: 'wx', mode: MODES.privateFile };
    await writeFile(join(candidate, id), `${JSON.stringify(currentProcess())}\n`, options);
    await rename(candidate, path);
    return true;
  } catch (error) {
    await rm(candidate, { recursive: true, force: true });
    if (isOccupied(error)) return false;
    throw error;
  }
}

/** Reports whether a directory could not be renamed or removed because a non-empty one exists. */
function isOccupied(error: unknown): boolean {
  const code = errorCode(error) ?? '';
  if (process.platform === 'win32') return ['EPERM', 'EACCES', 'EEXIST', 'ENOTEMPTY'].includes(code);
  return ['EEXIST', 'ENOTEMPTY'].includes(code);
}

interface HeldLock {
  /** Empty if the lock belongs to another user. */
  readonly id: string;
  /** Absent if the file cannot be read or is damaged, for example after a power failure. */
  readonly holder?: ProcessIdentity;
}

/**
 * Returns the path of the lock for a file, beside it. Names with more than 255 bytes are not possible on most file systems.
 */
export function lockPathOf(file: string): string {
  const path = file + LOCK_SUFFIX;
  if (Buffer.byteLength(basename(path)) <= MAX_NAME_BYTES) return path;
  return join(dirname(file), createHash('sha256').update(basename(file)).digest('hex') + LOCK_SUFFIX);
}

/** Releases a lock that is abandoned. */
export async function releaseAbandonedLock(path: string): Promise<void> {
  const current = await readLock(path);
  if (current !== undefined && (await isReleasable(path, current))) await release(path, current.id);
}

async function isReleasable(path: string, { id, holder }: HeldLock): Promise<boolean> {
  if (!ID.test(id)) return false;
  const status = holder === undefined ? 'unknown' : await processStatus(holder, currentProcess());
  // Another process may release it at the same time.
  return (await ifExists(() => isAbandoned(path, status))) ?? false;
}

/**
 * Reads the current lock; `undefined` if the lock is free.
 * @throws FailedError for a symbolic link, through which other files would be removed
 */
function readLock(path: string): Promise<HeldLock | undefined> {
  return ifExists(async () => {
    if ((await lstat(path)).isSymbolicLink()) {
      throw new FailedError(`cannot lock ${path}: it is a symbolic link`, { hint: 'Remove it.' });
    }
    const names = await namesIn(path);
    // The lock of another user.
    if (names === undefined) return { id: '' };
    const id = names.find((name) => !SCRATCH.test(name));
    if (id === undefined) {
      // A lock without this file is free: it is being released, or its holder was killed while releasing it.
      await Promise.all(names.map((name) => rm(join(path, name), { force: true })));
      await removeIfEmpty(path);
      return undefined;
    }
    const holder = parseProcessIdentity((await readRegularFile(join(path, id))).toString('utf8'));
    return holder === undefined ? { id } : { id, holder };
  });
}

async function namesIn(path: string): Promise<string[] | undefined> {
  try {
    return await readdir(path);
  } catch (error) {
    if (errorCode(error) === 'EACCES') return undefined;
    throw error;
  }
}

/** Removes the files of this holder, the file that marks the lock as held last. */
async function release(path: string, id: string): Promise<void> {
  await rm(join(path, id + SCRATCH_SUFFIX), { force: true });
  await rm(join(path, id), { force: true });
  await removeIfEmpty(path);
}

async function removeIfEmpty(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    // Already removed, or taken by the next holder.
    if (errorCode(error) !== 'ENOENT' && !isOccupied(error)) throw error;
  }
}

function lockedError(path: string, holder: ProcessIdentity | undefined): ConflictError {
  const owner = holder === undefined ? 'another program' : `process ${holder.pid} on ${holder.host}`;
  return new ConflictError(`${path} is locked by ${owner}`, {
    hint: 'Try again when it has finished. If it is no longer running, remove the lock directory.',
  });
}
