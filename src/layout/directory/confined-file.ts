import { constants, type Stats } from 'node:fs';
import { open, realpath, stat, type FileHandle } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';

import { charge } from '../../content/budget.js';
import { errorCode, ifExists, withFileErrors } from '../../files/file-error.js';
import { makeDirectory } from '../../files/make-directory.js';
import { InvalidError } from '../../oci/errors.js';

/**
 * Resolves a path in a layout. Symbolic links within the layout are followed; links out of it are rejected, so that an
 * untrusted layout cannot present `/etc/shadow` as a blob.
 *
 * @param parts the path components below the root, each a plain name
 * @returns the real path; `undefined` if it does not exist
 * @throws InvalidError if a link leads out of the layout
 */
async function resolveInside(root: string, parts: readonly string[]): Promise<string | undefined> {
  const path = join(root, ...parts);
  return readExisting(path, async () => {
    const [realRoot, target] = await Promise.all([realpath(root), realpath(path)]).catch((error: unknown) => {
      if (errorCode(error) !== 'ELOOP') throw error;
      throw new InvalidError(`${path} is a loop of symbolic links`, { cause: error });
    });
    const relativePath = relative(realRoot, target);
    if (relativePath === '..' || relativePath.startsWith(`..${sep}`) || isAbsolute(relativePath)) {
      throw new InvalidError(`${path} is a symbolic link to ${target}, outside the layout`, {
        hint: 'Copy the layout with its links resolved, for example with `cp -RL`.',
      });
    }
    return target;
  });
}

/**
 * Creates a directory in a layout. Each directory in the path is checked before the next one is created, so that nothing is
 * created outside the layout.
 *
 * @param parts the path components below the root, each a plain name
 * @throws InvalidError if a link leads out of the layout; the error of the file system, unchanged
 */
export async function makeDirectoryInside(
  root: string,
  parts: readonly string[],
  mode: number,
): Promise<void> {
  for (const [index] of parts.entries()) {
    const names = parts.slice(0, index + 1);
    await makeDirectory(join(root, ...names), mode);
    await resolveInside(root, names);
  }
}

/**
 * The size of a file of a layout in bytes; `undefined` if it does not exist.
 * @throws InvalidError if it is a link out of the layout or not a regular file
 */
export async function fileSize(root: string, parts: readonly string[]): Promise<number | undefined> {
  const path = await resolveInside(root, parts);
  if (path === undefined) return undefined;
  return readExisting(path, async () => checkIsFile(path, await stat(path)).size);
}

/**
 * Opens a file of a layout for reading; `undefined` if it does not exist.
 * @throws InvalidError if it is a link out of the layout or not a regular file
 */
export async function openFile(root: string, parts: readonly string[]): Promise<FileHandle | undefined> {
  const path = await resolveInside(root, parts);
  if (path === undefined) return undefined;
  return readExisting(path, async () => {
    // NOFOLLOW rejects a link that was created after the path was resolved. NONBLOCK keeps a pipe from blocking.
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      checkIsFile(path, await file.stat());
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  });
}

/**
 * Reads a file of a layout into memory; `undefined` if it does not exist.
 * @param limit the maximum size in bytes
 * @throws InvalidError if it is larger than the limit, a link out of the layout or not a regular file; LimitError
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
    return await withFileErrors('read', path, async () => {
      const { size } = await file.stat();
      if (size > limit) {
        throw new InvalidError(`${path} is ${size} bytes long, more than the limit of ${limit}`);
      }
      charge('metadata', size, () => path);
      return file.readFile();
    });
  } finally {
    await file.close();
  }
}

/** Runs a read operation; returns `undefined` if the file does not exist. */
function readExisting<T>(path: string, operation: () => Promise<T>): Promise<T | undefined> {
  return withFileErrors('read', path, () => ifExists(operation));
}

function checkIsFile(path: string, stats: Stats): Stats {
  if (!stats.isFile()) throw new InvalidError(`${path} is not a regular file`);
  return stats;
}
