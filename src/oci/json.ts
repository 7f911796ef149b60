import { InvalidError, type Problem } from './errors.js';
import { pointerTo } from './schema-problems.js';

/** Deeper than any document of OCI or Docker, and far from what would exhaust the stack. */
const MAX_DEPTH = 256;
/** More than 8 MiB of descriptors hold. A list of as many mistakes would exhaust the memory of whoever reports them. */
const MAX_VALUES = 500_000;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const LITERALS = ['true', 'false', 'null'];

/**
 * Reads JSON (RFC 8259) from UTF-8 bytes, more strictly than `JSON.parse`: a member that is named twice is refused,
 * since clients disagree on which of the two counts and the one digest would stand for two documents.
 * @param label What the messages call it.
 * @throws InvalidError that says line and column of the first mistake, or that this is HTML or not text at all
 */
export function parseJson(bytes: Uint8Array, label = 'the document'): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw syntaxError(label, 'it is not UTF-8 text', { cause: error });
  }
  if (/^\s*</.test(text)) {
    throw syntaxError(label, 'it is HTML or XML', {
      hint: 'A proxy or a login page may have answered in place of the registry.',
    });
  }
  new Scanner(text, label).scan();
  return JSON.parse(text) as unknown;
}

/** Whether a value read from JSON is an object: what has members by name. */
export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function syntaxError(
  label: string,
  message: string,
  options: { readonly hint?: string; readonly cause?: unknown } = {},
): InvalidError {
  const problem: Problem = { pointer: '', message, rule: 'json/syntax' };
  return new InvalidError(`${label} is not JSON: ${message}`, { ...options, problems: [problem] });
}

/** Walks through the text without keeping any value. `JSON.parse` alone gives no reliable position, and hides doubles. */
class Scanner {
  readonly #text: string;
  readonly #label: string;
  readonly #path: (string | number)[] = [];
  #at = 0;
  #values = 0;

  constructor(text: string, label: string) {
    this.#text = text;
    this.#label = label;
  }

  scan(): void {
    this.#value();
    this.#space();
    if (this.#at < this.#text.length) throw this.#unexpected('the end of the document');
  }

  #value(): void {
    if (++this.#values > MAX_VALUES) throw this.#error(`it holds more than ${MAX_VALUES} values`);
    this.#space();
    const char = this.#text[this.#at];
    if (char === '{') this.#object();
    else if (char === '[') this.#array();
    else if (char === '"') this.#string('a value');
    else if (char === '-' || (char !== undefined && char >= '0' && char <= '9')) this.#number();
    else this.#literal();
  }

  #object(): void {
    this.#enter();
    const names = new Set<string>();
    if (this.#next() !== '}') {
      do {
        this.#space();
        const start = this.#at;
        const name = this.#string('a name in double quotes');
        if (names.has(name)) throw this.#duplicate(name, start);
        names.add(name);
        if (this.#next() !== ':') throw this.#unexpected('":"');
        this.#at++;
        this.#path.push(name);
        this.#value();
        this.#path.pop();
      } while (this.#comma());
      if (this.#next() !== '}') throw this.#unexpected('"," or "}"');
    }
    this.#at++;
  }

  #array(): void {
    this.#enter();
    if (this.#next() !== ']') {
      let index = 0;
      do {
        this.#path.push(index++);
        this.#value();
        this.#path.pop();
      } while (this.#comma());
      if (this.#next() !== ']') throw this.#unexpected('"," or "]"');
    }
    this.#at++;
  }

  #enter(): void {
    if (this.#path.length >= MAX_DEPTH) {
      throw this.#error(`${this.#position(this.#at)}: more than ${MAX_DEPTH} levels deep`);
    }
    this.#at++;
  }

  #comma(): boolean {
    if (this.#next() !== ',') return false;
    this.#at++;
    return true;
  }

  #string(expected: string): string {
    if (this.#text[this.#at] !== '"') throw this.#unexpected(expected);
    const start = this.#at++;
    let escaped = false;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === '"') break;
      if (char === undefined) throw this.#unexpected('the closing quote of a string');
      if (char < ' ') throw this.#unexpected('an escape such as \\n for this character');
      if (char === '\\') {
        escaped = true;
        ESCAPE.lastIndex = this.#at;
        if (!ESCAPE.test(this.#text)) throw this.#unexpected('an escape that JSON knows');
        this.#at = ESCAPE.lastIndex;
      } else {
        this.#at++;
      }
    }
    const raw = this.#text.slice(start, ++this.#at);
    return escaped ? String(JSON.parse(raw)) : raw.slice(1, -1);
  }

  #number(): void {
    NUMBER.lastIndex = this.#at;
    if (!NUMBER.test(this.#text)) throw this.#unexpected('a number');
    this.#at = NUMBER.lastIndex;
  }

  #literal(): void {
    const literal = LITERALS.find((word) => this.#text.startsWith(word, this.#at));
    if (literal === undefined) throw this.#unexpected('a value');
    this.#at += literal.length;
  }

  #space(): void {
    for (;;) {
      const char = this.#text[this.#at];
      if (char !== ' ' && char !== '\n' && char !== '\t' && char !== '\r') return;
      this.#at++;
    }
  }

  #next(): string | undefined {
    this.#space();
    return this.#text[this.#at];
  }

  #position(offset: number): string {
    const before = this.#text.slice(0, offset).split('\n');
    return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
  }

  #unexpected(expected: string): InvalidError {
    const found = this.#text.codePointAt(this.#at);
    const what = found === undefined ? 'the text ends' : `there is ${describe(found)}`;
    return this.#error(`${this.#position(this.#at)}: ${what} where ${expected} is expected`);
  }

  #error(message: string): InvalidError {
    return syntaxError(this.#label, message);
  }

  #duplicate(name: string, offset: number): InvalidError {
    const message = `is there twice, the second time on ${this.#position(offset)}`;
    const pointer = pointerTo(...this.#path, name);
    return new InvalidError(`${this.#label} is ambiguous: ${pointer} ${message}`, {
      problems: [{ pointer, message, rule: 'json/duplicate-member' }],
    });
  }
}

/** A character that can be printed as it is, another by its number. */
function describe(codePoint: number): string {
  const char = String.fromCodePoint(codePoint);
  if (/[\p{L}\p{N}\p{P}\p{S}]/u.test(char)) return `"${char}"`;
  return `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`;
}
