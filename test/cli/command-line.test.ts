import { describe, expect, it } from 'vitest';

import { VERSION } from '../../src/version.js';
import { makeCommandLine, OK } from '../support/in-process.js';

const COMMANDS =
  'create annotate remove inspect push copy undo rm ls diff validate digest tags delete login logout cache completion config plugin help version'.split(
    ' ',
  );
const DIGEST = `sha256:${'0'.repeat(64)}`;

describe('a usage error', () => {
  const all = `Commands are ${COMMANDS.join(', ')}. See multiarch --help.`;

  it.each([
    { argv: [], message: 'no command given', hint: all },
    { argv: ['--quiet'], message: 'no command given', hint: all },
    { argv: ['frobnicate', 'ls'], message: 'unknown command: frobnicate', hint: all },
    { argv: ['--store', 'ls', 'frobnicate'], message: 'unknown command: frobnicate', hint: all },
    {
      argv: ['creat', '--help'],
      message: 'unknown command: creat',
      hint: 'Did you mean create? See multiarch --help.',
    },
    {
      argv: ['--amend', 'create', 'app:1'],
      message: 'unknown flag: --amend',
      hint: 'Flags of a command go after its name. See multiarch --help.',
    },
    {
      argv: ['create', 'app:1', '--xyz'],
      message: 'unknown flag: --xyz',
      hint: 'See multiarch create --help.',
    },
    {
      argv: ['create', '--positional', 'app:1'],
      message: 'unknown flag: --positional',
      hint: 'See multiarch create --help.',
    },
    {
      argv: ['push', 'app:1', '--everything'],
      message: 'unknown flag: --everything',
      hint: 'See multiarch push --help.',
    },
    { argv: ['push', 'app:1', '--tag'], message: '--tag needs a value', hint: 'See multiarch push --help.' },
    {
      argv: ['push', 'app:1', '--concurrency', 'x'],
      message: '--concurrency takes a whole number, not "x"',
      hint: 'See multiarch push --help.',
    },
    {
      argv: ['push', 'app:1', '--progress', 'fancy'],
      message: '--progress takes one of auto, plain, none, not "fancy"',
      hint: 'See multiarch push --help.',
    },
    {
      argv: ['create'],
      message: 'too few arguments for create',
      hint: 'Name the list: multiarch create LIST [SOURCE...]. It is optional only if an assembly file (-f) names it.',
    },
    ...[
      { argv: ['annotate'], usage: 'annotate LIST [IMAGE]' },
      { argv: ['inspect', '-v'], usage: 'inspect [LIST] IMAGE' },
      { argv: ['push', '--'], usage: 'push LIST' },
      { argv: ['push', '--help=false'], usage: 'push LIST' },
      { argv: ['remove', 'app:1'], usage: 'remove LIST IMAGE...' },
      { argv: ['diff'], usage: 'diff A [B]' },
      { argv: ['validate'], usage: 'validate DOCUMENT' },
    ].map(({ argv, usage }) => ({
      argv,
      message: `too few arguments for ${argv[0]}`,
      hint: `Usage: multiarch ${usage}. See multiarch ${argv[0]} --help.`,
    })),
    ...[
      { argv: ['annotate', 'app:1', 'a', 'b', 'c'], usage: 'annotate LIST [IMAGE]', extra: 'b c' },
      { argv: ['push', 'app:1', '--purge', 'app:2'], usage: 'push LIST', extra: 'app:2' },
      { argv: ['ls', 'app:1'], usage: 'ls', extra: 'app:1' },
      { argv: ['validate', 'a', '--', '-b'], usage: 'validate DOCUMENT', extra: '-b' },
    ].map(({ argv, usage, extra }) => ({
      argv,
      message: `too many arguments for ${argv[0]}: ${extra}`,
      hint: `Usage: multiarch ${usage}. See multiarch ${argv[0]} --help.`,
    })),
  ])('is reported with a hint: $argv', async ({ argv, message, hint }) => {
    const { run } = await makeCommandLine();
    expect(await run(argv)).toMatchObject({
      code: 125,
      stdout: '',
      stderr: `error: ${message}\nhint: ${hint}\n`,
    });
  });

  it.each([
    ['concurrency', '0', 'a whole number of at least 1, not 0'],
    ['concurrency', '', 'a whole number, not ""'],
    ['concurrency', '2.5', 'a whole number, not "2.5"'],
    ['retries', '-1', 'a whole number, not "-1"'],
    ['retries', 'NaN', 'a whole number, not "NaN"'],
    ['store', '', 'a directory, not ""'],
    ['timeout', '0', 'a duration from 1ms to 596h, not 0'],
    ['timeout', '0.2ms', 'a duration from 1ms to 596h, not 0.2ms'],
    ['timeout', '597h', 'a duration from 1ms to 596h, not 597h'],
  ])('--%s=%s', async (flag, value, wanted) => {
    const { run } = await makeCommandLine();
    const { code, stdout, stderr } = await run(['ls', `--${flag}=${value}`]);
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^error: --${flag} takes ${wanted}\n(?:hint: .+\n)?$`));
  });

  it.each(['', '-5', 'soon', '5 m', '1d', '1m1'])('--timeout=%s', async (text) => {
    const { run } = await makeCommandLine();
    expect(await run(['ls', `--timeout=${text}`])).toMatchObject({
      code: 125,
      stdout: '',
      stderr: `error: invalid duration ${JSON.stringify(text)} (--timeout)\nhint: Write it as 90s, 10m or 1h30m.\n`,
    });
  });
});

describe('global flags', () => {
  it.each([
    ['before the command', (flags: string[]) => [...flags, 'ls']],
    ['after it', (flags: string[]) => ['ls', ...flags]],
  ])('may be given %s', async (_where, argv) => {
    const { directory, run } = await makeCommandLine();
    const store = `${directory}/elsewhere`;
    await run(['create', 'app:1', '--store', store]);
    expect(await run(argv(['--store', store, '-q']))).toMatchObject({
      code: 0,
      stdout: 'docker.io/library/app:1\n',
      stderr: '',
    });
    expect((await run(['ls', '-q'])).stdout).toBe('');
  });

  it('have one value, before and after the name of the command', async () => {
    const { directory, run } = await makeCommandLine();
    const [a, b] = [`${directory}/a`, `${directory}/b`];
    const refused = await run(['--store', a, 'create', 'app:1', '--store', b]);
    expect(refused).toMatchObject({ code: 125, stdout: '' });
    expect(refused.stderr).toContain('error: --store is given twice, with different values');
    await run(['--store', a, 'create', 'app:1', '--store', a]);
    expect((await run(['ls', '-q', '--store', a])).stdout).not.toBe('');
    expect((await run(['ls', '-q', '--store', b])).stdout).toBe('');
  });

  it('are accepted by all commands', async () => {
    const { run } = await makeCommandLine();
    const argv = [
      'ls',
      '--insecure',
      '--json',
      '-q',
      '--progress',
      'plain',
      '--concurrency=1',
      '--retries=0',
    ];
    expect(await run([...argv, '--timeout', '1m', '--debug'])).toMatchObject({
      code: 0,
      stdout: `${JSON.stringify({ ...OK, drafts: [], damaged: [] }, undefined, 2)}\n`,
      stderr: '',
    });
  });
});

describe('names', () => {
  it.each(['1.10', '0x10', '1e3', '007', 'true', 'false', 'null', 'constructor'])(
    '%s stays a string',
    async (name) => {
      const { run } = await makeCommandLine();
      const { stdout } = await run(['create', name, '--amend']);
      expect(stdout).toBe(`Created manifest list docker.io/library/${name}:latest\n`);
      expect((await run(['ls', '-q'])).stdout).toBe(`docker.io/library/${name}:latest\n`);
      expect(await run(['rm', name])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    },
  );

  it.each([['create'], ['create', 'app:1']])('after -- may look like flags', async (...argv) => {
    const { run } = await makeCommandLine();
    const { code, stderr } = await run([...argv, '--', '--amend']);
    expect(code).toBe(125);
    expect(stderr).toMatch(/^error: invalid reference "--amend"/);
  });

  it('must not be empty', async () => {
    const { run } = await makeCommandLine();
    expect((await run(['create', 'app:1', ''])).code).toBe(125);
    expect((await run(['push', ''])).code).toBe(125);
  });
});

describe('--version', () => {
  it.each([[['--version']], [['create', '--version']]])('%j', async (argv) => {
    const { run } = await makeCommandLine();
    expect(await run(argv)).toMatchObject({ code: 0, stdout: `multiarch ${VERSION}\n`, stderr: '' });
  });
});

describe('--json', () => {
  it.each([
    [['--version'], { version: VERSION }],
    [['--help'], { help: expect.stringContaining('Usage: multiarch COMMAND') as unknown }],
    [['push', '--help'], { help: expect.stringContaining('Usage: multiarch push LIST') as unknown }],
  ])('of %j', async (argv, members) => {
    const { run } = await makeCommandLine();
    const { code, stdout, stderr } = await run([...argv, '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ ...OK, ...members });
  });
});

describe('--help', () => {
  it.each([
    ...COMMANDS.flatMap((command) => [
      [command, '--help'],
      [command, '-h'],
      ['--help', command],
    ]),
    ['create', 'app:1', `app@${DIGEST}`, '-h', '--amend'],
    ['push', '--tag', 'v1', '--help'],
  ])('of a command is on stdout: %s %s', async (...argv) => {
    const { run } = await makeCommandLine();
    const { code, stdout, stderr } = await run(argv);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const command = argv.find((arg) => COMMANDS.includes(arg));
    expect(stdout).toMatch(new RegExp(`^[^\n]+\n\nUsage: multiarch ${command}( [^\n]+)?\n`));
    expect((await run(['ls', '-q'])).stdout).toBe('');
  });

  it.each(['multiarch', ...COMMANDS])('of %s', async (name) => {
    const { run } = await makeCommandLine();
    const { stdout } = await run(name === 'multiarch' ? ['--help'] : [name, '--help']);
    expect(stdout).toMatchSnapshot();
    // 100 columns, where nothing is known of the terminal.
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });
});
