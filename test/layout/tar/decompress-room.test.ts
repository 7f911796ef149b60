import { readdir } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';

import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';

import { TarArchive } from '../../../src/layout/tar/tar-archive.js';
import { tarFile } from '../../support/tar-file.js';
import { filesOf, openUntilEnd, temporaryFile } from '../temporary-archive.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const MEGABYTE = 1024 * 1024;

/** What the file system says of itself, in blocks of a megabyte. */
const room = vi.hoisted(() => vi.fn<() => { bavail: number; blocks: number; bsize: number }>());
vi.mock('node:fs/promises', async (original) => ({
  ...(await original<object>()),
  statfs: async () => room(),
}));

const large = gzipSync(tarFile([{ name: 'zeros', content: Buffer.alloc(65 * MEGABYTE) }]));
const small = gzipSync(tarFile([{ name: 'text', content: 'text' }]));

let temporary: string;

beforeEach(async () => {
  temporary = await temporaryDirectory();
  vi.stubEnv('TMPDIR', temporary);
  onTestFinished(() => void vi.unstubAllEnvs());
  room.mockReset();
});

it.each([
  ['less than a gigabyte of a large file system', { bavail: 1023, blocks: 1_000_000 }],
  ['less than a twentieth of a small one', { bavail: 24, blocks: 500 }],
])('a file that leaves %s is rejected', async (_what, { bavail, blocks }) => {
  room.mockReturnValue({ bavail, blocks, bsize: MEGABYTE });
  const path = await temporaryFile(large);

  await expect(TarArchive.open(path)).rejects.toMatchObject({
    kind: 'failed',
    message: `${path} does not fit into ${temporary}: the disk is nearly full after ${64 * MEGABYTE} decompressed bytes`,
    hint: 'Set TMPDIR to a directory with more space, or decompress the archive first.',
  });

  expect((await readdir(temporary)).filter((name) => name.endsWith('.tar'))).toEqual([]);
});

it.each([
  ['enough is left of a large file system', { bavail: 1024, blocks: 1_000_000 }],
  ['enough is left of a small one', { bavail: 25, blocks: 500 }],
  ['the file system does not know its size', { bavail: 0, blocks: 0 }],
])('a file is read if %s', async (_what, { bavail, blocks }) => {
  room.mockReturnValue({ bavail, blocks, bsize: MEGABYTE });
  expect((await openUntilEnd(await temporaryFile(large))).size('zeros')).toBe(65 * MEGABYTE);
  expect(room).toHaveBeenCalledTimes(1);
});

it('a small file is read even on a full disk', async () => {
  expect(await filesOf(await openUntilEnd(await temporaryFile(small)))).toEqual([['text', 'text']]);
  expect(room).not.toHaveBeenCalled();
});
