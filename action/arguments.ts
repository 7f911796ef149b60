import { isFlag } from '../src/cli/flags.js';
import { ArgumentError } from '../src/oci/errors.js';
import { isTag } from '../src/oci/reference.js';
import type { Inputs } from './inputs.js';

/** A call of the command line. */
export interface Call {
  readonly argv: readonly string[];
  /** Variables of the call, besides those of the step. */
  readonly env: Readonly<Record<string, string>>;
}

/** The inputs that are an option of `create` with one value. */
const TEXTS: Readonly<Record<string, string>> = {
  digests: 'digests',
  repository: 'repository',
  attestations: 'attestations',
};

/** The inputs that are an option of `create` for each line. */
const LINES: Readonly<Record<string, string>> = {
  'metadata-files': 'from-metadata',
  file: 'file',
  annotations: 'annotation',
};

/** The inputs that are an option of `create` for each line or item. */
const ITEMS: Readonly<Record<string, string>> = { platforms: 'platform', require: 'require' };

/**
 * Translates the inputs of the action to a call of `multiarch create`. The command line checks the values.
 * @throws ArgumentError for inputs that cannot be translated
 */
export function createCall(inputs: Inputs): Call {
  const isDryRun = inputs.flag('dry-run');
  const isPush = inputs.flag('push') || isDryRun;
  const metadata = inputs.text('metadata');
  const options = [
    ...Object.entries(TEXTS).flatMap(([name, option]) => optionsOf(option, [inputs.text(name)])),
    ...(metadata === undefined ? [] : ['--from-metadata=env']),
    ...Object.entries(LINES).flatMap(([name, option]) => optionsOf(option, inputs.lines(name))),
    ...Object.entries(ITEMS).flatMap(([name, option]) => optionsOf(option, inputs.items(name))),
  ];
  const pushing = [
    '--push',
    '--github',
    ...(isDryRun ? ['--dry-run'] : []),
    ...optionsOf('tag', inputs.items('tags')),
  ];
  return {
    argv: [
      'create',
      '--json',
      ...options,
      ...(isPush ? pushing : []),
      ...names(inputs, metadata),
      ...inputs.lines('args'),
    ],
    // A value of the environment is neither in the process list nor in a file.
    env: metadata === undefined ? {} : { DOCKER_METADATA_OUTPUT_JSON: metadata },
  };
}

/** Returns an option for each value, in one argument, so that a value that starts with a dash is not a flag. */
function optionsOf(option: string, values: readonly (string | undefined)[]): string[] {
  return values.flatMap((value) => (value === undefined ? [] : [`--${option}=${value}`]));
}

/** Returns the target and the sources. @throws ArgumentError */
function names(inputs: Inputs, metadata: string | undefined): string[] {
  const sources = inputs.lines('sources');
  let target = inputs.text('target');
  if (sources.length > 0) {
    // Otherwise the first source would be the target.
    target ??= targetOf(metadata);
    if (target === undefined) {
      throw new ArgumentError('the input target is missing', { hint: 'Sources need a target, or metadata.' });
    }
  }
  const given = target === undefined ? [] : [target, ...sources];
  const wrong = given.find((name) => isFlag(name) || /[\r\n]/.test(name));
  if (wrong === undefined) return given;
  throw new ArgumentError(`not the name of an image: ${JSON.stringify(wrong)}`, {
    hint: 'Flags are lines of the input args.',
  });
}

/** Returns the list that the output of docker/metadata-action names; `undefined` if it names none. */
function targetOf(metadata = ''): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(metadata);
  } catch {
    return undefined;
  }
  const tags: unknown = typeof value === 'object' && value !== null && 'tags' in value ? value.tags : [];
  if (!Array.isArray(tags)) return undefined;
  return tags.find((tag): tag is string => typeof tag === 'string' && !isTag(tag));
}
