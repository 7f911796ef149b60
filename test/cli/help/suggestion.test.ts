import { describe, expect, it } from 'vitest';

import { suggestion } from '../../../src/cli/help/suggestion.js';
import { makeCommandLine } from '../../support/in-process.js';

describe('suggestion', () => {
  const names = ['create', 'push', 'ls', 'rm', 'inspect', 'digest', 'diff'];

  it.each([
    ['psuh', 'push'],
    ['puhs', 'push'],
    ['sl', 'ls'],
    ['lss', 'ls'],
    ['inpsect', 'inspect'],
    ['crate', 'create'],
    ['push', 'push'],
    ['frobnicate', undefined],
    ['xyz', undefined],
    ['', undefined],
    ['__proto__', undefined],
    ['--help', undefined],
    ['a b', undefined],
  ])('of %j is %j', async (given, meant) => {
    expect(await suggestion(given, names)).toBe(meant);
  });
});

describe('a misspelt name', () => {
  it.each([
    { argv: ['psuh'], message: 'unknown command: psuh', meant: 'push? See multiarch --help.' },
    {
      argv: ['--stoer', 'x', 'ls'],
      message: 'unknown flag: --stoer',
      meant: '--store? Flags of a command go after its name. See multiarch --help.',
    },
    {
      argv: ['push', 'a', '--tga=1'],
      message: 'unknown flag: --tga',
      meant: '--tag? See multiarch push --help.',
    },
    {
      argv: ['inspect', 'a', '-format', 'tree'],
      message: 'unknown flag: -f in -format',
      meant: '--format? See multiarch inspect --help.',
    },
    {
      argv: ['create', 'a', '--attestations', 'kepe'],
      message: '--attestations takes one of keep, drop, from-referrers, not "kepe"',
      meant: '--attestations keep? See multiarch create --help.',
    },
    {
      argv: ['help', 'enviroment'],
      message: 'no help on enviroment',
      meant: 'environment? See multiarch help --help.',
    },
    { argv: ['help', 'psuh'], message: 'no help on psuh', meant: 'push? See multiarch help --help.' },
    {
      argv: ['cache', 'claer'],
      message: 'unknown action: claer',
      meant: 'clear? See multiarch cache --help.',
    },
    {
      argv: ['ls', '--limit', 'reqests=3'],
      message: '--limit takes NAME=VALUE, not "reqests=3"',
      meant: '--limit requests? See multiarch ls --help.',
    },
  ])('is answered: $argv', async ({ argv, message, meant }) => {
    const { run } = await makeCommandLine();
    expect(await run(argv)).toMatchObject({
      code: 125,
      stdout: '',
      stderr: `error: ${message}\nhint: Did you mean ${meant}\n`,
    });
  });

  it('is never a password', async () => {
    const { run } = await makeCommandLine();
    const { stderr } = await run(['--password-stdin', 'psuh']);
    expect(stderr).not.toContain('psuh');
    expect(stderr).not.toContain('Did you mean');
  });
});
