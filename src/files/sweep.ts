import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** After this long without a change, nobody is still making a lock or writing a file. */
const STALE_MILLISECONDS = 3_600_000;

/**
 * Removes what killed processes left in a directory. No harm is done where this fails, so it never throws; nor where a
 * process was only asleep for so long: it finds that its lock or file is gone before it has changed anything.
 *
 * @param isLeftover whether a file or directory of this name is removed once it is old
 */
export async function sweep(directory: string, isLeftover: (name: string) => boolean): Promise<void> {
  try {
    for (const name of (await readdir(directory)).filter(isLeftover)) {
      const path = join(directory, name);
      if (Date.now() - (await lastChange(path)) <= STALE_MILLISECONDS) continue;
      await rm(path, { recursive: true, force: true });
    }
  } catch {
    // The next one tries again.
  }
}

/** When something was last written there, in milliseconds; in a directory, also when to a file that is in it. */
async function lastChange(path: string): Promise<number> {
  const stats = await lstat(path);
  const names = stats.isDirectory() ? await readdir(path) : [];
  const held = await Promise.all(names.map((name) => lstat(join(path, name))));
  return Math.max(stats.mtimeMs, ...held.filter((each) => each.isFile()).map(({ mtimeMs }) => mtimeMs));
}
