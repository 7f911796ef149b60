import { stripVTControlCharacters } from 'node:util';

const GAP = '   ';

/**
 * Lines up the cells of a table.
 * @param rows of equally many cells, which may be coloured
 * @returns one line for each row, without spaces at its end
 */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [position, cell] of row.entries()) {
      widths[position] = Math.max(widths[position] ?? 0, stringWidth(cell));
    }
  }
  return rows.map((row) =>
    row
      .map((cell, position) =>
        position === row.length - 1 ? cell : cell + ' '.repeat((widths[position] ?? 0) - stringWidth(cell)),
      )
      .join(GAP)
      .trimEnd(),
  );
}

/**
 * The number of columns that a text takes on a terminal. The bundle uses it in place of `string-width`: yargs and ora
 * measure only our own texts with it, and its Unicode tables cost more start-up time than all the rest of yargs.
 * @public
 */
export default function stringWidth(text: string): number {
  return Array.from(stripVTControlCharacters(text)).length;
}
