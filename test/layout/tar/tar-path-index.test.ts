import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { Budget, runLimits, withBudget } from '../../../src/content/budget.js';
import { TarPathIndex } from '../../../src/layout/tar/tar-path-index.js';
import { LimitError } from '../../../src/oci/errors.js';
import { failureOf } from '../../support/failure.js';
import { paxHeader, tarFile, type TarPart } from '../../support/tar-file.js';
import { filesOf, openArchive, openError } from '../temporary-archive.js';

const file = (name: string, content = name): TarPart => ({ name, content });
const symbolic = (name: string, target: string): TarPart => ({ name, type: '2', target });
const hard = (name: string, target: string): TarPart => ({ name, type: '1', target });

describe('names', () => {
  it.each<[what: string, parts: TarPart[], names: string[]]>([
    ['are without ./, doubled slashes and the like', [file('./a'), file('.//b/./c')], ['a', 'b/c']],
    ['come in the order of the entries that count', [file('b'), file('a'), file('b')], ['a', 'b']],
    ['are those of files only', [{ name: 'd/', type: '5' }, file('d/a')], ['d/a']],
    ['may have dots in them', [file('..a'), file('b../c..d')], ['..a', 'b../c..d']],
  ])('%s', async (_what, parts, names) => {
    expect((await openArchive(tarFile(parts))).names()).toEqual(names);
  });

  it.each<[what: string, parts: TarPart[], files: [string, string][]]>([
    ['the last file of a name', [file('a', 'old'), file('./a', 'new')], [['a', 'new']]],
    ['nothing where the last of a name is no file', [file('a'), { name: 'a', type: '6' }], []],
    [
      'a file that replaces a link',
      [file('b'), symbolic('a', 'b'), file('a', 'own')],
      [
        ['b', 'b'],
        ['a', 'own'],
      ],
    ],
    [
      'a link that replaces a file',
      [file('b'), file('a', 'own'), symbolic('a', 'b')],
      [
        ['b', 'b'],
        ['a', 'b'],
      ],
    ],
  ])('refer to %s', async (_what, parts, files) => {
    expect(await filesOf(await openArchive(tarFile(parts)))).toEqual(files);
  });

  it('are normalised, but not found outside the archive', async () => {
    const archive = await openArchive(tarFile([file('a/b')]));
    expect(['a/b', './a/b', 'a//b'].map((name) => archive.size(name))).toEqual([3, 3, 3]);
    const others = ['', '.', 'a', 'b', 'a/b/c', '/a/b', '../a/b', 'x/../a/b', 'constructor', '__proto__'];
    expect(others.filter((name) => archive.size(name) !== undefined)).toEqual([]);
    expect(archive.openFile('../a/b')).toBeUndefined();
    expect(await archive.readSmallFile('/a/b', 10)).toBeUndefined();
  });

  it.each(['/etc/passwd', '../x', 'a/../../x', 'a/..', '..', '//x', './../x'])(
    'that lead out of the archive are rejected: %s',
    async (name) => {
      for (const type of ['0', '1', '2', '3', '5', '6']) {
        const { message, hint } = await openError(tarFile([file('a'), { name, type, target: 'a' }]));
        expect(message).toBe(`FILE has an entry "${name}" whose name leads out of the archive`);
        expect(hint).toContain('Do not trust this file');
      }
    },
  );

  it('are shown in messages without control characters', async () => {
    expect((await openError(tarFile([file('../\u001B[2J')]))).message).toContain('"../\\u001b[2J"');
  });

  it('of more than 4096 characters are rejected', async () => {
    for (const keyword of ['path', 'linkpath']) {
      const parts = [paxHeader({ [keyword]: 'x/'.repeat(2500) }), symbolic('a', 'b')];
      expect((await openError(tarFile(parts))).message).toBe('FILE has a name of more than 4096 characters');
    }
  });
});

it('are limited in number by the budget of the call', async () => {
  const archive = tarFile([file('a'), file('b'), { name: 'c', type: '5' }]);
  const open = (entries: number): Promise<unknown> =>
    withBudget(new Budget(runLimits({ entries })), () => openArchive(archive));
  await expect(open(3)).resolves.toBeDefined();
  expect(await failureOf(open(2), LimitError)).toMatchObject({
    message: expect.stringContaining('needs more than 2 entries, its limit; it stopped at "c" of '),
  });
});

it('are limited in their path components', () => {
  const names = new TarPathIndex('FILE');
  const add = (name: string): void => {
    names.add({ type: 'other', name, target: '', start: 0, size: 0 });
  };
  for (let number = 0; number < 500; number += 1) add('d/'.repeat(2000));
  expect(() => add('d')).toThrow('FILE has more than 1000000 path components');
});

it('and the targets of links are limited in their path components', () => {
  const names = new TarPathIndex('FILE');
  const add = (number: number): void => {
    names.add({ type: 'symbolic-link', name: `l${number}`, target: 'd/'.repeat(2000), start: 0, size: 0 });
  };
  for (let number = 0; number < 500; number += 1) add(number);
  expect(() => add(500)).toThrow('FILE has more than 1000000 path components');
});

describe('links', () => {
  it.each<[what: string, parts: TarPart[], content: string | undefined]>([
    [
      'of docker save, from layer to layer',
      [
        file('id1/layer.tar', 'layer'),
        symbolic('link', 'x'),
        symbolic('id2/layer.tar', '../id1/layer.tar'),
        symbolic('link', 'id2/layer.tar'),
      ],
      'layer',
    ],
    ['to what comes later', [symbolic('link', 'a'), file('a')], 'a'],
    [
      'by way of a directory that is a link',
      [file('d/e/a'), symbolic('way', 'd/e'), symbolic('link', 'way/a')],
      'd/e/a',
    ],
    [
      'up from where a directory that is a link leads',
      [file('d/a'), file('d/e/x'), symbolic('way', 'd/e'), symbolic('link', './way/../a')],
      'd/a',
    ],
    ['over several links', [file('a'), symbolic('b', 'a'), symbolic('c', 'b'), symbolic('link', 'c')], 'a'],
    ['that are hard', [file('a'), hard('link', './a')], 'a'],
    [
      'that are hard, to what is replaced later',
      [file('a', 'old'), hard('link', 'a'), file('a', 'new')],
      'old',
    ],
    ['that are hard, to a symbolic one', [file('a'), symbolic('b', 'a'), hard('link', 'b')], 'a'],
    ['that are hard, to what comes later', [hard('link', 'a'), file('a')], undefined],
    ['to nothing', [symbolic('link', 'a')], undefined],
    ['that are hard, to nothing', [hard('link', 'a')], undefined],
    ['to a directory', [{ name: 'd/', type: '5' }, symbolic('link', 'd')], undefined],
    ['to where they are', [symbolic('link', '.')], undefined],
    ['to below a file', [file('a'), symbolic('link', 'a/b')], undefined],
    ['to themselves', [symbolic('link', 'link')], undefined],
    ['by way of an empty directory', [file('a'), { name: 'd/', type: '5' }, symbolic('link', 'd/../a')], 'a'],
    ['through a missing directory', [file('a'), symbolic('link', 'd/../a')], undefined],
    [
      'over 255 names',
      [file('d/a'), paxHeader({ linkpath: `${'d/../'.repeat(126)}d/a` }), symbolic('link', 'x')],
      'd/a',
    ],
    [
      'over more names',
      [file('d/a'), paxHeader({ linkpath: `${'d/../'.repeat(127)}d/a` }), symbolic('link', 'x')],
      undefined,
    ],
    ['in a circle', [symbolic('link', 'b'), symbolic('b', 'c'), symbolic('c', 'link')], undefined],
    ['in a growing circle', [symbolic('link', 'link/link/x')], undefined],
  ])('%s', async (_what, parts, content) => {
    const archive = await openArchive(tarFile(parts));
    expect(new Map(await filesOf(archive)).get('link')).toBe(content);
    expect(archive.size('link')).toBe(content?.length);
  });

  it('are followed in the names of directories', async () => {
    const parts = [file('store/abc'), symbolic('blobs', 'store')];
    const archive = await openArchive(tarFile(parts));
    expect(String(await archive.readSmallFile('blobs/abc', 100))).toBe('store/abc');
    expect(archive.names()).toEqual(['store/abc']);
  });

  it.each<[link: TarPart]>([
    [symbolic('a', '/etc/passwd')],
    [symbolic('a', '../x')],
    [symbolic('d/a', '../../x')],
    [symbolic('d/a', 'b/../../../d/a')],
    [hard('a', '/etc/passwd')],
    [hard('a', '../x')],
    [hard('d/a', 'd/../../x')],
  ])('out of the archive are rejected: $name to $target', async (link) => {
    const { message, hint } = await openError(tarFile([file('x'), link]));
    const names = `"${link.name}" to "${String(link.target)}"`;
    expect(message).toBe(`FILE has a link ${names}, which leads out of the archive`);
    expect(hint).toContain('Do not trust this file');
  });

  it('out of the archive by way of others are rejected', async () => {
    // By its names alone, the second one stays inside.
    const parts = [symbolic('d/here', '..'), symbolic('d/e/out', '../here/../x')];
    expect((await openError(tarFile(parts))).message).toContain('a link "d/e/out" to "../here/../x"');
  });
});

it('a lookup takes one step per component, and ends at a missing one', () => {
  const names = new TarPathIndex('FILE');
  for (let number = 0; number < 100; number += 1) {
    const link = { name: `l${number}`, target: `${'a/'.repeat(2000)}b`, start: 0, size: 0 };
    names.add({ type: 'symbolic-link', ...link });
  }
  const lookUps = vi.spyOn(Map.prototype, 'get');
  onTestFinished(() => lookUps.mockRestore());

  names.check();
  expect(names.files()).toEqual([]);

  // For a name itself, and for the first of those that its link states.
  expect(lookUps.mock.calls.length).toBeLessThanOrEqual(100 * 2 * 4);
});
