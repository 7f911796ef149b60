import { lstat, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

import { ifExists, withFileErrors } from '../files/file-error.js';
import { checkOwnDirectory } from '../files/private-directory.js';
import { sweep } from '../files/sweep.js';
import { temporaryName } from '../files/temporary-name.js';

/** The folder of the manifests and configs in the cache directory. */
export const CONTENT = 'content';
/** The folder of the lists of tags. */
export const TAGS = 'tags';

/** What the program keeps in its cache directory. Other files in it are left alone. */
const PARTS: Readonly<Record<string, string>> = {
  [CONTENT]: 'manifests and configs',
  code: 'compiled code of the program',
  [TAGS]: 'lists of tags for completion',
  'token-servers.json': 'token servers of registries',
};

/** A part of the cache. */
export interface CachePart {
  /** The name in the cache directory. */
  readonly name: string;
  /** What it contains: `manifests and configs`. */
  readonly description: string;
  readonly files: number;
  readonly bytes: number;
}

/** What the cache contains, or contained before it was cleared. */
export interface CacheUsage {
  readonly directory: string;
  readonly files: number;
  readonly bytes: number;
  readonly parts: readonly CachePart[];
}

/** Counts what a cache contains. @throws FailedError if it cannot be read, or others may have chosen its content */
export function cacheUsage(directory: string): Promise<CacheUsage> {
  return withFileErrors('read', directory, async () => {
    await ifExists(() => checkOwnDirectory(directory));
    return usageOf(directory);
  });
}

/**
 * Removes all parts of a cache. Other processes may use it at the same time.
 * @returns what was removed
 * @throws FailedError as {@link cacheUsage}, or if a part cannot be removed
 */
export function clearCache(directory: string): Promise<CacheUsage> {
  return withFileErrors('clear', directory, async () => {
    await ifExists(() => checkOwnDirectory(directory));
    const usage = await usageOf(directory);
    await sweep(directory);
    for (const { name } of usage.parts) {
      // Renamed first, so that no process writes to what is removed.
      const removed = join(directory, temporaryName());
      await ifExists(() => rename(join(directory, name), removed));
      await rm(removed, { recursive: true, force: true });
    }
    // It may contain other files.
    await rmdir(directory).catch(() => {});
    return usage;
  });
}

async function usageOf(directory: string): Promise<CacheUsage> {
  const parts = await Promise.all(
    Object.entries(PARTS).map(async ([name, description]): Promise<CachePart> => {
      const sizes = await sizesIn(join(directory, name));
      return { name, description, files: sizes.length, bytes: sum(sizes) };
    }),
  );
  return {
    directory,
    files: sum(parts.map(({ files }) => files)),
    bytes: sum(parts.map(({ bytes }) => bytes)),
    parts,
  };
}

/** The sizes of a file, or of the files in a directory and those below it. */
async function sizesIn(path: string): Promise<readonly number[]> {
  const stats = await ifExists(() => lstat(path));
  if (stats === undefined) return [];
  if (!stats.isDirectory()) return [stats.size];
  const names = (await ifExists(() => readdir(path))) ?? [];
  const sizes: number[] = [];
  // One after the other: a cache has thousands of files.
  for (const name of names) sizes.push(...(await sizesIn(join(path, name))));
  return sizes;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
