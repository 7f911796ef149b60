import { stripVTControlCharacters } from 'node:util';

import type { Colors } from 'picocolors/types.js';

const GAP = '   ';

/**
 * Aligns the cells of a table.
 * @param rows of the same number of cells, which may be coloured
 * @returns one line for each row, without trailing spaces
 */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, stringWidth(cell));
    }
  }
  return rows.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - stringWidth(cell)))
      .join(GAP)
      .trimEnd(),
  );
}

/** As {@link columns}, with bold titles above the rows. */
export function titledColumns(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  { bold }: Colors,
): string[] {
  return columns([titles.map((title) => bold(title)), ...rows]);
}

/**
 * The width of a text on a terminal. The bundle replaces `string-width` by it: yargs and ora measure only our own texts,
 * and the Unicode tables of that package take longer to load than all of yargs.
 * @public
 */
export default function stringWidth(text: string): number {
  return Array.from(stripVTControlCharacters(text)).length;
}
