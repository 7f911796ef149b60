import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { errorCode } from './file-error.js';

/**
 * Creates a directory and its missing parents. Does nothing if it exists.
 *
 * Node's `mkdir` with `recursive` never returns when a directory reports ENOENT for new children, as `/proc` does.
 *
 * @throws the error of the file system, unchanged
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await makeSingle(path);
  } catch (error) {
    const parent = dirname(path);
    if (errorCode(error) !== 'ENOENT' || parent === path) throw error;
    await makeDirectory(parent);
    await makeSingle(path);
  }
}

async function makeSingle(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    // The code for an existing directory varies: EEXIST, EISDIR for a root, EROFS.
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isDirectory() !== true) throw error;
  }
}
