import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { errorCode } from './file-error.js';

/**
 * Makes a directory with all above it that is missing; nothing happens where it is there already.
 *
 * `mkdir` of Node does the same with `recursive`, but tries for ever where a directory refuses new ones as if it were
 * missing itself, as those of `/proc` do, and nothing but killing the process ends that.
 *
 * @throws what the file system fails with, as it came
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await makeOne(path);
  } catch (error) {
    const parent = dirname(path);
    if (errorCode(error) !== 'ENOENT' || parent === path) throw error;
    await makeDirectory(parent);
    await makeOne(path);
  }
}

async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    // What a system says of a directory that is there differs: EEXIST, EISDIR of a root, EROFS.
    const there = await stat(path).catch(() => undefined);
    if (there?.isDirectory() !== true) throw error;
  }
}
