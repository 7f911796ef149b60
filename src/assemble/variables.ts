import type { Problem } from '../oci/errors.js';
import { isJsonObject } from '../oci/json.js';
import { pointerTo } from '../oci/schema-problems.js';

/** The values of variables by name; `undefined` for a variable that is not set. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** A value whose strings have been substituted. */
export interface Substituted {
  readonly value: unknown;
  /** Empty if all strings have been substituted. The others stay as they were. */
  readonly problems: readonly Problem[];
  /** The strings that contain a variable, as they were, by location. */
  readonly sources: ReadonlyMap<string, string>;
}

/** A text, or a variable with what `:-`, `:?`, `:+` and the forms without the colon say about it. */
type Part = string | Variable;

interface Variable {
  readonly name: string;
  readonly operator?: '-' | '?' | '+';
  /** Whether an empty value counts as not set: the operator has a colon. */
  readonly isEmptyUnset: boolean;
  readonly argument: readonly Part[];
}

/** Levels of variables in defaults. */
const MAX_DEPTH = 16;
/** The maximum length of all substituted strings together, in UTF-16 code units. */
const MAX_LENGTH = 1024 * 1024;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const OPERATOR = /(:?)([-?+])/y;
const VARIABLE = /\$\{?([A-Za-z_][A-Za-z0-9_]*)/g;

/** Reports whether a text is the name of a variable. */
export function isVariableName(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);
}

/** Returns the names of the variables that a text may use. */
export function variableNames(text: string): Set<string> {
  return new Set([...text.matchAll(VARIABLE)].map(([, name = '']) => name));
}

/**
 * Replaces the variables in all strings of a parsed file by their values, as compose does: `$NAME`, `${NAME}`, and with a
 * default (`${NAME:-default}`), a message (`${NAME:?message}`) or an alternative (`${NAME:+alternative}`). Without the
 * colon, an empty value counts as set. `$$` is a dollar sign. Unlike in compose, a variable that is not set is an error,
 * and the braces in a default are balanced, so that it can contain `{arch}`.
 *
 * Values are not substituted again. The names of members stay as they are, and so does `$schema` of the file.
 */
export function substituteVariables(value: unknown, variables: Variables): Substituted {
  const problems: Problem[] = [];
  const sources = new Map<string, string>();
  let length = 0;
  const substituteText = (text: string, pointer: string): string => {
    if (!text.includes('$')) return text;
    sources.set(pointer, text);
    try {
      const result = evaluate(new TemplateParser(text).parse(), variables);
      length += result.length;
      if (length > MAX_LENGTH) throw new TemplateError(`more than ${MAX_LENGTH} characters`, 'limit');
      return result;
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      problems.push({ pointer, message: error.message, rule: `variable/${error.rule}` });
      return text;
    }
  };
  const visit = (current: unknown, pointer: string): unknown => {
    if (typeof current === 'string')
      return pointer === '/$schema' ? current : substituteText(current, pointer);
    if (Array.isArray(current)) {
      return current.map((item: unknown, index) => visit(item, pointer + pointerTo(index)));
    }
    if (!isJsonObject(current)) return current;
    return Object.fromEntries(
      Object.entries(current).map(([name, member]) => [name, visit(member, pointer + pointerTo(name))]),
    );
  };
  return { value: visit(value, ''), problems, sources };
}

class TemplateError extends Error {
  /** The last part of the rule that is violated. */
  readonly rule: 'syntax' | 'unset' | 'required' | 'limit';

  constructor(message: string, rule: TemplateError['rule']) {
    super(message);
    this.rule = rule;
  }
}

function evaluate(parts: readonly Part[], variables: Variables): string {
  return parts.map((part) => (typeof part === 'string' ? part : evaluateVariable(part, variables))).join('');
}

function evaluateVariable(
  { name, operator, isEmptyUnset, argument }: Variable,
  variables: Variables,
): string {
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
  const isSet = value !== undefined && !(isEmptyUnset && value === '');
  if (operator === '+') return isSet ? evaluate(argument, variables) : '';
  if (isSet) return value;
  if (operator === '-') return evaluate(argument, variables);
  const state = value === undefined ? 'is not set' : 'is empty';
  const reason = operator === '?' ? evaluate(argument, variables) : '';
  if (reason !== '')
    throw new TemplateError(`uses the variable ${name}, which ${state}: ${reason}`, 'required');
  const hint = `Set it in the environment or with --set ${name}=VALUE`;
  throw operator === '?'
    ? new TemplateError(`uses the variable ${name}, which ${state}. ${hint}`, 'required')
    : new TemplateError(
        `uses the variable ${name}, which ${state}. ${hint}, or give it a default: \${${name}:-DEFAULT}`,
        'unset',
      );
}

/** Splits a text into its parts. Reads each character once. */
class TemplateParser {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** @throws TemplateError */
  parse(): Part[] {
    return this.#parts(0);
  }

  /** Reads to the end, or up to the brace that ends the argument of a variable. */
  #parts(depth: number): Part[] {
    const parts: Part[] = [];
    let text = '';
    /** The open braces that are no variables: `{arch}`. */
    let open = 0;
    while (this.#position < this.#text.length) {
      const character = this.#text.charAt(this.#position);
      if (character === '$') {
        const variable = this.#variable(depth);
        if (typeof variable === 'string') text += variable;
        else {
          parts.push(text, variable);
          text = '';
        }
        continue;
      }
      if (depth > 0 && character === '}' && open === 0) break;
      if (character === '{') open += 1;
      if (character === '}') open -= 1;
      text += character;
      this.#position += 1;
    }
    return [...parts, text];
  }

  #variable(depth: number): Part {
    const start = this.#position;
    this.#position += 1;
    if (this.#text[this.#position] === '$') {
      this.#position += 1;
      return '$';
    }
    if (this.#text[this.#position] !== '{') {
      const name = this.#match(NAME)?.[0];
      if (name === undefined) throw this.#syntax(start, 'a dollar sign without a variable');
      return { name, isEmptyUnset: false, argument: [] };
    }
    this.#position += 1;
    const name = this.#match(NAME)?.[0];
    if (name === undefined) throw this.#syntax(start, 'a variable without a valid name');
    const [, colon, operator] = this.#match(OPERATOR) ?? [];
    if (operator !== undefined && depth === MAX_DEPTH) {
      throw new TemplateError(`has variables more than ${MAX_DEPTH} levels deep`, 'limit');
    }
    const argument = operator === undefined ? [] : this.#parts(depth + 1);
    if (this.#text[this.#position] !== '}') {
      const isEnd = this.#position === this.#text.length;
      throw this.#syntax(
        start,
        isEnd ? 'a variable without its closing brace' : 'an unknown form of a variable',
      );
    }
    this.#position += 1;
    return {
      name,
      isEmptyUnset: colon === ':',
      argument,
      ...(operator !== undefined && { operator: operator as '-' | '?' | '+' }),
    };
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#position += match[0].length;
    return match;
  }

  #syntax(start: number, what: string): TemplateError {
    const found = this.#text.slice(start, start + 40);
    return new TemplateError(`has ${what} at ${JSON.stringify(found)}. Write $$ for a dollar sign`, 'syntax');
  }
}
