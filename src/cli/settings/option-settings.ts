import { ArgumentError } from '../../oci/errors.js';
import { parsePlatformList } from '../../oci/required-platforms.js';
import { parseFlag, parseValue, type OptionDeclaration } from '../flags.js';
import { checkOption, GLOBAL_OPTIONS, parseLimits, parseRetryFor, parseTimeout } from '../global-options.js';
import { parseDuration } from '../input/duration.js';

/**
 * Global options that only flags set. A login from a variable would be sent to whichever registry a call names, and a variable for
 * `json` would change what every script reads from stdout.
 */
const FLAG_ONLY: ReadonlySet<string> = new Set([
  'username',
  'password-stdin',
  'registry-token',
  'creds',
  'json',
]);

/** Options of single commands that a variable sets too. They mean the same in each. */
export const COMMON_VARIABLES: ReadonlySet<string> = new Set(['attestations', 'require', 'wait']);

/** Of these options, those that one source gives replace those of the sources after it. */
const GROUPS: readonly (readonly string[])[] = [
  ['insecure', 'tls-verify'],
  ['cert', 'key'],
  ['quiet', 'debug', 'log-level'],
];

/** Reports whether a variable sets an option. */
export function hasVariable(name: string): boolean {
  return COMMON_VARIABLES.has(name) || (Object.hasOwn(GLOBAL_OPTIONS, name) && !FLAG_ONLY.has(name));
}

/** The variable of an option: `MULTIARCH_RETRY_FOR`. */
export function variableOf(name: string): string {
  return `MULTIARCH_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** The options that a source decides together with this one. */
export function groupOf(name: string): readonly string[] {
  return GROUPS.find((group) => group.includes(name)) ?? [name];
}

/**
 * Parses the value of an option as its flag does. A value of an option that can be repeated is split at commas.
 * @param shown the name of the value in messages: `MULTIARCH_TIMEOUT`
 * @throws ArgumentError
 */
export function parseSetting(name: string, text: string, option: OptionDeclaration, shown: string): unknown {
  try {
    const value =
      option.array === true
        ? text.split(',').filter((item) => item !== '')
        : parseValue(text, { name, shown: `--${name}` }, option);
    checkSetting(name, value);
    return value;
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError(error.message.replaceAll(`--${name}`, shown), { hint: error.hint, cause: error });
  }
}

/** Checks a value as the command would. @throws ArgumentError that names the flag */
function checkSetting(name: string, value: unknown): void {
  checkOption(name, value);
  if (name === 'limit' && Array.isArray(value)) parseLimits(value.map(String));
  if (name === 'require' && Array.isArray(value)) {
    parseFlag('--require', () => parsePlatformList(value.map(String)));
  }
  if (typeof value !== 'string') return;
  if (name === 'timeout') parseTimeout(value);
  if (name === 'retry-for') parseRetryFor(value);
  if (name === 'wait') parseFlag('--wait', () => parseDuration(value));
}
