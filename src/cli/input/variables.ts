import { isVariableName, type Variables } from '../../assemble/variables.js';
import { ArgumentError } from '../../oci/errors.js';

/**
 * Parses the values of `--set`.
 * @throws ArgumentError for what is not NAME=VALUE, and for a variable with two different values
 */
export function parseVariables(texts: readonly string[] = []): Variables {
  const variables = new Map<string, string>();
  for (const text of texts) {
    const { name = '', value } = /^(?<name>[^=]*)=(?<value>.*)$/s.exec(text)?.groups ?? {};
    if (value === undefined || !isVariableName(name)) {
      // Not quoted in full: the value may be a secret.
      const shown = JSON.stringify(value === undefined ? text : `${name}=…`);
      throw new ArgumentError(`--set takes NAME=VALUE, not ${shown}`, {
        hint: 'A name consists of letters, digits and underscores, and starts with no digit: --set VERSION=1.2',
      });
    }
    if ((variables.get(name) ?? value) !== value) {
      throw new ArgumentError(`--set ${name} is given twice, with different values`, {
        hint: `Give ${name} once.`,
      });
    }
    variables.set(name, value);
  }
  // Not by assignment: a variable may be called `__proto__`.
  return Object.fromEntries(variables);
}

/**
 * Checks that each given variable is in a file: a misspelt name would leave the default of the variable in force.
 * @param used the names in the files
 * @throws ArgumentError
 */
export function checkUsed(given: Variables, used: ReadonlySet<string>): void {
  const unused = Object.keys(given).filter((name) => !used.has(name));
  if (unused.length === 0) return;
  const names = [...used].toSorted();
  throw new ArgumentError(`no assembly file uses the variable ${unused.join(', ')} (--set)`, {
    hint:
      names.length === 0
        ? 'Variables are written as ${NAME} in the file that is given with -f.'
        : `The files use ${names.join(', ')}.`,
  });
}
