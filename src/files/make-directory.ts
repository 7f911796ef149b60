import { mkdirSync, statSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { errorCode } from './file-error.js';

/**
 * The modes of what this program creates, which the umask restricts further. Nothing is writable by all users, even
 * without a umask: they could replace files before these are complete. A umask of 002 shares layouts with a group.
 */
export const MODES = {
  privateFile: 0o600,
  privateDirectory: 0o700,
  sharedFile: 0o664,
  sharedDirectory: 0o775,
} as const;

/**
 * Creates a directory and its missing parents. Does nothing if it exists.
 *
 * Node's `mkdir` with `recursive` never returns when a directory reports ENOENT for new children, as `/proc` does.
 *
 * @param mode of the directories that are created
 * @throws the error of the file system, unchanged
 */
export async function makeDirectory(path: string, mode: number): Promise<void> {
  try {
    await makeSingle(path, mode);
  } catch (error) {
    const parent = dirname(path);
    if (errorCode(error) !== 'ENOENT' || parent === path) throw error;
    await makeDirectory(parent, mode);
    await makeSingle(path, mode);
  }
}

async function makeSingle(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    // The code for an existing directory varies: EEXIST, EISDIR for a root, EROFS.
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isDirectory() !== true) throw error;
  }
}

/** As {@link makeDirectory}, synchronously. */
export function makeDirectorySync(path: string, mode: number): void {
  try {
    makeSingleSync(path, mode);
  } catch (error) {
    const parent = dirname(path);
    if (errorCode(error) !== 'ENOENT' || parent === path) throw error;
    makeDirectorySync(parent, mode);
    makeSingleSync(path, mode);
  }
}

function makeSingleSync(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
  }
}
