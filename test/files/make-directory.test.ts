import { stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { makeDirectory } from '../../src/files/make-directory.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

let root: string;
beforeEach(async () => {
  root = await temporaryDirectory();
});

const isDirectory = async (path: string): Promise<boolean> => (await stat(path)).isDirectory();

describe('makeDirectory', () => {
  it('creates missing directories and keeps existing ones', async () => {
    const path = join(root, 'a', 'b', 'c');
    await makeDirectory(path, 0o700);
    await writeFile(join(path, 'file'), 'kept');
    await makeDirectory(path, 0o700);
    expect(await isDirectory(path)).toBe(true);
    expect((await stat(join(path, 'file'))).size).toBe(4);
  });

  it('accepts a link to a directory, and the root', async () => {
    await symlink(root, join(root, 'link'), 'junction');
    await makeDirectory(join(root, 'link', 'a'), 0o700);
    await makeDirectory('/', 0o700);
    expect(await isDirectory(join(root, 'a'))).toBe(true);
  });

  it('can be called concurrently', async () => {
    const path = join(root, 'a', 'b', 'c');
    await Promise.all(Array.from({ length: 50 }, () => makeDirectory(path, 0o700)));
    expect(await isDirectory(path)).toBe(true);
  });

  it.each([
    ['a file with its name', ['file'], 'EEXIST'],
    ['a file above it', ['file', 'a'], 'ENOTDIR'],
  ])('fails at %s', async (_what, names, code) => {
    await writeFile(join(root, 'file'), '');
    await expect(makeDirectory(join(root, ...names), 0o700)).rejects.toMatchObject({ code });
  });

  it.runIf(process.platform === 'linux')(
    'fails where nothing can be made, rather than try for ever',
    async () => {
      await expect(makeDirectory('/proc/multiarch-test/a', 0o700)).rejects.toMatchObject({ code: 'ENOENT' });
    },
  );
});
