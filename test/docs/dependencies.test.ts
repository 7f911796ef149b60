import { describe, expect, it } from 'vitest';

import { namesIn, readDependencies, tableRows, TABLES } from './dependencies.js';
import { page } from './markdown.js';

const { text } = page('docs/dependencies.md');
const { direct, indirect, development } = readDependencies();

/** The bytes of a size as the page states it. */
function bytesOf(size: string): number {
  const [, number = '', unit] = /^([\d.]+) (k?B)$/.exec(size) ?? [];
  return Number(number) * (unit === 'kB' ? 1000 : 1);
}

describe('docs/dependencies.md', () => {
  it.each([
    [TABLES.direct, direct.map(({ name }) => name)],
    [TABLES.indirect, indirect.map(({ name }) => name)],
    [TABLES.development, development],
  ])('lists every package, and no other: %s', (heading, names) => {
    expect(names.length).toBeGreaterThan(5);
    expect([...namesIn(text, heading)].toSorted()).toEqual(names.toSorted());
  });

  it('states the licences', () => {
    const stated = [
      ...tableRows(text, TABLES.direct).map(([name, , , , licence]) => [name, licence]),
      ...tableRows(text, TABLES.indirect).map(([name, , , licence]) => [name, licence]),
    ];
    expect(stated).toEqual([...direct, ...indirect].map(({ name, license }) => [`\`${name}\``, license]));
  });

  // Each update of a package changes its size a little.
  it('states sizes that are at most a quarter off', () => {
    const stated = [...tableRows(text, TABLES.direct), ...tableRows(text, TABLES.indirect)];
    const wrong = [...direct, ...indirect].filter(({ bytes }, at) => {
      const difference = Math.abs(bytesOf(stated[at]?.[2] ?? '') - bytes);
      return !(difference <= Math.max(500, bytes / 4));
    });
    expect(wrong).toEqual([]);
  });

  it('states why, and when each direct one was last released, and what would replace it', () => {
    for (const [name, why = '', , released, , replacement = ''] of tableRows(text, TABLES.direct)) {
      expect({ name, why, released, replacement }).toEqual({
        name,
        why: expect.stringMatching(/\.$/) as string,
        released: expect.stringMatching(/^20\d\d-\d\d-\d\d$/) as string,
        replacement: expect.stringMatching(/\.$/) as string,
      });
    }
  });

  it('knows which direct packages need each other one', () => {
    expect(indirect.filter(({ neededBy }) => neededBy.length === 0)).toEqual([]);
  });
});
