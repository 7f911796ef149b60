import type { Colors } from 'picocolors/types.js';

import type { Descriptor } from '../../oci/descriptor.js';
import type { ChangedEntry, DiffEntry, IndexDiff, OrderedEntry } from '../../oci/diff-index.js';
import type { DescriptorChanges, IndexChanges, ValueChange } from '../../oci/diff-values.js';
import { printable } from '../../oci/errors.js';
import { columns } from './columns.js';
import { entryType } from './entry-type.js';
import { formatBytes } from './format.js';
import { platformCell } from './inspect-text.js';

/** Longer values are cut: a table is read by people, and JSON has them in full. Holds a sha512 digest. */
const VALUE_LIMIT = 160;

/**
 * What differs between two indexes as a table: a line for each entry that came or went, and two for each value that
 * changed, the old one after `-` and the new one after `+`.
 * @param names how the two sides are called
 * @returns the lines
 */
export function diffTableLines(
  diff: IndexDiff,
  names: { readonly before: string; readonly after: string },
  colors: Colors,
): readonly string[] {
  const header = columns([
    [colors.bold('Before:'), printable(names.before), diff.before.digest],
    [colors.bold('After:'), printable(names.after), diff.after.digest],
  ]);
  const rows = new Rows(colors).of(diff);
  if (rows.length > 0) {
    const titles = ['CHANGE', 'ENTRY', 'FIELD', 'VALUE'].map((title) => colors.bold(title));
    return [...header, '', ...columns([titles, ...rows])];
  }
  const words = diff.same
    ? 'Both are the same.'
    : 'Only the form of the two documents differs; what they say is the same.';
  return [...header, '', words];
}

type Row = readonly [change: string, entry: string, field: string, value: string];

/** Makes the rows of the table. */
class Rows {
  readonly #colors: Colors;

  constructor(colors: Colors) {
    this.#colors = colors;
  }

  of({ index, platforms, attestations, order }: IndexDiff): Row[] {
    return [
      ...this.#changed('the index', index),
      ...[platforms, attestations].flatMap(({ added, removed, changed }) => [
        ...added.map((entry) => this.#single(this.#colors.green('added'), entry)),
        ...removed.map((entry) => this.#single(this.#colors.red('removed'), entry)),
        ...changed.flatMap((entry) => this.#changed(this.#entryName(entry, entry.after), entry.changes)),
      ]),
      ...(order === undefined ? [] : this.#moved(order)),
    ];
  }

  #single(change: string, entry: DiffEntry): Row {
    const { digest, size } = entry.descriptor;
    return [change, this.#entryName(entry, entry.descriptor), 'digest', `${digest} (${formatBytes(size)})`];
  }

  #changed(name: string, { annotations = {}, ...fields }: DescriptorChanges | IndexChanges): Row[] {
    const changes = [
      ...Object.entries<ValueChange<unknown>>(fields),
      ...Object.entries(annotations).map(([key, change]) => [`annotation ${key}`, change] as const),
    ];
    return changes
      .flatMap(([field, change]) => this.#sides(field, change))
      .map(([field, value], position) =>
        position === 0 ? [this.#colors.yellow('changed'), name, field, value] : ['', '', field, value],
      );
  }

  #moved({ before = [], after = [] }: ValueChange<readonly OrderedEntry[]>): Row[] {
    return [
      [this.#colors.yellow('moved'), 'the index', 'order', this.#line('-', namesOf(before, after))],
      ['', '', '', this.#line('+', namesOf(after, before))],
    ];
  }

  /** One value that changed, in one or two lines. */
  #sides(
    field: string,
    { before, after }: ValueChange<unknown>,
  ): (readonly [field: string, value: string])[] {
    // What looks alike is not: it differs in what a terminal does not show.
    const isAlike = before !== undefined && after !== undefined && valueWords(before) === valueWords(after);
    const words = isAlike ? jsonWords : valueWords;
    const lines = [
      ...(before === undefined ? [] : [this.#line('-', words(before))]),
      ...(after === undefined ? [] : [this.#line('+', words(after))]),
    ];
    return lines.map((line, position) => [position === 0 ? printable(field) : '', line]);
  }

  #line(sign: '-' | '+', text: string): string {
    const line = `${sign} ${text}`;
    return sign === '-' ? this.#colors.red(line) : this.#colors.green(line);
  }

  #entryName({ platform }: DiffEntry | ChangedEntry, descriptor: Descriptor): string {
    const type = printable(entryType(descriptor));
    const words = this.#colors.cyan(platformCell(platform));
    if (type === 'image') return words;
    return platform === undefined ? type : `${type} of ${words}`;
  }
}

/** Entries in a row. Where names alone would not show what moved, each with the beginning of its digest. */
function namesOf(entries: readonly OrderedEntry[], others: readonly OrderedEntry[]): string {
  const isClear = entries.some(({ name }, position) => name !== others[position]?.name);
  return entries
    .map(({ name, digest }) => printable(isClear ? name : `${name} (${digest.slice(0, 19)})`))
    .join(', ');
}

function valueWords(value: unknown): string {
  return cut(printable(plainWords(value)));
}

function jsonWords(value: unknown): string {
  return cut(printable(JSON.stringify(value)));
}

function cut(text: string): string {
  return text.length > VALUE_LIMIT ? `${text.slice(0, VALUE_LIMIT)}…` : text;
}

function plainWords(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.join(', ');
  if (typeof value !== 'object' || value === null) return String(value);
  if ('digest' in value) return String(value.digest);
  return platformCell(value);
}
