import { createColors } from 'picocolors';
import { expect, it } from 'vitest';

import stringWidth, { columns } from '../../../src/cli/output/columns.js';

it('aligns cells, without trailing spaces', () => {
  expect(
    columns([
      ['A', 'LONG TITLE', 'LAST'],
      ['linux/amd64', '1', 'x'],
      ['-', '', ''],
    ]),
  ).toEqual(['A             LONG TITLE   LAST', 'linux/amd64   1            x', '-']);
});

it('ignores the colours of a cell', () => {
  const { red } = createColors(true);
  expect(
    columns([
      [red('a'), 'b'],
      ['long', 'c'],
    ]),
  ).toEqual([`${red('a')}      b`, 'long   c']);
});

it('returns nothing for no input', () => {
  expect(columns([])).toEqual([]);
});

it.each([
  ['', 0],
  ['linux/amd64', 11],
  ['├── …', 5],
  ['長い', 4],
  ['e\u0301', 1],
  ['🚀', 2],
  ['a\u200Db', 2],
])('measures %j as %i columns', (text, width) => {
  expect(stringWidth(text)).toBe(width);
});
