import type { Stats } from 'node:fs';
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { releaseAbandonedLock } from './lock.js';
import { isTemporaryName, ownerStatus } from './temporary-name.js';

/** A temporary file of an unknown process that has not changed for this long is abandoned. */
const STALE_MILLISECONDS = 3_600_000;

/**
 * Removes the leftovers of killed processes from a directory: temporary files and directories, and locks. Failures are
 * ignored: the next call tries again.
 *
 * What a process on this machine has left is removed as soon as it has exited. If that cannot be known (another machine,
 * another container), a temporary file is removed once it has not changed for an hour; a process that was suspended for
 * longer fails to find its file before it changes anything. Only files of this user are removed: in a directory that
 * others can write to, a planted directory could lead the removal elsewhere.
 *
 * @param isLock reports whether a name is that of a lock. @default no locks are removed
 */
export async function sweep(
  directory: string,
  isLock: (name: string) => boolean = () => false,
): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names) {
    const path = join(directory, name);
    try {
      if (isTemporaryName(name)) await removeIfAbandoned(path, name);
      else if (isLock(name)) await releaseAbandonedLock(path);
    } catch {
      // Best effort.
    }
  }
}

async function removeIfAbandoned(path: string, name: string): Promise<void> {
  const stats = await lstat(path);
  if (process.geteuid !== undefined && stats.uid !== process.geteuid()) return;
  const status = await ownerStatus(name);
  if (status === 'running') return;
  const isAbandoned =
    status === 'exited' || Date.now() - (await lastModified(path, stats)) > STALE_MILLISECONDS;
  if (isAbandoned) await rm(path, { recursive: true, force: true });
}

/** The modification time in milliseconds; for a directory, the latest of it and its files. */
async function lastModified(path: string, stats: Stats): Promise<number> {
  const names = stats.isDirectory() ? await readdir(path) : [];
  const entries = await Promise.all(names.map((name) => lstat(join(path, name))));
  return Math.max(stats.mtimeMs, ...entries.filter((each) => each.isFile()).map(({ mtimeMs }) => mtimeMs));
}
