import { constants, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';

/** The permission to write of the group and of all users. */
export const WRITABLE_BY_OTHERS = 0o022;
/** All permissions of the group and of all users. */
export const USABLE_BY_OTHERS = 0o077;

/**
 * Reports whether a file or directory belongs to this user, and others cannot write to it. Always true on Windows, where access is
 * inherited from the directory above.
 */
export function isOwn({ uid, mode }: Pick<Stats, 'uid' | 'mode'>): boolean {
  const user = process.geteuid?.();
  return user === undefined || (uid === user && (mode & WRITABLE_BY_OTHERS) === 0);
}

/**
 * Flags to open a file that this program has written. NOFOLLOW rejects a symbolic link. NONBLOCK keeps a pipe from blocking.
 * Windows has neither.
 */
export const READ_OWN_FILE = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Reads a file that this program has written.
 * @param maxSize in bytes
 * @returns its bytes and the time of its last change; `undefined` if it is larger or not a regular file
 * @throws the error of Node.js if it cannot be opened, as a symbolic link cannot, or read
 */
export async function readOwnFile(
  path: string,
  maxSize: number,
): Promise<{ readonly bytes: Buffer; readonly mtimeMs: number } | undefined> {
  const file = await open(path, READ_OWN_FILE);
  try {
    const stats = await file.stat();
    if (!stats.isFile() || stats.size > maxSize) return undefined;
    return { bytes: await file.readFile(), mtimeMs: stats.mtimeMs };
  } finally {
    await file.close();
  }
}
