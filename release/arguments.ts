import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import type { ReleaseOptions } from './make-release.js';
import { ReleaseError } from './release-error.js';
import { parseVersion } from './version.js';

const USAGE = 'Usage: npm run release -- X.Y.Z [--dry-run | --tagged] [--output DIRECTORY]';

const FLAGS = {
  'dry-run': { type: 'boolean', default: false },
  tagged: { type: 'boolean', default: false },
  output: { type: 'string' },
} as const;

/**
 * Parses the arguments of the release command. The version may have a `v`, as its tag.
 *
 * @throws {@link ReleaseError} if they are invalid
 */
export function parseArguments(
  args: readonly string[],
  env: Readonly<NodeJS.ProcessEnv>,
): Pick<ReleaseOptions, 'version' | 'mode' | 'output'> {
  // Without `--`, npm takes a flag itself, and a dry run would be a real release.
  for (const name of Object.keys(FLAGS)) {
    const value = env[`npm_config_${name.replace('-', '_')}`] ?? '';
    if (value !== '') throw new ReleaseError(`npm has taken --${name} for itself`, USAGE);
  }
  const { values, positionals } = parse(args);
  const [version, ...others] = positionals;
  if (version === undefined || others.length > 0) throw new ReleaseError('one version is required', USAGE);
  if (values['dry-run'] && values.tagged) {
    throw new ReleaseError('--dry-run and --tagged exclude each other', USAGE);
  }
  const plain = version.replace(/^v/u, '');
  parseVersion(plain);
  return {
    version: plain,
    mode: values['dry-run'] ? 'dry-run' : values.tagged ? 'tagged' : 'release',
    output: values.output === undefined ? undefined : resolve(values.output),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: FLAGS });
  } catch (error) {
    throw new ReleaseError(error instanceof Error ? error.message : String(error), USAGE);
  }
}
