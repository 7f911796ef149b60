import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { ProcessStatus } from './process-identity.js';

/** What an unknown process has not changed for this long is abandoned. */
const STALE_MILLISECONDS = 3_600_000;

/**
 * Reports whether a temporary file or directory, or a lock, is abandoned: its process has exited, or it is not known whether it
 * has, and nothing has changed for an hour.
 */
export async function isAbandoned(path: string, owner: ProcessStatus): Promise<boolean> {
  if (owner !== 'unknown') return owner === 'exited';
  return Date.now() - (await lastModified(path)) > STALE_MILLISECONDS;
}

/** The modification time in milliseconds; for a directory, the latest of it and its files. */
async function lastModified(path: string): Promise<number> {
  const stats = await lstat(path);
  const names = stats.isDirectory() ? await readdir(path) : [];
  const entries = await Promise.all(names.map((name) => lstat(join(path, name))));
  return Math.max(stats.mtimeMs, ...entries.filter((each) => each.isFile()).map(({ mtimeMs }) => mtimeMs));
}
