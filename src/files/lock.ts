import { randomBytes } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { cancelled, ConflictError } from '../oci/errors.js';
import { errorCode, fileError } from './file-error.js';
import { isGone, parseLockHolder, thisProcess, type LockHolder } from './lock-holder.js';

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long one holder may keep the others waiting, in milliseconds. @default 30000 */
  readonly patience?: number | undefined;
  /** Waits between two looks at a lock that another holds; may end early when the signal fires. @default a real timer */
  readonly sleep?: ((milliseconds: number, signal: AbortSignal | undefined) => Promise<void>) | undefined;
  /** What hints offer where the directory cannot be used: see `fileError`. */
  readonly elsewhere?: string | undefined;
}

/** The name of a lock that is still being made, after that of the lock. A process that is killed just then leaves it. */
const CANDIDATE = /^(.+)\.[0-9a-f]{16}\.tmp$/;
const SCRATCH_SUFFIX = '.new';
const SCRATCH = /^[0-9a-f]{16}\.new$/;
const PATIENCE = 30_000;
const LONGEST_PAUSE = 32;

/**
 * Runs `work` while nobody else, in this process or another, does so under the same lock.
 *
 * The lock is a directory that holds a file named by a number that is never used twice; what is in the file says
 * which process holds the lock. The directory is made beside and renamed into place, which fails where one that holds
 * something stands already: so a lock is there whole or not at all, whenever a process is killed.
 *
 * The lock of a dead process is freed by removing the files that carry its number. Others may do the same at the
 * same moment: whatever lock is taken in between has another number, so nobody can remove it by mistake.
 *
 * What cannot be told is left alone, and waiting ends with an error that says which file to remove: a holder on another
 * machine or in another container (a store on a shared volume), and, outside Linux, a dead process's number that
 * another process has now. A holder that was stopped for long (a laptop asleep) keeps its lock.
 *
 * @param path the lock; the directory that it is in must exist
 * @param work is given the path of an empty file that it may write and rename into place: nobody else writes there, and
 *   what it leaves there is removed. The file was made with the lock and goes with it, so a holder that lost its lock
 *   (to somebody who removed it by hand) cannot put its own in the place of what the next holder wrote.
 * @throws ConflictError when one holder keeps it longer than `patience`; FailedError where the disk refuses;
 *   CancelledError while it waits; and what `work` throws, as it came
 */
export async function withLock<T>(
  path: string,
  work: (scratch: string) => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const id = randomBytes(8).toString('hex');
  try {
    await acquire(path, id, options);
  } catch (error) {
    throw fileError('lock', path, error, options.elsewhere);
  }
  try {
    return await work(join(path, id + SCRATCH_SUFFIX));
  } finally {
    // The work is done or has failed for a reason of its own, which matters more than a lock that stays behind:
    // that one is freed by the next process.
    await free(path, id).catch(() => {});
  }
}

async function acquire(path: string, id: string, options: LockOptions): Promise<void> {
  const { signal, patience = PATIENCE, sleep = wait } = options;
  const me = await thisProcess();
  let last: string | undefined;
  let waited = 0;
  let pause = 1;
  for (;;) {
    if (signal?.aborted === true) throw cancelled(signal, `lock ${path}`);
    const current = await readLock(path);
    if (current === undefined && (await take(path, id, me))) return;
    if (current?.holder !== undefined && (await isGone(current.holder, me))) {
      await free(path, current.id);
      continue;
    }
    // Another holder than before: the lock goes from hand to hand, and nothing hangs.
    if (current?.id !== last) waited = 0;
    last = current?.id;
    if (waited >= patience) throw locked(path, current?.holder);
    await sleep(pause, signal);
    waited += pause;
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }
}

async function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  // It fails only when the signal fires, which the next look finds.
  await delay(milliseconds, undefined, { signal }).catch(() => {});
}

/** The name of the lock that a directory of this name was to become, where it is that of a lock being made. */
export function lockBeingMade(name: string): string | undefined {
  return CANDIDATE.exec(name)?.[1];
}

/** Puts a lock in place with all that belongs to it; `false` where somebody else was faster. */
async function take(path: string, id: string, me: LockHolder): Promise<boolean> {
  const candidate = `${path}.${id}.tmp`;
  await mkdir(candidate);
  try {
    await writeFile(join(candidate, id + SCRATCH_SUFFIX), '');
    await writeFile(join(candidate, id), `${JSON.stringify(me)}\n`);
    await rename(candidate, path);
    return true;
  } catch (error) {
    await rm(candidate, { recursive: true, force: true });
    if (isHeld(error)) return false;
    throw error;
  }
}

/** Whether a directory could not be renamed because one stands there already. */
function isHeld(error: unknown): boolean {
  const code = errorCode(error) ?? '';
  if (process.platform === 'win32') return ['EPERM', 'EACCES', 'EEXIST', 'ENOTEMPTY'].includes(code);
  return ['EEXIST', 'ENOTEMPTY'].includes(code);
}

interface HeldLock {
  readonly id: string;
  /** Absent where the file does not say what it should: on a disk that lost power, or by another's hand. */
  readonly holder?: LockHolder;
}

/** Who holds the lock; `undefined` where nobody does. */
async function readLock(path: string): Promise<HeldLock | undefined> {
  try {
    const names = await readdir(path);
    const id = names.find((name) => !SCRATCH.test(name));
    if (id === undefined) {
      // Being freed, or left by one who was killed while freeing it. Nobody holds a lock without such a file.
      await Promise.all(names.map((name) => rm(join(path, name), { force: true })));
      await removeIfEmpty(path);
      return undefined;
    }
    const holder = parseLockHolder(await readFile(join(path, id), 'utf8'));
    return holder === undefined ? { id } : { id, holder };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Removes what the holder of this number has put there, the file that makes the lock held last. */
async function free(path: string, id: string): Promise<void> {
  await rm(join(path, id + SCRATCH_SUFFIX), { force: true });
  await rm(join(path, id), { force: true });
  await removeIfEmpty(path);
}

async function removeIfEmpty(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    // Gone, or the next holder's already: either is as it should be.
    if (errorCode(error) !== 'ENOENT' && !isHeld(error)) throw error;
  }
}

function locked(path: string, holder: LockHolder | undefined): ConflictError {
  const who = holder === undefined ? 'another program' : `process ${holder.pid} on ${holder.host}`;
  return new ConflictError(`${path} is locked by ${who}`, {
    hint: 'Try again when that has ended; if it runs no more, remove the lock with all that is in it.',
  });
}
