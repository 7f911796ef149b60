import { stripVTControlCharacters } from 'node:util';

/** Between the columns of a table. */
const GAP = '   ';

/**
 * Aligns the cells of a table.
 * @param rows of the same number of cells, which may be coloured
 * @param gap between the columns
 * @returns one line for each row, without trailing spaces
 */
export function columns(rows: readonly (readonly string[])[], gap = GAP): string[] {
  const widths = columnWidths(rows);
  return rows.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - stringWidth(cell)))
      .join(gap)
      .trimEnd(),
  );
}

/** The width of the widest cell of each column. */
export function columnWidths(rows: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, stringWidth(cell));
    }
  }
  return widths;
}

/** The scripts whose characters take two columns, their full-width forms, and emoji. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Yi}\p{Emoji_Presentation}\u3000-\u303E\uFF01-\uFF60\uFFE0-\uFFE6]/u;
/** Characters that take no column: combining marks, joiners and variation selectors. */
const ZERO = /[\p{Mn}\p{Me}\p{Cf}]/u;
const ASCII = /^[ -~]*$/;

/**
 * The width of a text on a terminal. The bundle replaces `string-width` by it: yargs and ora measure only our own texts,
 * and the Unicode tables of that package take longer to load than all of yargs.
 * @public
 */
export default function stringWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of stripVTControlCharacters(text)) {
    width += ZERO.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  }
  return width;
}
