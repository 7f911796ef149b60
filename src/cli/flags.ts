import type { Options } from 'yargs';

import { ArgumentError } from '../oci/errors.js';

/** What is declared of a flag, as far as reading it goes. */
type FlagDeclaration = Pick<Options, 'alias' | 'array' | 'choices' | 'type'>;
export type FlagDeclarations = Readonly<Record<string, FlagDeclaration>>;

/** A command line taken apart. */
export interface ParsedArgv {
  /** By full name, each value as it was given; `true` or `false` for a boolean. A flag that is no list has one value, its last. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];
}

export interface ParseArgvOptions {
  /** Flags end at the first word that is none; it and all that follow are positionals. @default false */
  readonly leading?: boolean;
}

/**
 * Takes a command line apart by the rules that docker's own follow (pflag): `--name value`, `--name=value`, `-n value`,
 * `-nvalue`, `-n=value`, letters together (`-pt v1`), flags between the positionals, all after `--` positional. yargs
 * reads some of these otherwise, and drops words without saying so.
 *
 * Other than docker, a value that begins with a dash must be written with `=`, so that a forgotten value does not take
 * the next flag for itself.
 *
 * @throws ArgumentError for an unknown flag, a value that is missing or not of the flag's type, or one too many
 */
export function parseArgv(
  words: readonly string[],
  declared: FlagDeclarations,
  { leading = false }: ParseArgvOptions = {},
): ParsedArgv {
  const flags = new FlagValues(declared);
  const positionals: string[] = [];
  const queue = [...words];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (!isFlag(word)) {
      positionals.push(word, ...(leading ? queue.splice(0) : []));
    } else if (word === '--' && !leading) {
      positionals.push(...queue.splice(0));
    } else if (word.startsWith('--')) {
      readLong(word, queue, flags);
    } else {
      readLetters(word, queue, flags);
    }
  }
  return { flags: flags.values, positionals };
}

/** A dash alone stands for standard input. */
function isFlag(word: string): boolean {
  return word.startsWith('-') && word !== '-';
}

function readLong(word: string, queue: string[], flags: FlagValues): void {
  const [shown = '', ...parts] = word.split('=');
  const name = shown.slice(2);
  const given = parts.length === 0 ? undefined : parts.join('=');
  if (!flags.has(name)) throw new ArgumentError(`unknown flag: ${shown}`);
  flags.add(name, given ?? flags.implied(name) ?? nextValue(name, shown, queue), shown);
}

function readLetters(word: string, queue: string[], flags: FlagValues): void {
  let letters = word.slice(1);
  while (letters !== '') {
    const shown = `-${letters.charAt(0)}`;
    const name = flags.named(letters.charAt(0));
    if (name === undefined) {
      throw new ArgumentError(`unknown flag: ${shown}${word.length > 2 ? ` in ${word}` : ''}`);
    }
    const rest = letters.slice(1);
    const implied = flags.implied(name);
    if (rest.startsWith('=')) flags.add(name, rest.slice(1), shown);
    else if (implied !== undefined) flags.add(name, implied, shown);
    else flags.add(name, rest === '' ? nextValue(name, shown, queue) : rest, shown);
    letters = implied === undefined || rest.startsWith('=') ? '' : rest;
  }
}

/** Whether a flag has to do with a password or token: words about it must not be repeated. */
export function isSecretFlag(name: string): boolean {
  return /password|token/.test(name);
}

function nextValue(name: string, shown: string, queue: string[]): string {
  const value = queue.shift();
  if (value === undefined) throw new ArgumentError(`${shown} needs a value`);
  if (!isFlag(value)) return value;
  if (isSecretFlag(name)) {
    throw new ArgumentError(`${shown} needs a value, but a flag follows`, {
      hint: `If that is the value, write ${shown}= before it`,
    });
  }
  throw new ArgumentError(`${shown} needs a value, but ${value} follows`, {
    hint: `If ${value} is the value, write ${shown}=${value}`,
  });
}

/** The values found so far, each checked against its flag's declaration. */
class FlagValues {
  readonly values = new Map<string, readonly string[]>();
  readonly #declared: FlagDeclarations;
  readonly #letters: ReadonlyMap<string, string>;

  constructor(declared: FlagDeclarations) {
    this.#declared = declared;
    this.#letters = new Map(
      Object.entries(declared).flatMap(([name, { alias }]) =>
        typeof alias === 'string' ? [[alias, name]] : [],
      ),
    );
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#declared, name);
  }

  /** The full name of a letter. */
  named(letter: string): string | undefined {
    return this.#letters.get(letter);
  }

  /** What a flag says that comes without a value; `undefined` where it needs one. */
  implied(name: string): string | undefined {
    return this.#declared[name]?.type === 'boolean' ? 'true' : undefined;
  }

  add(name: string, text: string, shown: string): void {
    const declaration = this.#declared[name] ?? {};
    const value = checkedValue(text, declaration, shown, isSecretFlag(name));
    const before = declaration.array === true ? (this.values.get(name) ?? []) : [];
    this.values.set(name, [...before, value]);
  }
}

function checkedValue(
  text: string,
  { type, choices }: FlagDeclaration,
  shown: string,
  isSecret: boolean,
): string {
  const wrong = (wanted: string): ArgumentError =>
    new ArgumentError(`${shown} takes ${wanted}${isSecret ? '' : `, not ${JSON.stringify(text)}`}`);
  if (type === 'boolean') {
    // The words of Go's strconv.ParseBool.
    if (/^(1|t|true)$/i.test(text)) return 'true';
    if (/^(0|f|false)$/i.test(text)) return 'false';
    throw wrong('true or false');
  }
  if (type === 'number' && !/^\d{1,15}$/.test(text)) throw wrong('a whole number');
  if (Array.isArray(choices) && !choices.includes(text)) throw wrong(`one of ${choices.join(', ')}`);
  return text;
}
