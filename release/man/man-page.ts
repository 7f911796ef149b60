import type { HelpPage, Row, Section } from '../../src/cli/help/page.js';

/** A man page: a page of help, with its name and what it refers to. */
export interface ManPage {
  /** `multiarch-push` */
  readonly name: string;
  readonly page: HelpPage;
  readonly version: string;
  /** The names of other man pages. */
  readonly seeAlso: readonly string[];
}

/**
 * Formats a man page with the macros of man(7), which groff and mandoc read. It has no date, so that equal sources give equal
 * bytes.
 */
export function formatManPage({ name, page, version, seeAlso }: ManPage): string {
  const { summary, usage, sections } = page;
  const lines = [
    `.TH ${name.toUpperCase()} 1 "" "multiarch ${version}"`,
    '.SH NAME',
    `${escape(name)} \\- ${escape(summary)}`,
    ...(usage === undefined ? [] : ['.SH SYNOPSIS', `.B ${escape(usage)}`]),
    ...sections.flatMap(formatSection),
    '.SH SEE ALSO',
    seeAlso.map((other) => `.BR ${escape(other)} (1)`).join(' ,\n'),
  ];
  return `${lines.join('\n')}\n`;
}

function formatSection({ title = 'Description', rows = [], lines = [] }: Section): string[] {
  return [
    `.SH ${title.toUpperCase()}`,
    ...(lines.length === 0 ? [] : ['.nf', ...lines.map((line) => text(line)), '.fi']),
    ...rows.flatMap(formatRow),
  ];
}

function formatRow({ left, text: meaning }: Row): string[] {
  return ['.TP', `.B ${escape(left.trim())}`, ...(meaning === '' ? [] : [text(meaning)])];
}

/** A line of text: a dot or an apostrophe at its start would make it a request. */
function text(line: string): string {
  const escaped = escape(line);
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

/** `-` would be a hyphen, and a backslash starts an escape sequence. */
function escape(line: string): string {
  return line
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('"', '\\(dq');
}
