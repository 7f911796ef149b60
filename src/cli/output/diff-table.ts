import type { Colors } from 'picocolors/types.js';

import type { Descriptor } from '../../oci/descriptor.js';
import type { ChangedEntry, DiffEntry, IndexDiff, OrderedEntry } from '../../oci/diff-index.js';
import type { DescriptorChanges, IndexFieldChanges, ValueChange } from '../../oci/diff-values.js';
import { printable } from '../../oci/errors.js';
import { columns, titledColumns } from './columns.js';
import { formatBytes } from './format.js';
import { escapedJson } from './shown-text.js';
import { entryType, platformCell } from './cells.js';

/** Longer values are truncated; `--json` has them in full. A sha512 digest fits. */
const VALUE_LIMIT = 160;

/**
 * Formats the differences of two indexes as a table: a line for each added or removed entry, and two for each changed
 * value, the old one after `-` and the new one after `+`.
 * @param names the names of the two sides
 * @returns the lines
 */
export function diffTableLines(
  diff: IndexDiff,
  names: { readonly before: string; readonly after: string },
  colors: Colors,
): readonly string[] {
  const header = columns([
    [
      colors.bold('Before:'),
      printable(names.before),
      ...(diff.before === undefined ? [] : [diff.before.digest]),
    ],
    [colors.bold('After:'), printable(names.after), diff.after.digest],
  ]);
  const rows = new Rows(colors).of(diff);
  if (rows.length > 0) {
    return [...header, '', ...titledColumns(['CHANGE', 'ENTRY', 'FIELD', 'VALUE'], rows, colors)];
  }
  const result = diff.same
    ? 'The two are identical.'
    : 'The two differ only in their JSON formatting; their content is the same.';
  return [...header, '', result];
}

type Row = readonly [change: string, entry: string, field: string, value: string];

/** Builds the rows of the table. */
class Rows {
  readonly #colors: Colors;

  constructor(colors: Colors) {
    this.#colors = colors;
  }

  of({ before, index, platforms, attestations, order }: IndexDiff): Row[] {
    const { green, yellow } = this.#colors;
    return [
      ...this.#changed('the index', index, before === undefined ? green('added') : yellow('changed')),
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

  #changed(
    name: string,
    { annotations = {}, ...fields }: DescriptorChanges | IndexFieldChanges,
    change = this.#colors.yellow('changed'),
  ): Row[] {
    const changes = [
      ...Object.entries<ValueChange<unknown>>(fields),
      ...Object.entries(annotations).map(([key, values]) => [`annotation ${key}`, values] as const),
    ];
    return changes
      .flatMap(([field, values]) => this.#sides(field, values))
      .map(([field, value], index) => (index === 0 ? [change, name, field, value] : ['', '', field, value]));
  }

  #moved({ before = [], after = [] }: ValueChange<readonly OrderedEntry[]>): Row[] {
    return [
      [this.#colors.yellow('moved'), 'the index', 'order', this.#line('-', namesOf(before, after))],
      ['', '', '', this.#line('+', namesOf(after, before))],
    ];
  }

  /** The lines of a changed value: one or two. */
  #sides(
    field: string,
    { before, after }: ValueChange<unknown>,
  ): (readonly [field: string, value: string])[] {
    // Values that look the same differ in characters that a terminal does not show; JSON shows these.
    const looksSame = before !== undefined && after !== undefined && valueText(before) === valueText(after);
    const text = looksSame ? jsonText : valueText;
    const lines = [
      ...(before === undefined ? [] : [this.#line('-', text(before))]),
      ...(after === undefined ? [] : [this.#line('+', text(after))]),
    ];
    return lines.map((line, index) => [index === 0 ? printable(field) : '', line]);
  }

  #line(sign: '-' | '+', text: string): string {
    const line = `${sign} ${text}`;
    return sign === '-' ? this.#colors.red(line) : this.#colors.green(line);
  }

  #entryName({ platform }: DiffEntry | ChangedEntry, descriptor: Descriptor): string {
    const type = entryType(descriptor);
    const name = this.#colors.cyan(platformCell(platform));
    if (type === 'image') return name;
    return platform === undefined ? type : `${type} of ${name}`;
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
