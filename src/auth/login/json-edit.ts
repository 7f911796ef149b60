import { parseTree, type Node } from 'jsonc-parser';

/** A member of an object, by offsets in the text. */
interface Member {
  readonly name: string;
  readonly start: number;
  readonly nameEnd: number;
  readonly value: Node;
  readonly end: number;
}

/** How a JSON text is laid out. */
interface Style {
  /** The indentation of one level. */
  readonly indent: string;
  /** `''` for a text on one line. */
  readonly newline: string;
  /** The colon between name and value, with the white space around it. */
  readonly colon: string;
}

/** The style of docker's own configuration file, for a text that shows none. */
const DOCKER_STYLE: Style = { indent: '\t', newline: '\n', colon: ': ' };

/**
 * Sets a member of a JSON object and creates the objects above it that are missing. The rest of the text stays as it
 * is: order, indentation and unknown members. Where a name is duplicate, the last one counts, as for `JSON.parse` and
 * docker.
 * @param text valid JSON, an object; blank text is an empty object
 * @param path the names down to the member
 */
export function withMember(text: string, path: readonly string[], value: unknown): string {
  const source = text.trim() === '' ? '{}' : text;
  const style = styleOf(source);
  let object = parseTree(source);
  for (const [depth, name] of path.entries()) {
    const nested = path.slice(depth + 1).reduceRight((inner, outer) => ({ [outer]: inner }), value);
    const member = findMember(object, name);
    if (member === undefined)
      return object === undefined ? source : insert(source, object, name, nested, depth);
    if (depth === path.length - 1 || member.value.type !== 'object') {
      const written = write(nested, style, indentOf(source, member, style, depth));
      return source.slice(0, member.value.offset) + written + source.slice(member.end);
    }
    object = member.value;
  }
  return source;
}

/** Removes a member of a JSON object, and its duplicates. The rest of the text stays as it is. */
export function withoutMember(text: string, path: readonly string[]): string {
  for (let rest = text; ;) {
    const parents = path.slice(0, -1);
    const object = parents.reduce((outer, name) => findMember(outer, name)?.value, parseTree(rest));
    const members = membersOf(object);
    const index = members.findIndex(({ name }) => name === path.at(-1));
    const [before, member, after] = [members[index - 1], members[index], members[index + 1]];
    if (object === undefined || member === undefined) return rest;
    const start = after !== undefined ? member.start : (before?.end ?? object.offset + 1);
    const end = after?.start ?? (before === undefined ? endOf(object) - 1 : member.end);
    rest = rest.slice(0, start) + rest.slice(end);
  }
}

function insert(text: string, object: Node, name: string, value: unknown, depth: number): string {
  const style = styleOf(text);
  const written = (base: string, layout = style): string =>
    `${JSON.stringify(name)}${style.colon}${write(value, layout, base)}`;
  const [previous, last] = [undefined, ...membersOf(object)].slice(-2);
  if (last !== undefined) {
    // A new member starts as the last one does.
    const gap =
      previous === undefined
        ? text.slice(object.offset + 1, last.start)
        : text.slice(previous.end, last.start).replace(/^\s*,/, '');
    const isOneLine = !text.slice(object.offset, endOf(object)).includes('\n');
    const separator = previous === undefined && isOneLine && style.colon !== ':' ? ' ' : gap;
    const layout = isOneLine ? { ...style, newline: '' } : style;
    const member = written(indentOf(text, last, style, depth), layout);
    return `${text.slice(0, last.end)},${separator}${member}${text.slice(last.end)}`;
  }
  const { indent, newline } = style;
  const base = newline + indent.repeat(depth);
  const member = written(indent.repeat(depth + 1));
  const inner = newline === '' ? member : `${base}${indent}${member}${base}`;
  return text.slice(0, object.offset + 1) + inner + text.slice(endOf(object) - 1);
}

/** @param base the indentation of the line that the value starts on */
function write(value: unknown, { indent, newline, colon }: Style, base: string): string {
  if (newline !== '') return JSON.stringify(value, undefined, indent).replaceAll('\n', newline + base);
  return writeOnOneLine(value, colon);
}

function writeOnOneLine(value: unknown, colon: string): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([name, inner]) => `${JSON.stringify(name)}${colon}${writeOnOneLine(inner, colon)}`,
  );
  return `{${members.join(colon === ':' ? ',' : ', ')}}`;
}

/** The indentation of the line that a member starts on. */
function indentOf(text: string, { start }: Member, { indent }: Style, depth: number): string {
  const line = text.slice(text.lastIndexOf('\n', start) + 1, start);
  return /^[ \t]*$/.test(line) ? line : indent.repeat(depth + 1);
}

function styleOf(text: string): Style {
  const [first] = membersOf(parseTree(text));
  if (first === undefined) return DOCKER_STYLE;
  const [, newline = '', indent = ''] = /(\r?\n)([ \t]*)"/.exec(text) ?? [];
  const colon = text.slice(first.nameEnd, first.value.offset);
  return { indent: indent || DOCKER_STYLE.indent, newline, colon };
}

function findMember(object: Node | undefined, name: string): Member | undefined {
  return membersOf(object).findLast((member) => member.name === name);
}

function membersOf(object: Node | undefined): readonly Member[] {
  if (object?.type !== 'object') return [];
  return (object.children ?? []).flatMap((property): Member[] => {
    const [name, value] = property.children ?? [];
    if (name === undefined || value === undefined) return [];
    const start = property.offset;
    return [{ name: String(name.value), start, nameEnd: endOf(name), value, end: endOf(value) }];
  });
}

function endOf({ offset, length }: Node): number {
  return offset + length;
}
