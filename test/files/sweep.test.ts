import { mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { sweep } from '../../src/files/sweep.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** In seconds, as `utimes` takes it. */
const hoursAgo = (count: number): number => Date.now() / 1000 - count * 3600;

it('removes stale leftovers only, both files and directories', async () => {
  const directory = await temporaryDirectory();
  await mkdir(join(directory, 'left-old', 'below'), { recursive: true });
  for (const name of ['left-file', 'left-recent', 'other']) await writeFile(join(directory, name), '');
  for (const name of ['left-old', 'left-file', 'other']) {
    await utimes(join(directory, name), hoursAgo(1.1), hoursAgo(1.1));
  }
  await utimes(join(directory, 'left-recent'), hoursAgo(0.9), hoursAgo(0.9));
  await sweep(directory, (name) => name.startsWith('left-'));
  expect((await readdir(directory)).toSorted()).toEqual(['left-recent', 'other']);
});

it('keeps a directory in which a file is being written', async () => {
  const directory = await temporaryDirectory();
  for (const [name, age] of [
    ['left-busy', 0.9],
    ['left-idle', 1.1],
  ] as const) {
    // prettier-ignore
    await mkdir(join(directory, name));
    await writeFile(join(directory, name, 'large'), '');
    await utimes(join(directory, name, 'large'), hoursAgo(age), hoursAgo(age));
    await utimes(join(directory, name), hoursAgo(5), hoursAgo(5));
  }
  await sweep(directory, () => true);
  expect(await readdir(directory)).toEqual(['left-busy']);
});

it.runIf(process.platform !== 'win32')(
  'asks a link for its own age, and goes nowhere through it',
  async () => {
    const [directory, outside] = [await temporaryDirectory(), await temporaryDirectory()];
    await writeFile(join(outside, 'precious'), '');
    await utimes(outside, 0, 0);
    await symlink(outside, join(directory, 'left'));
    await sweep(directory, () => true);
    expect(await readdir(directory)).toEqual(['left']);
    expect(await readdir(outside)).toEqual(['precious']);
  },
);

it('ignores a missing directory', async () => {
  await expect(sweep(join(await temporaryDirectory(), 'none'), () => true)).resolves.toBeUndefined();
});
