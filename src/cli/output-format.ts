import { ArgumentError } from '../oci/errors.js';

/**
 * Declares `--format` of a command whose result a template can select from.
 * @param defaultDescription not for a default that depends on the terminal
 */
export function outputFormat(
  choices: readonly string[],
  defaultDescription?: string,
): {
  readonly choices: readonly string[];
  readonly defaultDescription?: string;
  readonly describe: string;
  readonly isTemplate: true;
} {
  return {
    choices,
    ...(defaultDescription !== undefined && { defaultDescription }),
    describe: "Format, or a template '{{.digest}}'",
    isTemplate: true,
  };
}

/** Reports whether the value of `--format` is a template rather than one of its choices. */
export function isTemplate(format: unknown): boolean {
  return typeof format === 'string' && format.includes('{{');
}

/**
 * Reports whether a command prints its result in JSON, by `--json`, `--format json` or a template, which selects from it.
 * @throws ArgumentError for `--json` with another format
 */
export function isJsonFormat(format: string | undefined, json: boolean | undefined): boolean {
  if (json !== true) return format === 'json';
  if (format === undefined || format === 'json' || isTemplate(format)) return true;
  throw new ArgumentError(`--format ${format} and --json exclude each other`);
}
