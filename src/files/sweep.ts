import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { isAbandoned } from './abandoned.js';
import { releaseAbandonedLock } from './lock.js';
import { isTemporaryName, ownerStatus } from './temporary-name.js';

/**
 * Removes the leftovers of killed processes from a directory: temporary files and directories, and locks. Failures are
 * ignored: the next call tries again.
 *
 * What a process on this machine has left is removed as soon as it has exited. If that cannot be known (another machine,
 * another container), it is removed once it has not changed for an hour; a process that was suspended for
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
  if (await isAbandoned(path, await ownerStatus(name))) await rm(path, { recursive: true, force: true });
}
