import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { mustRun } from './run.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Builds `dist/` before all tests if it is missing or out of date. */
export default async function setup(): Promise<void> {
  const sources = await Promise.all(
    ['action', 'src', 'schemas', 'build.mjs', 'package.json'].map(lastChange),
  );
  if (Math.max(...sources) < (await lastChange('dist/cli.cjs'))) return;
  await mustRun(process.execPath, ['build.mjs', 'validators', 'bundle'], { cwd: root, timeout: 120_000 });
}

/** The last modification of a file, or of any file in a directory, in milliseconds. 0 if it is missing. */
async function lastChange(name: string): Promise<number> {
  const path = join(root, name);
  if (!existsSync(path)) return 0;
  const inside = (await stat(path)).isDirectory() ? await readdir(path, { recursive: true }) : [];
  const stats = await Promise.all(
    [path, ...inside.map((file) => join(path, file))].map((file) => stat(file)),
  );
  return Math.max(...stats.filter((found) => found.isFile()).map(({ mtimeMs }) => mtimeMs), 0);
}
