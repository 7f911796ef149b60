import type { Terminal } from '../output/terminal.js';
import type { HelpPage, Row, Section } from './page.js';

const MARGIN = 2;
const GAP = 2;
/** The width of the left column. A longer cell is followed by its text on the same line if that fits, else on the next. */
const MAX_LEFT = 28;
const MAX_WIDTH = 120;
const MIN_WIDTH = 40;
/** Where nothing is known of the terminal, as in a pipe. */
const DEFAULT_WIDTH = 100;

/** The width of help: `COLUMNS`, else that of the terminal, else 100, and at most 120. */
export function helpWidth({ env, stderr }: Pick<Terminal, 'env' | 'stderr'>): number {
  const { COLUMNS = '' } = env;
  const columns = /^[1-9]\d{0,5}$/.test(COLUMNS) ? Number(COLUMNS) : (stderr.columns ?? 0);
  return columns > 0 ? Math.max(MIN_WIDTH, Math.min(columns, MAX_WIDTH)) : DEFAULT_WIDTH;
}

/** Formats a page of help as lines of at most this width, unless a single name is longer. */
export function formatPage({ summary, usage, sections, end = [] }: HelpPage, width: number): string {
  const blocks = [
    wrap(summary, width),
    ...(usage === undefined ? [] : [wrap(`Usage: ${usage}`, width, MARGIN)]),
    ...sections.map((section) => formatSection(section, width)),
    ...(end.length === 0 ? [] : [end.flatMap((line) => wrap(line, width))]),
  ];
  return blocks.map((lines) => lines.join('\n')).join('\n\n');
}

function formatSection({ title, rows = [], lines = [] }: Section, width: number): string[] {
  const longest = Math.max(0, ...rows.map(({ left }) => left.length));
  const column = MARGIN + Math.min(longest, MAX_LEFT, Math.floor(width / 3)) + GAP;
  return [
    ...(title === undefined ? [] : [`${title}:`]),
    ...lines.map((line) => ' '.repeat(MARGIN) + line),
    ...rows.flatMap((row) => formatRow(row, column, width)),
  ];
}

function formatRow({ left, text }: Row, column: number, width: number): string[] {
  const start = ' '.repeat(MARGIN) + left;
  if (text === '') return [start];
  const isLong = start.length + GAP > column;
  if (isLong && start.length + GAP + text.length <= width) return [start + ' '.repeat(GAP) + text];
  const indented = wrap(text, width - column).map((line) => ' '.repeat(column) + line);
  if (isLong) return [start, ...indented];
  const [first = '', ...others] = indented;
  return [start + first.slice(start.length), ...others];
}

/** Breaks a text at its spaces. @param indent that of all lines but the first */
function wrap(text: string, width: number, indent = 0): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${line} ${word}`;
    } else {
      lines.push((lines.length === 0 ? '' : ' '.repeat(indent)) + word);
    }
  }
  return lines;
}
