import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { currentProcess } from '../../src/files/process-identity.js';
import { isTemporaryName, temporaryName } from '../../src/files/temporary-name.js';

/** The PID of no process: process numbers end far below it. */
export const UNUSED_PID = 2_147_483_647;

/** The fields of a temporary name: `PID-STARTED-HOST-BOOT-NAMESPACE-RANDOM`. */
const FIELDS = ['pid', 'started', 'host', 'boot', 'namespace'] as const;

/** Returns the name of a temporary file of another process: that of this process with other fields. */
export function temporaryNameOf(fields: Partial<Record<(typeof FIELDS)[number], string>>): string {
  const prefix = '.multiarch-tmp-';
  const values = temporaryName().slice(prefix.length).split('-');
  const changed = values.map((value, index) => {
    const field = FIELDS[index];
    return (field === undefined ? undefined : fields[field]) ?? value;
  });
  return prefix + changed.join('-');
}

/** Leaves a lock as a process does that was killed while it held it. */
export async function leaveDeadLock(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  const id = '0123456789abcdef';
  await writeFile(join(path, id), JSON.stringify({ ...currentProcess(), pid: UNUSED_PID }));
  await writeFile(join(path, `${id}.new`), 'half the content');
}

/** Leaves a temporary file, a staging directory and these locks as a killed process does. */
export async function leaveLeftovers(directory: string, locks: readonly string[] = []): Promise<void> {
  const [file, staging] = [0, 1].map(() => join(directory, temporaryNameOf({ pid: String(UNUSED_PID) })));
  await mkdir(join(staging ?? '', 'blobs', 'sha256'), { recursive: true });
  await writeFile(join(staging ?? '', 'blobs', 'sha256', 'abc'), 'half a blob');
  await writeFile(file ?? '', 'half a file');
  for (const lock of locks) await leaveDeadLock(join(directory, lock));
}

/** Returns the leftovers in directories: temporary files, and locks. */
export async function leftoversIn(...directories: readonly string[]): Promise<string[]> {
  const names = await Promise.all(
    directories.map(async (directory) =>
      (await readdir(directory, { recursive: true }).catch(() => [])).map((name) => join(directory, name)),
    ),
  );
  return names
    .flat()
    .filter((path) => isTemporaryName(nameOf(path)) || /\.lock$|^\.multiarch-lock/.test(nameOf(path)));
}

function nameOf(path: string): string {
  return path.slice(dirname(path).length + 1);
}
