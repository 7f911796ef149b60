import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** A lock candidate or temporary file that has not changed for this long is abandoned. */
const STALE_MILLISECONDS = 3_600_000;

/**
 * Removes the leftovers of killed processes from a directory. Failures are ignored: the next call tries again. A process
 * that was suspended for longer than the limit fails to find its lock or file before it changes anything.
 *
 * @param isLeftover reports whether a file or directory of this name may be removed once it is stale
 */
export async function sweep(directory: string, isLeftover: (name: string) => boolean): Promise<void> {
  try {
    for (const name of (await readdir(directory)).filter(isLeftover)) {
      const path = join(directory, name);
      if (Date.now() - (await lastModified(path)) <= STALE_MILLISECONDS) continue;
      await rm(path, { recursive: true, force: true });
    }
  } catch {
    // Best effort.
  }
}

/** The modification time in milliseconds; for a directory, the latest of it and its files. */
async function lastModified(path: string): Promise<number> {
  const stats = await lstat(path);
  const names = stats.isDirectory() ? await readdir(path) : [];
  const entries = await Promise.all(names.map((name) => lstat(join(path, name))));
  return Math.max(stats.mtimeMs, ...entries.filter((each) => each.isFile()).map(({ mtimeMs }) => mtimeMs));
}
