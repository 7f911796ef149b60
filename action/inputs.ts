import { ArgumentError } from '../src/oci/errors.js';
import { VERSION } from '../src/version.js';

/** The inputs of an action, from the environment that the runner makes: spaces become underscores, and dashes stay. */
export class Inputs {
  readonly #env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** Returns the value without surrounding white space; `undefined` for an empty one, as of an expression without a value. */
  text(name: string): string | undefined {
    const value = (this.#env[`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`] ?? '').trim();
    return value === '' ? undefined : value;
  }

  /** Returns the lines that are not empty. */
  lines(name: string): string[] {
    return this.#split(name, /[\r\n]/);
  }

  /** Returns the values of a list with lines or commas. */
  items(name: string): string[] {
    return this.#split(name, /[\r\n,]/);
  }

  /** Reads `true` or `false`. Nothing is assumed for an empty value: it may decide whether an image is published. @throws ArgumentError */
  flag(name: string): boolean {
    const value = this.text(name) ?? '';
    if (/^(?:true|false)$/i.test(value)) return value.toLowerCase() === 'true';
    throw new ArgumentError(`the input ${name} takes true or false, not ${JSON.stringify(value)}`, {
      hint: 'Check the expression that it comes from.',
    });
  }

  #split(name: string, separator: RegExp): string[] {
    const values = (this.text(name) ?? '').split(separator).map((value) => value.trim());
    return values.filter((value) => value !== '');
  }
}

/**
 * Checks that this release is the one that a workflow expects. The action has no other: it downloads nothing.
 * @param expected `1`, `1.2` or `1.2.3`, also with `v`
 * @throws ArgumentError
 */
export function checkVersion(expected: string | undefined, actual = VERSION): void {
  if (expected === undefined) return;
  const version = expected.replace(/^v/, '');
  if (actual === version || (/^\d+(?:\.\d+)?$/.test(version) && actual.startsWith(`${version}.`))) return;
  throw new ArgumentError(`the workflow expects multiarch ${version}, but the action has ${actual}`, {
    hint: 'Name another version of the action after @ in uses, or change the input version.',
  });
}
