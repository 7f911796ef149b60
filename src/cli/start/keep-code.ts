import { readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { writeFileAtomically } from '../../files/atomic-write.js';
import { MODES } from '../../files/make-directory.js';
import { sweep } from '../../files/sweep.js';

/** The most commands, and the most files or versions of Node of a command. */
const MAX_ENTRIES = 32;

export interface CodeFile {
  readonly path: string;
  readonly content: Buffer;
}

/** Writes compiled code, and removes the oldest. Never fails: a cache only saves time. */
export async function keepCode(directory: string, files: readonly CodeFile[]): Promise<void> {
  try {
    await sweep(directory);
    for (const { path, content } of files) {
      await writeFileAtomically(path, content, {
        temporaryDirectory: directory,
        mode: MODES.privateFile,
        // The hash in it detects damage.
        isDurable: false,
      });
    }
  } catch {
    // As on a full disk or a file system that is read-only.
  }
  await pruneCode(directory);
}

/**
 * Removes the oldest files, versions of Node and commands, if there are many. Never fails.
 * @param directory that of a command
 * @param own the directory that Node keeps in it for its own version
 */
export async function pruneCode(directory: string, own = directory): Promise<void> {
  for (const each of new Set([own, directory, dirname(directory)])) {
    try {
      await removeOldest(each);
    } catch {
      // The next run tries again.
    }
  }
}

async function removeOldest(directory: string): Promise<void> {
  const names = await readdir(directory);
  if (names.length <= MAX_ENTRIES) return;
  const entries = await Promise.all(
    names.map(async (name) => ({
      path: join(directory, name),
      time: (await stat(join(directory, name))).mtimeMs,
    })),
  );
  const oldest = entries.toSorted((a, b) => a.time - b.time).slice(0, entries.length - MAX_ENTRIES);
  await Promise.all(oldest.map(({ path }) => rm(path, { recursive: true, force: true })));
}
