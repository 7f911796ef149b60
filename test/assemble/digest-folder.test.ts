import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { digestsOfNames, readDigestFolder } from '../../src/assemble/digest-folder.js';
import { FailedError, InvalidError, NotFoundError } from '../../src/oci/errors.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const [a, b, c] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string];
const long = 'd'.repeat(128);

describe('digestsOfNames', () => {
  it('accepts all spellings of a digest, sorted and without duplicates', () => {
    const names = [`sha512-${long}`, `sha256-${c}`, b, `sha256:${a}`, `sha256:${c}`, '.gitkeep', '.DS_Store'];
    expect(digestsOfNames(names)).toEqual([`sha256:${a}`, `sha256:${b}`, `sha256:${c}`, `sha512:${long}`]);
  });

  it.each([
    ['another file', 'README.md'],
    ['too few digits', a.slice(1)],
    ['capitals', a.toUpperCase()],
    ['an ending', `${a}.txt`],
    ['an algorithm that cannot be checked', `md5:${'0'.repeat(32)}`],
    ['a digest of 128 digits without an algorithm', long],
  ])('rejects %s', (_, name) => {
    expect(() => digestsOfNames([a, name])).toThrow(InvalidError);
    expect(() => digestsOfNames([a, name])).toThrow(JSON.stringify(name));
  });

  it('lists the other names, up to a limit', () => {
    expect(() => digestsOfNames(['z', a, 'y'], 'dir')).toThrow(
      'dir has entries that are not named after a digest: "y", "z"',
    );
    const many = Array.from({ length: 12 }, (_, index) => `file-${index}`);
    expect(() => digestsOfNames(many)).toThrow('and 2 more');
  });

  it.each([[[]], [['.gitkeep']]])('rejects %j, which has no digests', (names) => {
    expect(() => digestsOfNames(names, 'dir')).toThrow('dir has no file that is named after a digest');
  });
});

describe('readDigestFolder', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await temporaryDirectory();
  });

  it('reads the names of the files', async () => {
    await Promise.all([b, `sha256-${a}`, '.keep'].map((name) => writeFile(join(folder, name), '')));
    expect(await readDigestFolder(folder)).toEqual([`sha256:${a}`, `sha256:${b}`]);
  });

  it('reports subdirectories, for jobs that create one each', async () => {
    await mkdir(join(folder, 'linux-amd64'));
    const refused = expect(readDigestFolder(folder)).rejects;
    await refused.toThrow(`${folder} has entries that are not named after a digest: "linux-amd64"`);
    await refused.toMatchObject({ hint: expect.stringContaining('Subdirectories are not read') });
  });

  it.each([
    ['does not exist', 'none', NotFoundError],
    ['is a file', 'file', FailedError],
  ])('reports that it %s', async (_, name, kind) => {
    await writeFile(join(folder, 'file'), '');
    await expect(readDigestFolder(join(folder, name))).rejects.toThrow(kind);
  });
});
