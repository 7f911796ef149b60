import type { InferredOptionTypes, Options } from 'yargs';

import { ArgumentError } from '../oci/errors.js';
import { isTemplate } from './output-format.js';

/** An option as yargs declares it. Help shows its `group`. */
export interface OptionDeclaration extends Options {
  readonly choices?: readonly string[];
  /** What its value is, in help: `DIGEST`. @default N for a number, else VALUE */
  readonly value?: string;
  /** Whether a template is allowed beside the choices. */
  readonly isTemplate?: boolean;
}

/** Options by name. */
export type OptionDeclarations = Readonly<Record<string, OptionDeclaration>>;

/** The types of the values of declared options. */
export type OptionValues<Declared extends OptionDeclarations> = Readonly<InferredOptionTypes<Declared>>;

export interface ListOption {
  readonly type: 'string';
  readonly array: true;
  readonly describe: string;
  readonly value: string;
}

/** Declares an option that may be given several times. @param value what it takes, in help */
export function repeatable(describe: string, value = 'VALUE'): ListOption {
  return { type: 'string', array: true, describe, value };
}

/** Declares an option that may be given several times, each time with several values. @param value one of them, in help */
export function commaSeparated(describe: string, value = 'PLATFORM'): ListOption {
  return repeatable(describe, `${value},`);
}

/** Returns options in a group of their own in help. */
export function grouped<Declared extends OptionDeclarations>(options: Declared, group: string): Declared {
  const entries = Object.entries(options).map(([name, option]) => [name, { ...option, group }]);
  return Object.fromEntries(entries) as Declared;
}

/** A command, flag, value or topic that does not exist. */
export class UnknownNameError extends ArgumentError {
  readonly given: string;
  /** The names that exist. */
  readonly names: readonly string[];
  /** What precedes each of them on the command line: `--`. */
  readonly prefix: string;

  constructor(
    message: string,
    options: {
      readonly given: string;
      readonly names: readonly string[];
      readonly prefix?: string;
      readonly hint?: string;
    },
  ) {
    super(message, { hint: options.hint });
    this.name = 'ArgumentError';
    this.given = options.given;
    this.names = options.names;
    this.prefix = options.prefix ?? '';
  }
}

type FlagValue = boolean | number | string;

/** A parsed command line. */
export interface ParsedArgv {
  /** The values of the flags that were given or have a default, by name. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly positionals: readonly string[];
  /** The names of the flags that were given. */
  readonly given: ReadonlySet<string>;
  /** The names of the flags before the first positional. */
  readonly leading: ReadonlySet<string>;
}

/**
 * Parses a command line by the rules of docker's flags (pflag), with two exceptions: a separate value must not start with a
 * dash, so that a flag without its value does not take the next flag; and a second value of an option that takes one is an
 * error, since the first would be dropped without notice.
 * @param options.leading whether flags end at the first positional, as before the name of a command
 * @throws ArgumentError for an unknown flag, a missing value, a value of the wrong type, or two values of an option that
 *   takes one
 */
export function parseArgv(
  argv: readonly string[],
  declared: OptionDeclarations,
  { leading = false }: { readonly leading?: boolean } = {},
): ParsedArgv {
  const before = new Set<string>();
  const given = new Map<string, readonly FlagValue[]>();
  const positionals: string[] = [];
  const queue = [...argv];
  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    if (!isFlag(arg)) positionals.push(arg, ...(leading ? queue.splice(0) : []));
    else if (arg === '--' && !leading) positionals.push(...queue.splice(0));
    else {
      for (const flag of splitFlags(arg, declared)) {
        const { name, value: text = flagValue(flag, queue.shift()) } = flag;
        const option = declared[name] ?? {};
        if (positionals.length === 0) before.add(name);
        const value = parseValue(text, flag, option);
        const known = given.get(name) ?? [];
        const [first = value] = known;
        if (option.array !== true && first !== value) throw givenTwice(flag, first, value);
        given.set(name, option.array === true ? [...known, value] : [value]);
      }
    }
  }
  const flags = Object.entries(declared).flatMap(([name, option]) => {
    const values = given.get(name);
    const value: unknown = option.array === true ? values : values?.[0];
    return value === undefined && option.default === undefined ? [] : [[name, value ?? option.default]];
  });
  return {
    flags: Object.fromEntries(flags) as ParsedArgv['flags'],
    positionals,
    given: new Set(given.keys()),
    leading: before,
  };
}

/**
 * Parses the value of a flag. The message of an error names the flag, as does that of a flag that {@link parseArgv} checks.
 * @param flag as messages show it: `--timeout`
 * @throws ArgumentError
 */
export function parseFlag<T>(flag: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof ArgumentError) || error.message.includes(flag)) throw error;
    throw new ArgumentError(`${error.message} (${flag})`, { hint: error.hint, cause: error });
  }
}

/** Reports whether a flag takes a secret, so that messages must not quote its value. */
export function isSecretFlag(name: string): boolean {
  return /password|token|creds/.test(name);
}

/** Reports whether a command line asks for JSON, also one that cannot be parsed: then its error is JSON. */
export function asksForJson(argv: readonly string[]): boolean {
  return hasFlag(argv, 'json');
}

/**
 * Reports whether a command line, also one that cannot be parsed, has a flag with this value. Arguments after `--` are
 * positionals.
 * @param value of the flag, in the same argument or the next one. @default a boolean flag that is not false
 */
export function hasFlag(argv: readonly string[], name: string, value?: string): boolean {
  const end = argv.indexOf('--');
  const flags = argv.slice(0, end === -1 ? undefined : end);
  const flag = `--${name}`;
  if (value === undefined) {
    return flags.some((arg) => arg === flag || (arg.startsWith(`${flag}=`) && !/=(?:f|false|0)$/i.test(arg)));
  }
  return flags.some(
    (arg, index) => arg === `${flag}=${value}` || (arg === flag && flags[index + 1] === value),
  );
}

/** Reports whether an argument is a flag. A dash alone is a positional or a value: standard input. */
export function isFlag(arg: string): boolean {
  return arg.startsWith('-') && arg !== '-';
}

/** A flag of a command line. */
export interface Flag {
  readonly name: string;
  /** As it was written, `-t` or `--tag`, for messages. */
  readonly shown: string;
  /** The value in the same argument; `true` for a boolean without one. */
  readonly value: string | undefined;
}

/**
 * Splits an argument into its flags: one long flag, or a group of short ones, of which the last may have a value.
 * @throws ArgumentError for an unknown flag
 */
export function splitFlags(arg: string, declared: OptionDeclarations): Flag[] {
  const implied = (name: string): string | undefined =>
    declared[name]?.type === 'boolean' ? 'true' : undefined;
  if (arg.startsWith('--')) {
    const [, shown = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(arg) ?? [];
    const name = shown.slice(2);
    if (!Object.hasOwn(declared, name)) throw unknownFlag(`unknown flag: ${shown}`, name, declared);
    return [{ name, shown, value: value ?? implied(name) }];
  }
  const flags: Flag[] = [];
  for (let letters = arg.slice(1); letters !== '';) {
    const shown = `-${letters.charAt(0)}`;
    const [name] = Object.entries(declared).find(([, { alias }]) => alias === letters.charAt(0)) ?? [];
    if (name === undefined) {
      const where = arg.length > 2 ? ` in ${arg}` : '';
      throw unknownFlag(`unknown flag: ${shown}${where}`, arg.slice(1).replace(/=.*$/s, ''), declared);
    }
    letters = letters.slice(1);
    const isGroup = implied(name) !== undefined && !letters.startsWith('=');
    const attached = letters === '' ? undefined : letters.replace(/^=/, '');
    flags.push({ name, shown, value: isGroup ? implied(name) : attached });
    if (!isGroup) break;
  }
  return flags;
}

function unknownFlag(message: string, given: string, declared: OptionDeclarations): UnknownNameError {
  return new UnknownNameError(message, { given, names: Object.keys(declared), prefix: '--' });
}

/** The value of a flag that is the next argument. */
function flagValue({ name, shown }: Flag, next: string | undefined): string {
  if (next === undefined) throw new ArgumentError(`${shown} needs a value`);
  if (!isFlag(next)) return next;
  const [found, value] = isSecretFlag(name) ? ['a flag', 'VALUE'] : [next, next];
  throw new ArgumentError(`${shown} needs a value, but ${found} follows`, {
    hint: `If it is the value, write ${shown}=${value}.`,
  });
}

function givenTwice({ name, shown }: Flag, first: FlagValue, second: FlagValue): ArgumentError {
  const values = isSecretFlag(name)
    ? ''
    : `: ${JSON.stringify(String(first))} and ${JSON.stringify(String(second))}`;
  return new ArgumentError(`${shown} is given twice, with different values${values}`, {
    hint: `Give ${shown} once.`,
  });
}

/** Parses the value of a flag. @throws ArgumentError for a value that the option does not take */
export function parseValue(
  text: string,
  { name, shown }: Pick<Flag, 'name' | 'shown'>,
  option: OptionDeclaration,
): FlagValue {
  const { type, choices } = option;
  const wrong = (wanted: string): ArgumentError =>
    new ArgumentError(`${shown} takes ${wanted}${isSecretFlag(name) ? '' : `, not ${JSON.stringify(text)}`}`);
  if (type === 'boolean') {
    // As Go's strconv.ParseBool.
    if (/^(1|t|true)$/i.test(text)) return true;
    if (/^(0|f|false)$/i.test(text)) return false;
    throw wrong('true or false');
  }
  if (type === 'number') {
    if (/^\d{1,15}$/.test(text)) return Number(text);
    throw wrong('a whole number');
  }
  if (choices === undefined || choices.includes(text)) return text;
  if (option.isTemplate === true && isTemplate(text)) return text;
  const { message } = wrong(
    `one of ${choices.join(', ')}${option.isTemplate === true ? ', or a template' : ''}`,
  );
  throw new UnknownNameError(message, { given: text, names: choices, prefix: `--${name} ` });
}
