import { constants, type Stats } from 'node:fs';
import { open, realpath, stat, type FileHandle } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';

import { errorCode, fileError } from '../../files/file-error.js';
import { InvalidError } from '../../oci/errors.js';

/**
 * Finds a file of a layout and follows no symbolic link out of it: a layout that came from elsewhere must not make us
 * read `/etc/shadow` as a blob. Links that stay within the layout are followed.
 *
 * @param names the path's parts below the root, each already known to be a plain name
 * @returns the real path, `undefined` where there is nothing
 * @throws InvalidError where a link leads out
 */
export async function resolveInside(root: string, names: readonly string[]): Promise<string | undefined> {
  const path = join(root, ...names);
  try {
    const [base, found] = await Promise.all([realpath(root), realpath(path)]);
    const way = relative(base, found);
    if (way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way)) {
      throw new InvalidError(`${path} is a symbolic link to ${found}, outside of the layout`, {
        hint: 'Copy the layout with its links resolved, such as with `cp -RL`.',
      });
    }
    return found;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    if (errorCode(error) === 'ELOOP') {
      throw new InvalidError(`${path} is a symbolic link that leads nowhere`, { cause: error });
    }
    throw fileError('read', path, error);
  }
}

/**
 * The size of a file of a layout in bytes, `undefined` where there is none.
 * @throws InvalidError for a link out of the layout, and for what is not a file
 */
export async function fileSize(root: string, names: readonly string[]): Promise<number | undefined> {
  const path = await resolveInside(root, names);
  if (path === undefined) return undefined;
  try {
    return checkIsFile(path, await stat(path)).size;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw fileError('read', path, error);
  }
}

/**
 * Opens a file of a layout for reading, `undefined` where there is none.
 * @throws InvalidError for a link out of the layout, and for what is not a file
 */
export async function openFile(root: string, names: readonly string[]): Promise<FileHandle | undefined> {
  const path = await resolveInside(root, names);
  if (path === undefined) return undefined;
  try {
    // The path has no link left. NOFOLLOW sees to it that none has come since; NONBLOCK, that a pipe cannot hold us up.
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      checkIsFile(path, await file.stat());
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw fileError('read', path, error);
  }
}

/**
 * Reads a small file of a layout whole, `undefined` where there is none.
 * @param limit in bytes
 * @throws InvalidError for a file over the limit, a link out of the layout, and what is not a file
 */
export async function readSmallFile(
  root: string,
  name: string,
  limit: number,
): Promise<Uint8Array | undefined> {
  const file = await openFile(root, [name]);
  if (file === undefined) return undefined;
  const path = join(root, name);
  try {
    const { size } = await file.stat();
    if (size > limit) {
      throw new InvalidError(`${path} is ${size} bytes long, and at most ${limit} are read`);
    }
    return await file.readFile();
  } catch (error) {
    throw fileError('read', path, error);
  } finally {
    await file.close();
  }
}

function checkIsFile(path: string, stats: Stats): Stats {
  if (!stats.isFile()) throw new InvalidError(`${path} is not a file`);
  return stats;
}
