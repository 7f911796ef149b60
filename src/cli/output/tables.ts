import stringWidth, { columns, columnWidths } from './columns.js';
import type { Screen } from './terminal.js';
import { usableWidth, withShortDigests, wrap } from './text-layout.js';

/** A text of a table, and how it is coloured. */
export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

/** A row of a table. Cells without colours are texts. */
export type Row = readonly (Cell | string)[];

/** In columns: the least width in which the last column of a table is wrapped, rather than each row is a block. */
const LAST_COLUMN = 14;
/** In columns: the least width in which a value is wrapped beside its label, rather than below it. */
const VALUE = 24;
/** The gaps of a table: usually, and on a screen that is too narrow for them. */
const GAPS = ['   ', '  '] as const;
const INDENT = '  ';

/**
 * Formats a table for a screen. If it is too wide, digests are shortened, then the gaps; then the last column is wrapped;
 * then each row is a block of lines, `TITLE value`.
 * @param titles empty for a table without titles
 * @param titlePaint the colour of titles
 */
export function tableLines(
  titles: readonly string[],
  rows: readonly Row[],
  screen: Screen,
  titlePaint: (text: string) => string = (text) => text,
): string[] {
  const width = usableWidth(screen);
  const titleRows = titles.length === 0 ? [] : [titles.map((text) => ({ text, paint: titlePaint }))];
  const whole = [...titleRows, ...rows.map((row) => row.map(toCell))];
  const short = whole.map((row) => row.map((cell) => withShort(cell, screen)));
  const layouts = [
    [whole, GAPS[0]],
    [short, GAPS[0]],
    [short, GAPS[1]],
  ] as const;
  for (const [cells, gap] of layouts) {
    const texts = cells.map((row) => row.map(({ text }) => text));
    const total = columnWidths(texts).reduce((sum, each) => sum + each + gap.length, -gap.length);
    if (total <= width)
      return columns(
        cells.map((row) => row.map(painted)),
        gap,
      );
  }
  return withWrappedColumn(short, width, screen) ?? blocks(titles, rows, screen);
}

/** Wraps the last column; `undefined` if the others leave too little room for it. */
function withWrappedColumn(
  rows: readonly (readonly Cell[])[],
  width: number,
  screen: Screen,
): string[] | undefined {
  const widths = columnWidths(rows.map((row) => row.slice(0, -1).map(({ text }) => text)));
  const before = widths.reduce((sum, each) => sum + each + GAPS[1].length, 0);
  const room = width - before;
  if (room < LAST_COLUMN || widths.length === 0) return undefined;
  const lines = rows.flatMap((row) => {
    const last = row.at(-1) ?? { text: '' };
    return wrap(last.text, room, screen.symbols).map((text, line) => [
      ...row.slice(0, -1).map((cell) => (line === 0 ? painted(cell) : '')),
      last.paint?.(text) ?? text,
    ]);
  });
  return columns(lines, GAPS[1]);
}

/** A block for each row: the first cell, and the others below it. */
function blocks(titles: readonly string[], rows: readonly Row[], screen: Screen): string[] {
  return rows.flatMap((row) => {
    const cells = row.map(toCell);
    // A row without a name is named by its last cell.
    const [first = { text: '' }, ...others] =
      cells[0]?.text === '-' ? [...cells.slice(-1), ...cells.slice(0, -1)] : cells;
    const isNamed = first === cells[0];
    const names = isNamed ? titles.slice(1) : titles;
    const fields = others.map((cell, index) => ({ ...cell, label: names[index] ?? '' }));
    return [
      ...wrap(first.text, usableWidth(screen), screen.symbols).map((text) => first.paint?.(text) ?? text),
      ...fieldLines(
        fields.filter(({ text }, index) => text !== '' && (isNamed || index > 0)),
        screen,
        { indent: INDENT, gap: GAPS[1] },
      ),
    ];
  });
}

/** A value with a label. */
export interface Field extends Cell {
  readonly label: string;
}

/**
 * Formats labels and their values in two columns. A value that is too wide is below its label if it fits there, else it is
 * wrapped.
 * @param options.indent before each line
 */
export function fieldLines(
  fields: readonly Field[],
  screen: Screen,
  {
    indent = '',
    gap = GAPS[0],
    paint = (text) => text,
  }: { readonly indent?: string; readonly gap?: string; readonly paint?: (label: string) => string } = {},
): string[] {
  const width = usableWidth(screen) - indent.length;
  const [labels = 0] = columnWidths(fields.map(({ label }) => [label]));
  const column = labels === 0 ? 0 : labels + gap.length;
  return fields.flatMap(({ label, text, paint: paintText = (plain) => plain }) => {
    const size = stringWidth(text);
    const room = width - column;
    const isBelow = size > room && (size <= width - INDENT.length || room < VALUE);
    const start = paint(label) + ' '.repeat(Math.max(0, column - stringWidth(label)));
    if (isBelow && label !== '') {
      const below = wrap(text, width - INDENT.length, screen.symbols);
      return [
        `${indent}${paint(label.trimEnd())}`,
        ...below.map((line) => `${indent}${INDENT}${paintText(line)}`),
      ];
    }
    return wrap(text, Math.max(1, room), screen.symbols).map((line, index) =>
      `${indent}${index === 0 ? start : ' '.repeat(column)}${paintText(line)}`.trimEnd(),
    );
  });
}

function toCell(cell: Cell | string): Cell {
  return typeof cell === 'string' ? { text: cell } : cell;
}

function withShort(cell: Cell, { symbols }: Screen): Cell {
  return { ...cell, text: withShortDigests(cell.text, symbols) };
}

function painted({ text, paint }: Cell): string {
  return paint === undefined || text === '' ? text : paint(text);
}
