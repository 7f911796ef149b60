import { printParseErrorCode, visit } from 'jsonc-parser';

import { InvalidError, type Problem } from './errors.js';
import { pointerTo } from './schema-problems.js';

/** Deeper than any OCI or Docker document. The parser calls itself for each level. */
const MAX_DEPTH = 256;
/** More values than 8 MiB of descriptors contain. Bounds the memory that reporting an error for each one takes. */
const MAX_VALUES = 500_000;

/** Reports whether a value of JSON has more values than {@link parseJson} accepts. */
export function hasTooManyValues(json: unknown): boolean {
  let values = 0;
  const open: unknown[] = [json];
  while (open.length > 0 && values <= MAX_VALUES) {
    const value = open.pop();
    if (value === undefined) continue;
    values += 1;
    if (typeof value === 'object' && value !== null)
      for (const member of Object.values(value)) open.push(member);
  }
  return values > MAX_VALUES;
}

/** What the parser expects where it stops, by its own name of the error. */
const EXPECTED: Readonly<Record<string, string>> = {
  ValueExpected: 'a value',
  PropertyNameExpected: 'a name in double quotes',
  ColonExpected: '":"',
  CommaExpected: '","',
  CloseBraceExpected: '"," or "}"',
  CloseBracketExpected: '"," or "]"',
  EndOfFileExpected: 'the end of the document',
};

/** What is wrong with the token where the parser stops. */
const MALFORMED: Readonly<Record<string, string>> = {
  UnexpectedEndOfString: 'unterminated string',
  UnexpectedEndOfNumber: 'incomplete number',
  InvalidUnicode: 'invalid escape in a string',
  InvalidEscapeCharacter: 'invalid escape in a string',
  InvalidCharacter: 'unescaped control character in a string',
  InvalidCommentToken: 'JSON has no comments',
};

/**
 * Parses JSON (RFC 8259) from UTF-8 bytes, more strictly than `JSON.parse`: a duplicate member is an error, because
 * clients disagree on which of the two counts, so that one digest would mean two documents.
 * @param label the name of the document in messages
 * @throws InvalidError with the line and column of the first error, or if the bytes are HTML or not UTF-8
 */
export function parseJson(bytes: Uint8Array, label = 'the document'): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw syntaxError(label, 'it is not UTF-8 text', { cause: error });
  }
  if (isMarkup(text)) {
    throw syntaxError(label, 'it is HTML or XML', {
      hint: OTHER_SERVER_HINT,
    });
  }
  checkText(text, label);
  return JSON.parse(text) as unknown;
}

/** What to do about HTML where a registry's response was expected. */
export const OTHER_SERVER_HINT = 'A proxy or a login page may have responded instead of the registry.';

/** Reports whether a text begins like HTML or XML. */
export function isMarkup(text: string): boolean {
  return /^\s*</.test(text);
}

/** Reports whether a value parsed from JSON is an object, neither `null` nor an array. */
export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Checks grammar, duplicate members and limits. `JSON.parse` accepts duplicates and does not always give a position. */
function checkText(text: string, label: string): void {
  const names: Set<string>[] = [];
  let depth = 0;
  let values = 0;
  const count = (): void => {
    if (++values > MAX_VALUES) throw syntaxError(label, `it has more than ${MAX_VALUES} values`);
  };
  const enter = (_offset: number, _length: number, line: number, character: number): void => {
    count();
    if (++depth <= MAX_DEPTH) return;
    throw syntaxError(label, `${position(line, character)}: more than ${MAX_DEPTH} levels deep`);
  };
  visit(
    withoutPadding(text),
    {
      onObjectBegin(offset, length, line, character) {
        enter(offset, length, line, character);
        names.push(new Set());
      },
      onObjectProperty(name, _offset, _length, line, character, path) {
        const known = names.at(-1);
        if (known?.has(name) === true) throw duplicateMember(label, [...path(), name], line, character);
        known?.add(name);
      },
      onObjectEnd() {
        names.pop();
        depth -= 1;
      },
      onArrayBegin: enter,
      onArrayEnd() {
        depth -= 1;
      },
      onLiteralValue: count,
      onError(code, offset, _length, line, character) {
        const message = describeError(printParseErrorCode(code), text.codePointAt(offset));
        throw syntaxError(label, `${position(line, character)}: ${message}`);
      },
    },
    { disallowComments: true },
  );
}

/** More trailing white space than this is padding, and not read: the parser takes it one character at a time. */
const MAX_TRAILING_SPACE = 4096;

function withoutPadding(text: string): string {
  let end = text.length;
  while (end > 0 && ' \t\n\r'.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end + MAX_TRAILING_SPACE);
}

function describeError(code: string, codePoint: number | undefined): string {
  const expected = EXPECTED[code];
  const found = codePoint === undefined ? 'the end of the text' : describeCharacter(codePoint);
  return (
    MALFORMED[code] ??
    (expected === undefined ? `unexpected ${found}` : `expected ${expected}, found ${found}`)
  );
}

/** A printable character in quotes, any other as its code point. */
function describeCharacter(codePoint: number): string {
  const character = String.fromCodePoint(codePoint);
  if (/[\p{L}\p{N}\p{P}\p{S}]/u.test(character)) return `"${character}"`;
  return `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** @param line counted from 0, as `character` is */
function position(line: number, character: number): string {
  return `line ${line + 1}, column ${character + 1}`;
}

function syntaxError(
  label: string,
  message: string,
  options: { readonly hint?: string; readonly cause?: unknown } = {},
): InvalidError {
  const problem: Problem = { pointer: '', message, rule: 'json/syntax' };
  return new InvalidError(`${label} is not JSON: ${message}`, { ...options, problems: [problem] });
}

function duplicateMember(
  label: string,
  path: readonly (string | number)[],
  line: number,
  character: number,
): InvalidError {
  const pointer = pointerTo(...path);
  const message = `is a duplicate member (${position(line, character)})`;
  return new InvalidError(`${label} is ambiguous: ${pointer} ${message}`, {
    problems: [{ pointer, message, rule: 'json/duplicate-member' }],
  });
}
