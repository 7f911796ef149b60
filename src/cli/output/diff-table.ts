import type { Colors } from 'picocolors/types.js';

import type { Descriptor } from '../../oci/descriptor.js';
import type { ChangedEntry, DiffEntry, IndexDiff, OrderedEntry } from '../../oci/diff-index.js';
import type { DescriptorChanges, IndexFieldChanges, ValueChange } from '../../oci/diff-values.js';
import { printable } from '../../oci/errors.js';
import stringWidth from './columns.js';
import { formatBytes } from './format.js';
import { escapedJson } from './shown-text.js';
import { fieldLines, tableLines, type Cell } from './tables.js';
import type { Screen } from './terminal.js';
import { usableWidth, withShortDigests, wrap } from './text-layout.js';
import { entryType, platformCell } from './cells.js';

/** Longer values are truncated; `--json` has them in full. A sha512 digest fits. */
const VALUE_LIMIT = 160;

/**
 * Formats the differences of two indexes as a table: a line for each added or removed entry, and two for each changed
 * value, the old one after `-` and the new one after `+`. On a narrow screen, as a block for each entry.
 * @param names the names of the two sides
 * @returns the lines
 */
export function diffTableLines(
  diff: IndexDiff,
  names: { readonly before: string; readonly after: string },
  colors: Colors,
  screen: Screen,
): readonly string[] {
  const sides = [
    ['Before:', names.before, ...(diff.before === undefined ? [] : [diff.before.digest])],
    ['After:', names.after, diff.after.digest],
  ].map(([label = '', name = '', ...digest]) => [
    { text: label, paint: colors.bold },
    printable(name),
    ...digest,
  ]);
  const rows = diffRows(diff, colors);
  const header = headerLines(sides, screen);
  if (rows.length > 0) return [...header, '', ...changeLines(rows, colors, screen)];
  const result = diff.same
    ? 'The two are identical.'
    : 'The two differ only in their JSON formatting; their content is the same.';
  return [...header, '', ...wrap(result, usableWidth(screen), screen.symbols)];
}

/** Returns the rows of the table of {@link diffTableLines}. */
export function diffRows(diff: IndexDiff, colors: Colors): readonly ChangeRow[] {
  return new Rows(colors).of(diff);
}

/** The names and digests of the two sides, on two lines if they fit. */
function headerLines(sides: readonly (readonly (Cell | string)[])[], screen: Screen): string[] {
  const lines = tableLines([], sides, { ...screen, width: Infinity });
  if (lines.every((line) => stringWidth(line) <= usableWidth(screen))) return lines;
  return sides.flatMap(([label = '', ...values]) => {
    const { text, paint } = typeof label === 'string' ? { text: label } : label;
    const fields = values.map((value, index) => {
      const cell = typeof value === 'string' ? { text: value } : value;
      return { ...cell, label: index === 0 ? text.padEnd('Before:'.length) : '' };
    });
    return fieldLines(fields, screen, { gap: ' ', ...(paint && { paint }) });
  });
}

/** A table if it fits, else a block for each entry. */
function changeLines(rows: readonly ChangeRow[], colors: Colors, screen: Screen): string[] {
  const titles = ['CHANGE', 'ENTRY', 'FIELD', 'VALUE'];
  const width = usableWidth(screen);
  for (const short of [false, true]) {
    const shown = rows.map((row) =>
      row.map(({ text, ...cell }) => ({
        ...cell,
        text: short ? withShortDigests(text, screen.symbols) : text,
      })),
    );
    const lines = tableLines(titles, shown, { ...screen, width: Infinity }, colors.bold);
    if (lines.every((line) => stringWidth(line) <= width)) return lines;
  }
  return rows.flatMap(([change, entry, field, value]) => [
    ...(change.text === ''
      ? []
      : wrap(`${entry.text} ${change.text}`, width, screen.symbols).map(
          (text) => change.paint?.(text) ?? text,
        )),
    ...(field.text === '' ? [] : wrap(field.text, width - 2, screen.symbols).map((text) => `  ${text}`)),
    ...fieldLines([{ ...value, label: '' }], screen, { indent: '    ' }),
  ]);
}

/** A row of the table. */
export type ChangeRow = readonly [change: Cell, entry: Cell, field: Cell, value: Cell];

const EMPTY: Cell = { text: '' };

/** Builds the rows of the table. */
class Rows {
  readonly #colors: Colors;

  constructor(colors: Colors) {
    this.#colors = colors;
  }

  of({ before, index, platforms, attestations, order }: IndexDiff): ChangeRow[] {
    const { green, red, yellow } = this.#colors;
    return [
      ...this.#changed(
        { text: 'the index' },
        index,
        before === undefined ? { text: 'added', paint: green } : { text: 'changed', paint: yellow },
      ),
      ...[platforms, attestations].flatMap(({ added, removed, changed }) => [
        ...added.map((entry) => this.#single({ text: 'added', paint: green }, entry)),
        ...removed.map((entry) => this.#single({ text: 'removed', paint: red }, entry)),
        ...changed.flatMap((entry) => this.#changed(this.#entryName(entry, entry.after), entry.changes)),
      ]),
      ...(order === undefined ? [] : this.#moved(order)),
    ];
  }

  #single(change: Cell, entry: DiffEntry): ChangeRow {
    const { digest, size } = entry.descriptor;
    const value = { text: `${digest} (${formatBytes(size)})` };
    return [change, this.#entryName(entry, entry.descriptor), { text: 'digest' }, value];
  }

  #changed(
    name: Cell,
    { annotations = {}, ...fields }: DescriptorChanges | IndexFieldChanges,
    change: Cell = { text: 'changed', paint: this.#colors.yellow },
  ): ChangeRow[] {
    const changes = [
      ...Object.entries<ValueChange<unknown>>(fields),
      ...Object.entries(annotations).map(([key, values]) => [`annotation ${key}`, values] as const),
    ];
    return changes
      .flatMap(([field, values]) => this.#sides(field, values))
      .map(([field, value], index) =>
        index === 0 ? [change, name, field, value] : [EMPTY, EMPTY, field, value],
      );
  }

  #moved({ before = [], after = [] }: ValueChange<readonly OrderedEntry[]>): ChangeRow[] {
    return [
      [
        { text: 'moved', paint: this.#colors.yellow },
        { text: 'the index' },
        { text: 'order' },
        this.#line('-', namesOf(before, after)),
      ],
      [EMPTY, EMPTY, EMPTY, this.#line('+', namesOf(after, before))],
    ];
  }

  /** The lines of a changed value: one or two. */
  #sides(field: string, { before, after }: ValueChange<unknown>): (readonly [field: Cell, value: Cell])[] {
    // Values that look the same differ in characters that a terminal does not show; JSON shows these.
    const looksSame = before !== undefined && after !== undefined && valueText(before) === valueText(after);
    const text = looksSame ? jsonText : valueText;
    const lines = [
      ...(before === undefined ? [] : [this.#line('-', text(before))]),
      ...(after === undefined ? [] : [this.#line('+', text(after))]),
    ];
    return lines.map((line, index) => [index === 0 ? { text: printable(field) } : EMPTY, line]);
  }

  #line(sign: '-' | '+', text: string): Cell {
    return { text: `${sign} ${text}`, paint: sign === '-' ? this.#colors.red : this.#colors.green };
  }

  #entryName({ platform }: DiffEntry | ChangedEntry, descriptor: Descriptor): Cell {
    const type = entryType(descriptor);
    const name = platformCell(platform);
    if (type === 'image') return { text: name, paint: this.#colors.cyan };
    return { text: platform === undefined ? type : `${type} of ${name}` };
  }
}

/** The names of entries in order. If these do not show what moved, the start of each digest is added. */
function namesOf(entries: readonly OrderedEntry[], others: readonly OrderedEntry[]): string {
  const isClear = entries.some(({ name }, index) => name !== others[index]?.name);
  return entries
    .map(({ name, digest }) => printable(isClear ? name : `${name} (${digest.slice(0, 19)})`))
    .join(', ');
}

function valueText(value: unknown): string {
  return truncate(printable(plainText(value)));
}

/** JSON in ASCII: everything that a terminal might not show is escaped. */
function jsonText(value: unknown): string {
  return truncate(escapedJson(JSON.stringify(value), /[^ -~]/g));
}

function truncate(text: string): string {
  return text.length > VALUE_LIMIT ? `${text.slice(0, VALUE_LIMIT)}…` : text;
}

function plainText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.join(', ');
  if (typeof value !== 'object' || value === null) return String(value);
  if ('digest' in value) return String(value.digest);
  return platformCell(value);
}
