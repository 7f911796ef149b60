/** A member of an object, by offsets in the text. */
interface MemberText {
  readonly name: string;
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
}

interface ObjectText {
  /** Of its braces. */
  readonly open: number;
  readonly close: number;
  readonly members: readonly MemberText[];
}

/** How a text is written where nothing in it says so: as docker writes its configuration. */
const INDENT = '\t';
const STRING = /"(?:[^"\\]|\\.)*"/y;
const SCALAR = /[^\s,\]}]+/y;
const SPACE = /\s*/y;

/**
 * Puts a member into a JSON object, with the objects above it where they are missing. All else of the text stays as it is:
 * order, indentation, and members that nobody knows.
 *
 * @param text valid JSON, an object; blank counts as an empty one
 * @param path the names down to the member
 */
export function withMember(text: string, path: readonly string[], value: unknown): string {
  const source = text.trim() === '' ? '{}' : text;
  let object = readObject(source, skip(SPACE, source, 0));
  for (const [depth, name] of path.entries()) {
    const rest = path.slice(depth + 1);
    // The last of two counts, to JSON.parse as to docker.
    const member = object.members.findLast((candidate) => candidate.name === name);
    if (member === undefined) return insert(source, object, name, nested(rest, value), depth);
    if (rest.length === 0 || source[member.valueStart] !== '{') {
      const written = writeValue(source, nested(rest, value), baseOf(source, member, depth));
      return source.slice(0, member.valueStart) + written + source.slice(member.end);
    }
    object = readObject(source, member.valueStart);
  }
  return source;
}

/** Takes a member out of a JSON object, however often it is there, and leaves all else of the text as it is. */
export function withoutMember(text: string, path: readonly string[]): string {
  const name = path.at(-1);
  for (let rest = text; ;) {
    const object = findObject(rest, path.slice(0, -1));
    const index = object?.members.findIndex((member) => member.name === name) ?? -1;
    if (object === undefined || index === -1) return rest;
    const [before, member, after] = [
      object.members[index - 1],
      object.members[index],
      object.members[index + 1],
    ];
    if (member === undefined) return rest;
    const [from, to] =
      after !== undefined
        ? [member.start, after.start]
        : before === undefined
          ? [object.open + 1, object.close]
          : [before.end, member.end];
    rest = rest.slice(0, from) + rest.slice(to);
  }
}

function findObject(text: string, path: readonly string[]): ObjectText | undefined {
  const start = skip(SPACE, text, 0);
  if (text[start] !== '{') return undefined;
  let object = readObject(text, start);
  for (const name of path) {
    const member = object.members.findLast((candidate) => candidate.name === name);
    if (member === undefined || text[member.valueStart] !== '{') return undefined;
    object = readObject(text, member.valueStart);
  }
  return object;
}

function nested(path: readonly string[], value: unknown): unknown {
  return path.reduceRight((inner, name) => ({ [name]: inner }), value);
}

function insert(text: string, object: ObjectText, name: string, value: unknown, depth: number): string {
  const last = object.members.at(-1);
  const { colon } = styleOf(text);
  if (last !== undefined) {
    // Each member begins as the one before it does.
    const previous = object.members.at(-2);
    const gap = text.slice(
      previous === undefined ? object.open + 1 : skip(SPACE, text, previous.end) + 1,
      last.start,
    );
    const inLine = !text.slice(object.open, object.close).includes('\n');
    const separator = previous === undefined && inLine && colon !== ':' ? ' ' : gap;
    const content = inLine ? spaced(value, colon) : writeValue(text, value, baseOf(text, last, depth));
    const written = `${JSON.stringify(name)}${colon}${content}`;
    return `${text.slice(0, last.end)},${separator}${written}${text.slice(last.end)}`;
  }
  const { unit, newline } = styleOf(text);
  const base = unit.repeat(depth);
  const written = `${JSON.stringify(name)}${colon}${writeValue(text, value, base + unit)}`;
  const inner = newline === '' ? written : `${newline}${base}${unit}${written}${newline}${base}`;
  return text.slice(0, object.open + 1) + inner + text.slice(object.close);
}

function writeValue(text: string, value: unknown, base: string): string {
  const { unit, newline, colon } = styleOf(text);
  if (newline !== '') return JSON.stringify(value, undefined, unit).replaceAll('\n', newline + base);
  return spaced(value, colon);
}

/** On one line, with what stands between a name and its value elsewhere in the text. */
function spaced(value: unknown, colon: string): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([name, inner]) => `${JSON.stringify(name)}${colon}${spaced(inner, colon)}`,
  );
  return `{${members.join(colon === ':' ? ',' : ', ')}}`;
}

/** The indentation of the line that a member begins on. */
function baseOf(text: string, member: MemberText, depth: number): string {
  const line = text.slice(text.lastIndexOf('\n', member.start) + 1, member.start);
  return /^[ \t]*$/.test(line) ? line : styleOf(text).unit.repeat(depth + 1);
}

function styleOf(text: string): { readonly unit: string; readonly newline: string; readonly colon: string } {
  const [, newline, unit] = /(\r?\n)([ \t]*)"/.exec(text) ?? [];
  if (newline !== undefined) {
    const colon = /"(\s*:[ \t]*)/.exec(text)?.[1] ?? ': ';
    return { unit: unit || INDENT, newline, colon };
  }
  const first = readObject(text, skip(SPACE, text, 0)).members[0];
  if (first === undefined) return { unit: INDENT, newline: '\n', colon: ': ' };
  const nameEnd = skip(STRING, text, first.start);
  return { unit: '', newline: '', colon: text.slice(nameEnd, first.valueStart) };
}

/** @param at of the opening brace */
function readObject(text: string, at: number): ObjectText {
  const members: MemberText[] = [];
  let next = skip(SPACE, text, at + 1);
  while (next < text.length && text[next] !== '}') {
    const start = next;
    const nameEnd = skip(STRING, text, start);
    const valueStart = skip(SPACE, text, skip(SPACE, text, nameEnd) + 1);
    const end = valueEnd(text, valueStart);
    members.push({ name: String(JSON.parse(text.slice(start, nameEnd))), start, valueStart, end });
    next = skip(SPACE, text, end);
    if (text[next] === ',') next = skip(SPACE, text, next + 1);
  }
  return { open: at, close: next, members };
}

function valueEnd(text: string, start: number): number {
  let depth = 0;
  let at = start;
  do {
    const char = text[at] ?? '';
    if (char === '"') at = skip(STRING, text, at);
    else if ('{['.includes(char)) [depth, at] = [depth + 1, at + 1];
    else if ('}]'.includes(char)) [depth, at] = [depth - 1, at + 1];
    else if (',:'.includes(char)) at += 1;
    else at = skip(SCALAR, text, at);
    if (depth > 0) at = skip(SPACE, text, at);
  } while (depth > 0 && at < text.length);
  return at;
}

/** The end of what a pattern matches here. */
function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
