import { gunzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { gzipped, tarFile, type TarEntry } from '../../release/formats/tar-file.js';
import { thrownBy } from '../support/failure.js';
import { tarLines, textIn } from './tar-lines.js';

const ENTRIES: readonly TarEntry[] = [
  { path: 'usr/bin/tool', content: 'program', mode: 0o755 },
  { path: 'tmp', directory: true, mode: 0o1777 },
  { path: 'lib', link: 'usr/lib' },
  { path: 'home/user', directory: true, mode: 0o700, owner: 1000 },
];

describe('a tar file', () => {
  it('has its entries sorted, and the directories above them', () => {
    expect(tarLines(tarFile(ENTRIES, 1))).toEqual([
      '0755 0 home/',
      '0700 1000 home/user/',
      '0777 0 lib -> usr/lib',
      '1777 0 tmp/',
      '0755 0 usr/',
      '0755 0 usr/bin/',
      '0755 0 usr/bin/tool',
    ]);
    expect(textIn(tarFile(ENTRIES, 1), 'usr/bin/tool')).toBe('program');
  });

  it('is the same for the same entries in another order, and another one at another time', () => {
    expect(tarFile(ENTRIES.toReversed(), 1)).toEqual(tarFile(ENTRIES, 1));
    expect(tarFile(ENTRIES, 2)).not.toEqual(tarFile(ENTRIES, 1));
  });

  it('has long paths', () => {
    const path = `${'directory/'.repeat(20)}${'f'.repeat(120)}`;
    expect(textIn(tarFile([{ path, content: 'text', mode: 0o644 }], 1), path)).toBe('text');
  });

  it('has no two entries with one path', () => {
    const twice = [...ENTRIES, { path: 'tmp', content: '', mode: 0o644 }];
    expect(thrownBy(() => tarFile(twice, 1), Error).message).toBe('two entries are named tmp');
  });
});

describe('a gzip file', () => {
  it('has no time and no operating system', async () => {
    const bytes = await gzipped(Buffer.from('text'));
    expect([...bytes.subarray(0, 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 0xff]);
    expect(gunzipSync(bytes).toString()).toBe('text');
  });
});
