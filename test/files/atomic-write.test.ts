import { mkdir, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { beforeEach, describe, expect, it } from 'vitest';

import { replaceFile, writeFileAtomically } from '../../src/files/atomic-write.js';
import { withLock, type Scratch } from '../../src/files/lock.js';
import { isTemporaryName } from '../../src/files/temporary-name.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
  path = join(directory, 'file');
});

const pieces = ['one, ', 'two, ', 'three'].map((text) => Buffer.from(text));

const write = (content: Uint8Array | Readable, onBytes?: (bytes: number) => void): Promise<void> =>
  writeFileAtomically(path, content, { temporaryDirectory: directory, onBytes });

describe('writeFileAtomically', () => {
  it.each([
    ['bytes', () => Buffer.concat(pieces)],
    ['a stream', () => Readable.from(pieces)],
  ])('makes a file of %s, and leaves nothing else', async (_, content) => {
    await write(content());
    expect(await readFile(path, 'utf8')).toBe('one, two, three');
    expect(await readdir(directory)).toEqual(['file']);
  });

  it('replaces an existing file', async () => {
    await writeFile(path, 'something that is longer than what comes');
    await write(Readable.from(pieces));
    expect(await readFile(path, 'utf8')).toBe('one, two, three');
  });

  it('reports each chunk after it was written', async () => {
    const seen: number[] = [];
    await write(Readable.from(pieces), (bytes) => seen.push(bytes));
    expect(seen).toEqual([5, 5, 5]);
  });

  it('uses a temporary name that readers skip until the file is complete', async () => {
    await writeFile(path, 'before');
    const seen: string[] = [];
    await write(
      Readable.from(
        (async function* () {
          yield pieces[0];
          seen.push(...(await readdir(directory)));
          expect(await readFile(path, 'utf8')).toBe('before');
          yield pieces[1];
        })(),
      ),
    );
    expect(seen.filter((name) => !isTemporaryName(name))).toEqual(['file']);
    expect(seen).toHaveLength(2);
  });

  it('keeps the old file and rethrows the error if the content fails', async () => {
    await writeFile(path, 'before');
    const failure = new Error('the connection broke');
    const content = Readable.from(
      (async function* () {
        yield pieces[0];
        throw failure;
      })(),
    );
    await expect(write(content)).rejects.toBe(failure);
    expect(await readFile(path, 'utf8')).toBe('before');
    expect(await readdir(directory)).toEqual(['file']);
  });

  it('removes the temporary file if it cannot be renamed', async () => {
    await mkdir(join(path, 'full'), { recursive: true });
    await expect(write(Readable.from(pieces))).rejects.toMatchObject({ code: expect.any(String) as string });
    expect(await readdir(directory, { recursive: true })).toEqual(['file', 'file/full']);
  });

  it('replaces a symbolic link instead of its target', async () => {
    await writeFile(join(directory, 'precious'), 'precious');
    await symlink('precious', path);
    await write(Buffer.from('new'));
    expect(await readFile(path, 'utf8')).toBe('new');
    expect(await readFile(join(directory, 'precious'), 'utf8')).toBe('precious');
  });
});

describe('replaceFile', () => {
  const lock = (): string => join(directory, 'lock');
  const replace = (
    content: string | Uint8Array,
    before?: (scratch: Scratch) => Promise<unknown>,
  ): Promise<void> =>
    withLock(lock(), async (scratch) => {
      await before?.(scratch);
      await replaceFile(path, scratch, content, { mode: 0o600 });
    });

  it.each([['text ü'], [Buffer.from('text ü')]])('renames the scratch file into place', async (content) => {
    await writeFile(path, 'before, and longer');
    await replace(content);
    expect(await readFile(path, 'utf8')).toBe('text ü');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(['file']);
  });

  it.each([
    ['was removed', () => rm(lock(), { recursive: true })],
    [
      'was removed, and taken by another process',
      async () => {
        await rm(lock(), { recursive: true });
        await mkdir(lock());
        await writeFile(join(lock(), '0123456789abcdef'), '{"pid":1,"host":"other"}');
      },
    ],
  ])('changes nothing if its lock %s', async (_, before) => {
    await writeFile(path, 'before');
    await expect(replace('after', before)).rejects.toMatchObject({
      name: 'FailedError',
      message: `cannot write ${path}: its lock was removed while it was held`,
      hint: 'Nothing was changed: try again.',
    });
    expect(await readFile(path, 'utf8')).toBe('before');
  });

  it.runIf(process.platform !== 'win32')('does not write through a planted symbolic link', async () => {
    const victim = join(directory, 'victim');
    await writeFile(victim, 'before');
    const planted = replace('secret', (scratch) => symlink(victim, scratch.path));
    await expect(planted).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await readFile(victim, 'utf8')).toBe('before');
    expect((await readdir(directory)).toSorted()).toEqual(['victim']);
  });
});
