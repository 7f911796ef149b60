import { createColors } from 'picocolors';
import { expect, it } from 'vitest';

import { columns } from '../../../src/cli/output/columns.js';

it('lines cells up, and leaves no spaces at the end of a line', () => {
  expect(
    columns([
      ['A', 'LONG TITLE', 'LAST'],
      ['linux/amd64', '1', 'x'],
      ['-', '', ''],
    ]),
  ).toEqual(['A             LONG TITLE   LAST', 'linux/amd64   1            x', '-']);
});

it('does not count what colours a cell', () => {
  const { red } = createColors(true);
  expect(
    columns([
      [red('a'), 'b'],
      ['long', 'c'],
    ]),
  ).toEqual([`${red('a')}      b`, 'long   c']);
});

it('gives nothing for nothing', () => {
  expect(columns([])).toEqual([]);
});
