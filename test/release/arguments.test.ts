import { resolve } from 'node:path';

import { expect, it } from 'vitest';

import { parseArguments } from '../../release/arguments.js';
import { ReleaseError } from '../../release/release-error.js';
import { formatReport } from '../../release/report.js';
import { thrownBy } from '../support/failure.js';

it.each([
  [['1.2.3'], { version: '1.2.3', mode: 'release', output: undefined }],
  [['v1.2.3', '--tagged'], { version: '1.2.3', mode: 'tagged', output: undefined }],
  [['--dry-run', '1.2.3-rc.1'], { version: '1.2.3-rc.1', mode: 'dry-run', output: undefined }],
  [['1.2.3', '--output', 'a'], { version: '1.2.3', mode: 'release', output: resolve('a') }],
])('the arguments %j mean %j', (args, parsed) => {
  expect(parseArguments(args, {})).toEqual(parsed);
});

it.each([
  [[], 'one version is required'],
  [['1.2.3', '1.2.4'], 'one version is required'],
  [['1.2'], 'invalid version "1.2"'],
  [['vv1.2.3'], 'invalid version "v1.2.3"'],
  [['1.2.3', '--dry-run', '--tagged'], '--dry-run and --tagged exclude each other'],
  [['1.2.3', '--dryrun'], "Unknown option '--dryrun'"],
])('the arguments %j are an error', (args, message) => {
  const error = thrownBy(() => parseArguments(args, {}), ReleaseError);
  expect(error.message).toContain(message);
  expect(error.hint).toBeDefined();
});

it.each([
  ['--dry-run', { npm_config_dry_run: 'true' }],
  ['--tagged', { npm_config_tagged: 'true' }],
  ['--output', { npm_config_output: 'files' }],
])('a flag %s that npm has taken is an error', (flag, env) => {
  expect(thrownBy(() => parseArguments(['1.2.3'], env))).toMatchObject({
    message: `npm has taken ${flag} for itself`,
    hint: 'Usage: npm run release -- X.Y.Z [--dry-run | --tagged] [--output DIRECTORY]',
  });
  expect(
    parseArguments(['1.2.3'], { ...env, ...Object.fromEntries(Object.keys(env).map((name) => [name, ''])) })
      .mode,
  ).toBe('release');
});

const RELEASE = {
  commit: 'c0ffee',
  action: 'beef',
  changed: ['CHANGELOG.md', 'package.json'],
  files: [{ name: 'a.tgz', size: 1_234_567, sha256: 'ab' }],
};

it.each([
  [
    'release',
    [
      'changed CHANGELOG.md, package.json',
      'committed c0ffee',
      'tagged v1.2.3 action-v1.2.3',
      '',
      'ab    1.2 MB  a.tgz',
      '',
      'To publish it: git push --atomic origin HEAD v1.2.3 action-v1.2.3',
    ],
  ],
  [
    'dry-run',
    [
      'dry run: nothing was changed',
      'would change CHANGELOG.md, package.json',
      'would commit c0ffee',
      'would tag v1.2.3 action-v1.2.3',
      '',
      'ab    1.2 MB  a.tgz',
    ],
  ],
  ['tagged', ['built c0ffee', '', 'ab    1.2 MB  a.tgz']],
] as const)('the report of %s says what was done', (mode, lines) => {
  expect(formatReport(RELEASE, { version: '1.2.3', mode }).split('\n')).toEqual([
    'multiarch 1.2.3',
    ...lines,
  ]);
});
