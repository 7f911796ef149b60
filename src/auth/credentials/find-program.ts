import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join, posix, win32 } from 'node:path';

import type { Environment } from '../../environment.js';

/** Where POSIX systems look if PATH is not set. */
const DEFAULT_PATH = '/usr/bin:/bin';

export interface FoundProgram {
  /** Absolute. */
  readonly path: string;
  readonly isExecutable: boolean;
}

/**
 * Finds a program in the directories of PATH. Elements that are not absolute are skipped, as Go's `exec.LookPath` does: an
 * empty element or `.` is the working directory, which may be a checkout of somebody else's code.
 *
 * @returns the first executable file, else the first file; `undefined` if no directory has one
 */
export async function findProgram(
  program: string,
  { env, platform }: Pick<Environment, 'env' | 'platform'>,
): Promise<FoundProgram | undefined> {
  const isWindows = platform === 'win32';
  const syntax = isWindows ? win32 : posix;
  const directories = (env['PATH'] ?? DEFAULT_PATH)
    .split(syntax.delimiter)
    .filter((element) => syntax.isAbsolute(element));
  let blocked: FoundProgram | undefined;
  for (const directory of directories) {
    const path = join(directory, isWindows ? `${program}.exe` : program);
    const isFile = await stat(path).then(
      (stats) => stats.isFile(),
      () => false,
    );
    if (!isFile) continue;
    const isExecutable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isExecutable) return { path, isExecutable };
    blocked ??= { path, isExecutable };
  }
  return blocked;
}
