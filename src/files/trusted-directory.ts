import { lstatSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

import { isOwn, USABLE_BY_OTHERS, WRITABLE_BY_OTHERS } from './own-file.js';

/** Only the owner of a file can rename or delete it in such a directory, as in `/tmp`. */
const STICKY = 0o1000;
const ROOT_USER = 0;

/**
 * Reports whether only this user can have chosen what is in a directory: it and the directories between it and `root`
 * belong to this user, are not writable by others and are not symbolic links, and no other user can replace one of their
 * parents. Windows has other permissions: there, only links are rejected.
 *
 * @param root an absolute path, which contains `path` or is the same
 * @throws the error of the file system, unchanged
 */
export function isTrustedDirectory(root: string, path: string): boolean {
  return isOwnBelow(root, path) && [root, realpathSync(root)].every((each) => isReachedSafely(dirname(each)));
}

function isOwnBelow(root: string, path: string): boolean {
  const stats = lstatSync(path);
  if (!stats.isDirectory() || !isOwn(stats)) return false;
  return path === root || isOwnBelow(root, dirname(path));
}

/** Reports whether no other user can replace a directory or one of its parents. */
function isReachedSafely(path: string): boolean {
  const user = process.geteuid?.();
  if (user === undefined) return true;
  let isPrivate = false;
  for (const directory of withParents(path)) {
    const { uid, mode } = statSync(directory);
    if (uid !== user && uid !== ROOT_USER) return false;
    const isWritable = (mode & WRITABLE_BY_OTHERS) !== 0 && (mode & STICKY) === 0;
    if (isWritable && !isPrivate) return false;
    // Others cannot enter it, and so cannot reach what is below.
    isPrivate ||= uid === user && (mode & USABLE_BY_OTHERS) === 0;
  }
  return true;
}

/** A path and its parents, from the top down. */
function withParents(path: string): readonly string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [...withParents(parent), path];
}

/**
 * Returns why other users may have chosen the content of a file, or `undefined` if they cannot: the file must belong to this
 * user or to root, others must not be able to write to it, and no other user can replace it or one of its parents. It may be a
 * symbolic link to such a file. Windows has other permissions: there, nothing is checked.
 *
 * @param path an absolute path
 * @throws the error of the file system, unchanged
 */
export function whyUntrusted(path: string): string | undefined {
  const user = process.geteuid?.();
  if (user === undefined) return undefined;
  const { uid, mode } = statSync(path);
  if (uid !== user && uid !== ROOT_USER) return 'it belongs to another user';
  if ((mode & WRITABLE_BY_OTHERS) !== 0) return 'other users can write to it';
  const isSafe = [path, realpathSync(path)].every((each) => isReachedSafely(dirname(each)));
  return isSafe ? undefined : 'other users can replace it or a directory above it';
}
