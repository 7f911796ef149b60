import { ArgumentError } from '../../oci/errors.js';
import { isJsonObject } from '../../oci/json.js';
import { shownJson, shownLine } from './shown-text.js';

/** A parsed template: returns the text for a value. */
export type Template = (value: unknown) => string;

/** What a template can have: a strict part of Go's `text/template`, as `--format` of docker takes. */
const SYNTAX = {
  hint: 'A template has text, {{.field}}, {{json .field}}, {{index .field "key"}}, {{range .list}}…{{end}} and {{if .field}}…{{else}}…{{end}}.',
};

/** Levels of blocks: each is a call within the call of the one around it. */
const MAX_DEPTH = 100;

interface Scope {
  /** The value of `$`. */
  readonly root: unknown;
  /** The value of `.`: the root, or the current item of a range. */
  readonly dot: unknown;
}

type Part = (scope: Scope) => string;

/** Returns a value. @throws MissingField */
type Expression = (scope: Scope) => unknown;

/** A part of the text: literal text, or the content of `{{…}}`. */
interface Token {
  readonly text: string;
  readonly isAction: boolean;
}

/** How a sequence of parts ends. */
type End = 'else' | 'end' | undefined;

/**
 * Parses a template. `\n` and `\t` in its text are a line end and a tab, as in docker. It runs no code: it only selects
 * members of the value. All values are shown as one line each.
 * @throws ArgumentError if it has other syntax
 */
export function parseTemplate(text: string): Template {
  const tokens = tokensOf(text);
  const [parts, end] = parseParts(tokens);
  if (end !== undefined) throw invalid(`{{${end}}} without a beginning`);
  return (value) => joined(parts, { root: value, dot: value });
}

/** Splits a template. White space next to `{{-` and `-}}` is removed. */
function tokensOf(template: string): Token[] {
  const [first = '', ...rest] = template.split('{{');
  const tokens: Token[] = [{ text: first, isAction: false }];
  for (const piece of rest) {
    const end = piece.indexOf('}}');
    if (end === -1) throw invalid('a {{ has no }}');
    const [, trimBefore, action = '', trimAfter] = /^(- )?(.*?)( -)?$/s.exec(piece.slice(0, end)) ?? [];
    const text = piece.slice(end + 2);
    const last = tokens.pop() ?? { text: '', isAction: false };
    tokens.push(trimBefore === undefined ? last : { ...last, text: last.text.trimEnd() });
    tokens.push({ text: action.trim(), isAction: true });
    tokens.push({ text: trimAfter === undefined ? text : text.trimStart(), isAction: false });
  }
  return tokens;
}

/**
 * Parses to the end of the template or of the block that the tokens are in, and takes them off the list.
 * @param depth the number of blocks around it
 */
function parseParts(tokens: Token[], depth = 0): [parts: readonly Part[], end: End] {
  if (depth > MAX_DEPTH) throw invalid(`blocks more than ${MAX_DEPTH} levels deep`);
  const parts: Part[] = [];
  for (let token = tokens.shift(); token !== undefined; token = tokens.shift()) {
    const { text, isAction } = token;
    if (!isAction) {
      parts.push(literalPart(text.replaceAll('\\n', '\n').replaceAll('\\t', '\t')));
      continue;
    }
    const [first = '', ...words] = text.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
    if ((first === 'end' || first === 'else') && words.length === 0) return [parts, first];
    if (first === 'range' || first === 'if')
      parts.push(parseBlock(first, parseExpression(words), tokens, depth + 1));
    else if (first === 'json') parts.push(printed(parseExpression(words), true));
    else if (first.startsWith('"') && words.length === 0) parts.push(literalPart(String(parseKey(first))));
    else parts.push(printed(parseExpression([first, ...words]), false));
  }
  return [parts, undefined];
}

function literalPart(text: string): Part {
  return () => text;
}

function parseBlock(keyword: 'if' | 'range', valueIn: Expression, tokens: Token[], depth: number): Part {
  const [body, end] = parseParts(tokens, depth);
  const [other, last] = end === 'else' ? parseParts(tokens, depth) : [[], end];
  if (last !== 'end') throw invalid(`{{${keyword}}} has no {{end}}`);
  if (keyword === 'if') return (scope) => joined(isTrue(valueIn, scope) ? body : other, scope);
  return (scope) => {
    const list = valueIn(scope);
    if (!Array.isArray(list)) throw new ArgumentError('range takes a list (--format)', SYNTAX);
    return list.length === 0
      ? joined(other, scope)
      : list.map((dot: unknown) => joined(body, { ...scope, dot })).join('');
  };
}

/** Parses `.a.b`, `$.a` and `index … KEY…`. */
function parseExpression([first = '', ...words]: readonly string[]): Expression {
  if (first === 'index') {
    const [path = '', ...keys] = words;
    return pathExpression(path, keys.map(parseKey));
  }
  if (words.length > 0) throw invalid(`${first} takes no arguments`);
  return pathExpression(first, []);
}

function parseKey(word: string): string | number {
  try {
    const key: unknown = JSON.parse(word);
    if (typeof key === 'string' || (typeof key === 'number' && Number.isInteger(key))) return key;
  } catch {
    // See below.
  }
  throw invalid(`${word} is no text in double quotes and no whole number`);
}

function pathExpression(path: string, keys: readonly (string | number)[]): Expression {
  if (!/^(?:\.|\$|\$?(?:\.[\w-]+)+)$/.test(path)) throw invalid(`${JSON.stringify(path)} is no field`);
  const names = [
    ...path
      .split('.')
      .slice(1)
      .filter((name) => name !== ''),
    ...keys,
  ];
  const start = path.startsWith('$') ? 'root' : 'dot';
  return (scope) => names.reduce<unknown>((value, name) => memberOf(value, name), scope[start]);
}

/** The error for a member that does not exist. */
class MissingField extends ArgumentError {
  override readonly name = 'ArgumentError';
}

function memberOf(value: unknown, name: string | number): unknown {
  if (Array.isArray(value)) {
    if (typeof name === 'number' && name in value) return value[name];
    throw new MissingField(`a list of ${value.length} has no ${JSON.stringify(name)} (--format)`, SYNTAX);
  }
  if (isJsonObject(value) && Object.hasOwn(value, name)) return value[name];
  const fields = isJsonObject(value) ? Object.keys(value) : [];
  throw new MissingField(`no field ${JSON.stringify(name)} (--format)`, {
    hint: fields.length === 0 ? 'The value has no fields.' : `The fields are ${fields.join(', ')}.`,
  });
}

/** Reports whether a value exists and is neither false, 0 nor empty, as in Go. */
function isTrue(valueIn: Expression, scope: Scope): boolean {
  try {
    const value = valueIn(scope);
    return Array.isArray(value) ? value.length > 0 : Boolean(value);
  } catch (error) {
    if (error instanceof MissingField) return false;
    throw error;
  }
}

function printed(valueIn: Expression, isJson: boolean): Part {
  return (scope) => {
    const value = valueIn(scope);
    return typeof value === 'string' && !isJson ? shownLine(value) : shownJson(JSON.stringify(value));
  };
}

function joined(parts: readonly Part[], scope: Scope): string {
  return parts.map((part) => part(scope)).join('');
}

function invalid(why: string): ArgumentError {
  return new ArgumentError(`invalid template: ${why} (--format)`, SYNTAX);
}
