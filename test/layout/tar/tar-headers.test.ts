import { link, mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { Budget, runLimits, withBudget } from '../../../src/content/budget.js';
import { RandomAccessFile } from '../../../src/layout/tar/random-access-file.js';
import { tarEntries } from '../../../src/layout/tar/tar-headers.js';
import { LimitError } from '../../../src/oci/errors.js';
import { failureOf } from '../../support/failure.js';
import { describeIntegration } from '../../support/integration.js';
import { mustRun } from '../../support/run.js';
import {
  gnuLong,
  paxHeader,
  tarFile,
  tarHeader,
  tarParts,
  withChecksum,
  type TarPart,
} from '../../support/tar-file.js';
import { filesOf, openArchive, openUntilEnd, openError, temporaryFile } from '../temporary-archive.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const LONG = `${'blobs/'.repeat(30)}file`;
/** Shortened to 100 characters, it ends in a slash, like the name of an old-style directory. */
const SLASH_AT_100 = `${'x'.repeat(99)}/file`;

describe('tar formats', () => {
  it.each<[what: string, parts: TarPart[], files: [string, string][]]>([
    ['no entry at all', [], []],
    [
      'ustar',
      [{ name: 'a', content: 'one' }, { name: 'b' }],
      [
        ['a', 'one'],
        ['b', ''],
      ],
    ],
    ['Unix version 7', [{ name: 'a', type: '\0', magic: '', content: 'one' }], [['a', 'one']]],
    ['a contiguous file', [{ name: 'a', type: '7', content: 'one' }], [['a', 'one']]],
    ['a ustar name in two parts', [{ prefix: 'b/c', name: 'd', content: 'x' }], [['b/c/d', 'x']]],
    ['a name of 100 bytes', [{ name: 'n'.repeat(100), content: 'x' }], [['n'.repeat(100), 'x']]],
    ['a GNU long name', [gnuLong('L', LONG), { name: LONG, content: 'x' }], [[LONG, 'x']]],
    [
      'a GNU long name whose short form looks like a directory',
      [gnuLong('L', SLASH_AT_100), { name: SLASH_AT_100, content: 'x' }],
      [[SLASH_AT_100, 'x']],
    ],
    [
      'a GNU long name and a long link',
      [
        { name: LONG.slice(0, 100), content: 'no' },
        gnuLong('L', LONG),
        { name: LONG, content: 'x' },
        gnuLong('K', LONG),
        gnuLong('L', 'link'),
        { name: 'short', type: '1', target: LONG },
      ],
      [
        [LONG.slice(0, 100), 'no'],
        [LONG, 'x'],
        ['link', 'x'],
      ],
    ],
    [
      'a pax name, link and size',
      [
        paxHeader({ path: 'é\nb', size: '3' }),
        { name: 'short', prefix: 'not/this', size: 0, content: 'one' },
        paxHeader({ linkpath: 'é\nb', path: 'link' }),
        { name: 'short', type: '1', target: 'other' },
        { name: 'after' },
      ],
      [
        ['é\nb', 'one'],
        ['link', 'one'],
        ['after', ''],
      ],
    ],
    [
      'pax records that are not about names, whatever is in them',
      [
        paxHeader({ mtime: '1.5', 'SCHILY.xattr.user.x': 'a\n10 path=b\n', comment: 'x=y' }),
        { name: 'a', content: 'x' },
      ],
      [['a', 'x']],
    ],
    [
      'a global pax header, which the ones of entries go before',
      [
        paxHeader({ comment: 'commit 1234', path: 'all' }, 'g'),
        { name: 'a', content: 'x' },
        paxHeader({ path: 'own' }),
        { name: 'b', content: 'y' },
      ],
      [
        ['all', 'x'],
        ['own', 'y'],
      ],
    ],
    [
      'an empty pax value, which says nothing',
      [paxHeader({ path: '', size: '' }), { name: 'a', content: 'x' }],
      [['a', 'x']],
    ],
    [
      'directories, old ones too, and what states a size without content',
      [
        { name: 'd/', type: '5', size: 4096 },
        { name: 'd/e/', type: '0', size: 4096 },
        { name: 'd/f', content: 'x' },
        { name: 'd/link', type: '1', target: 'd/f', size: 1 },
      ],
      [
        ['d/f', 'x'],
        ['d/link', 'x'],
      ],
    ],
    [
      'devices, pipes, and unknown types',
      [
        { name: 'a', content: 'x' },
        { name: 'null', type: '3' },
        { name: 'disk', type: '4' },
        { name: 'pipe', type: '6' },
        { name: 'label', type: 'V', magic: 'ustar  \0' },
        { name: 'acl', type: 'A', content: 'user::rwx' },
        { name: '?', type: '~', content: 'y'.repeat(600) },
        { name: 'b', content: 'z' },
      ],
      [
        ['a', 'x'],
        ['b', 'z'],
      ],
    ],
  ])('reads %s', async (_what, parts, files) => {
    expect(await filesOf(await openArchive(tarFile(parts)))).toEqual(files);
  });

  it('reads a size in base 256, as of 8 GiB', async () => {
    const size = 9 * 2 ** 30;
    const path = await temporaryFile(tarHeader({ name: 'large', size }));
    await truncate(path, 512 + size);
    expect((await openUntilEnd(path)).size('large')).toBe(size);
  });

  it('accepts a missing or incomplete end-of-archive marker', async () => {
    const parts = tarParts([{ name: 'a', content: 'x' }]);
    expect(await filesOf(await openArchive(parts))).toEqual([['a', 'x']]);
    expect(await filesOf(await openArchive(Buffer.concat([parts, Buffer.alloc(512)])))).toEqual([['a', 'x']]);
  });

  it('rejects it if the marker is required', async () => {
    const parts = tarParts([{ name: 'a', content: 'x' }]);
    const count = async (bytes: Uint8Array): Promise<number> => {
      const file = await RandomAccessFile.open(await temporaryFile(bytes));
      onTestFinished(() => file.close());
      let entries = 0;
      for await (const _entry of tarEntries(file, { endRequired: true })) entries += 1;
      return entries;
    };
    expect(await count(Buffer.concat([parts, Buffer.alloc(1024)]))).toBe(1);
    await expect(count(parts)).rejects.toThrow('is truncated: no end-of-archive marker at byte 1024');
  });

  it('ignores data after the end', async () => {
    const bytes = Buffer.concat([tarFile([{ name: 'a', content: 'x' }]), Buffer.from('anything')]);
    expect(await filesOf(await openArchive(bytes))).toEqual([['a', 'x']]);
  });
});

describe('damage', () => {
  const first = tarParts([{ name: 'a', content: 'x'.repeat(600) }]);
  const second = tarHeader({ name: 'b', size: 5 });
  const atStart = (offset: number, text: string): Buffer => {
    const block = Buffer.from(second);
    block.write(text, offset, 'latin1');
    return withChecksum(block);
  };

  it.each<[what: string, bytes: Uint8Array, message: string]>([
    [
      'truncated content',
      first.subarray(0, 1000),
      'FILE is truncated: entry "a" ends at byte 1536, but the file ends at byte 1000',
    ],
    [
      'a content that is missing',
      tarHeader({ name: 'a', size: 1 }),
      'FILE is truncated: entry "a" ends at byte 1024, but the file ends at byte 512',
    ],
    [
      'a truncated header',
      Buffer.concat([first, second.subarray(0, 100)]),
      'FILE is truncated: the header at byte 1536 is 100 bytes long, not 512',
    ],
    [
      'a truncated end-of-archive marker',
      Buffer.concat([first, Buffer.alloc(700)]),
      'FILE is truncated: the header at byte 2048 is 188 bytes long, not 512',
    ],
    [
      'a long name without its entry',
      tarFile([gnuLong('L', 'x')]),
      'FILE is truncated: the header at byte 0 describes a missing entry',
    ],
    [
      'a pax header without its entry',
      Buffer.concat([first, tarParts([paxHeader({ path: 'x' })])]),
      'FILE is truncated: the header at byte 1536 describes a missing entry',
    ],
    [
      'a wrong checksum',
      Buffer.concat([first, Buffer.from(second).fill('c', 0, 1)]),
      'FILE is damaged at byte 1536: invalid entry header',
    ],
    [
      'garbage',
      Buffer.concat([first, Buffer.alloc(512, 'garbage')]),
      'FILE is damaged at byte 1536: invalid entry header',
    ],
    [
      'one block of zeros among the others',
      Buffer.concat([first, Buffer.alloc(512), first]),
      'FILE is damaged at byte 2048: data after the end-of-archive marker',
    ],
    [
      'an unreadable size',
      Buffer.concat([first, atStart(124, '?')]),
      'FILE is damaged at byte 1536: invalid entry size',
    ],
    [
      'a negative size',
      Buffer.concat([first, atStart(124, '\xff'.repeat(12))]),
      'FILE is damaged at byte 1536: invalid entry size',
    ],
    [
      'a size in base 256 that is too large',
      Buffer.concat([first, atStart(124, `\x80${'\xff'.repeat(11)}`)]),
      'FILE is damaged at byte 1536: invalid entry header',
    ],
    [
      'a pax size that is none',
      tarFile([paxHeader({ size: '0x10' }), { name: 'a' }]),
      'FILE is damaged at byte 1024: invalid entry size',
    ],
    [
      'a pax size that is too large',
      tarFile([paxHeader({ size: '9'.repeat(30) }), { name: 'a' }]),
      'FILE is damaged at byte 1024: invalid entry size',
    ],
    [
      'pax records that are none',
      tarFile([{ name: 'x', type: 'x', content: 'path=b' }, { name: 'a' }]),
      'FILE is damaged at byte 512: invalid pax header',
    ],
    [
      'a name that never ends',
      tarFile([gnuLong('L', 'x'.repeat(2 ** 20)), { name: 'a' }]),
      'FILE is damaged at byte 0: extension header of 1048577 bytes',
    ],
    [
      'a file without a name',
      tarFile([{ name: './', type: '2', target: 'a' }]),
      'FILE is damaged: it has a file without a name',
    ],
    [
      'a sparse file of GNU tar',
      tarFile([{ name: 'a', type: 'S', magic: 'ustar  \0' }]),
      'FILE has a sparse file "a", which is not supported',
    ],
    [
      'a sparse file in pax records',
      tarFile([
        paxHeader({ 'GNU.sparse.major': '1', 'GNU.sparse.name': 'a' }),
        { name: 'GNUSparseFile.0/a' },
      ]),
      'FILE has a sparse file "GNUSparseFile.0/a", which is not supported',
    ],
  ])('is detected: %s', async (_what, bytes, message) => {
    const error = await openError(bytes);
    expect(error.message).toBe(message);
  });
});

describeIntegration('archives that tar writes', ['tar'], () => {
  const names = [
    'index.json',
    'blobs/sha256/abc',
    'ümläut',
    'n'.repeat(100),
    `${'directory/'.repeat(9)}${'n'.repeat(60)}`,
  ];
  const veryLong = [LONG, SLASH_AT_100, `${'d'.repeat(200)}/${'f'.repeat(200)}`];

  it.each([
    ['v7', names.slice(0, 3), 'index.json'],
    ['ustar', names, 'index.json'],
    ['oldgnu', [...names, ...veryLong], LONG],
    ['gnu', [...names, ...veryLong], LONG],
    ['pax', [...names, ...veryLong], LONG],
  ])('are read: %s', async (format, wanted, target) => {
    const directory = await temporaryDirectory();
    const input = join(directory, 'in');
    const files = new Map(wanted.map((name) => [name, `content of ${name}`]));
    for (const [name, content] of files) {
      await mkdir(join(input, dirname(name)), { recursive: true });
      await writeFile(join(input, name), content);
    }
    await symlink(target, join(input, 'symbolic'));
    await link(join(input, target), join(input, 'hard'));
    const path = join(directory, 'out.tar');
    await mustRun('tar', ['--create', `--file=${path}`, `--format=${format}`, '-C', input, '.']);

    files.set('symbolic', `content of ${target}`).set('hard', `content of ${target}`);
    expect(new Map(await filesOf(await openUntilEnd(path)))).toEqual(files);
  });

  it.each(['gnu', 'pax'])('with a sparse file are rejected: %s', async (format) => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'sparse'), 'x');
    await truncate(join(directory, 'sparse'), 2 ** 20);
    const path = join(directory, 'out.tar');
    await mustRun('tar', [
      '--create',
      `--file=${path}`,
      `--format=${format}`,
      '--sparse',
      '-C',
      directory,
      'sparse',
    ]);
    await expect(openUntilEnd(path)).rejects.toThrow('has a sparse file');
  });
});

describe('extension headers', () => {
  const text = 'a'.repeat(10_000);
  it.each<[what: string, header: (number: number) => TarPart]>([
    ['global pax headers', (number) => paxHeader({ [`k${number}`]: text }, 'g')],
    ['pax headers', (number) => paxHeader({ [`k${number}`]: text })],
    ['GNU long names', () => gnuLong('L', text)],
    ['GNU long link targets', () => gnuLong('K', text)],
    ['tiny global pax headers', (number) => paxHeader({ [`k${number}`]: 'a' }, 'g')],
    ['tiny files', (number) => ({ name: `${number}` })],
  ])('many %s are read up to the budget of the call', async (_what, header) => {
    const archive = tarFile([...Array.from({ length: 200 }, (_, number) => header(number)), { name: 'end' }]);
    const error = await withBudget(new Budget(runLimits({ metadata: 100_000 })), () =>
      failureOf(openArchive(archive), LimitError),
    );
    expect(error.message).toContain('100000 bytes of metadata, its limit; it stopped at the headers of ');
  });
});
