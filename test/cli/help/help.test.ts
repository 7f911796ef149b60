import { readdirSync, readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { COMMANDS } from '../../../src/cli/commands/command-table.js';
import { parseArgv, type OptionDeclarations } from '../../../src/cli/flags.js';
import { GLOBAL_FLAGS } from '../../../src/cli/global-options.js';
import { helpWidth } from '../../../src/cli/help/layout.js';
import { TOPIC_NAMES } from '../../../src/cli/help/pages.js';
import { ENVIRONMENT, EXIT_CODES } from '../../../src/cli/help/topics.js';
import { EXIT } from '../../../src/cli/exit-code.js';
import { makeCommandLine } from '../../support/in-process.js';

const SOURCE = fileURLToPath(new URL('../../../src', import.meta.url));
const names = COMMANDS.map(({ name }) => name);

describe('help', () => {
  it.each([40, 80, 120])('is at most %i columns wide', async (columns) => {
    const { run } = await makeCommandLine();
    for (const argv of [['--help'], ...[...names, ...TOPIC_NAMES].map((name) => ['help', name])]) {
      const { code, stdout } = await run(argv, { env: { COLUMNS: String(columns) } });
      expect(code).toBe(0);
      const long = stdout.split('\n').filter((line) => line.length > columns);
      // Examples, long words, and the name of an option with its values are not broken.
      expect(long.filter((line) => !/^ {2}multiarch |^ {2,6}-[^ ]*(?: [^ ]+)?$|^ *\S+$/.test(line))).toEqual(
        [],
      );
    }
  });

  it.each(['multiarch', 'docker-multiarch'])(
    'of a command fits a screen of 24 lines and 80 columns with --help, as %s',
    async (program) => {
      const { run } = await makeCommandLine();
      const env = { COLUMNS: '80' };
      for (const name of names) {
        const argv = program === 'multiarch' ? [name, '--help'] : ['multiarch', name, '--help'];
        const { stdout } = await run(argv, { env, program });
        expect(stdout.trimEnd().split('\n').length, stdout).toBeLessThanOrEqual(24);
      }
    },
  );

  it('of a command has all options with help, and all or the most used ones with --help', async () => {
    const { run } = await makeCommandLine();
    const optionsOf = (text: string): string[] =>
      [...text.matchAll(/^ {2,6}(?:-\w, )?(--[\w-]+)/gm)].map(([, option = '']) => option);
    for (const { name, load } of COMMANDS) {
      const { options, common } = await load();
      const [all, short] = [(await run(['help', name])).stdout, (await run([name, '--help'])).stdout];
      const declared = Object.keys(options).map((option) => `--${option}`);
      expect(optionsOf(all).toSorted()).toEqual(declared.toSorted());
      if (common === undefined) expect(short).toBe(all);
      else expect(optionsOf(short)).toEqual(common.map((option) => `--${option}`));
      expect(short.includes(`multiarch help ${name}`)).toBe(common !== undefined);
      expect(declared).toEqual(expect.arrayContaining((common ?? []).map((option) => `--${option}`)));
    }
    expect((await run(['help'])).stdout).toBe((await run(['--help'])).stdout);
  });

  it('is JSON with --json', async () => {
    const { run } = await makeCommandLine();
    const { stdout } = await run(['help', 'exit-codes', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      topic: 'exit-codes',
      help: expect.stringContaining('Usage error') as string,
    });
  });

  it('exists for topics and commands only', async () => {
    const { run } = await makeCommandLine();
    expect(await run(['help', 'frobnicate'])).toMatchObject({
      code: 125,
      stdout: '',
      stderr: `error: no help on frobnicate\nhint: Topics are ${TOPIC_NAMES.join(', ')}; commands are listed by multiarch --help.\n`,
    });
  });
});

describe.each(COMMANDS)('the help of $name', ({ name, synopsis, load }) => {
  it('describes the names of its usage line, and no others', async () => {
    const { positionals } = await load();
    const used = synopsis.replaceAll(/-\w FILE|--\w+/g, '').match(/[A-Z]+|(?<=\[|^)[a-z|]+/g) ?? [];
    // `cache`, `config` and `plugin` name the only values.
    const [value = ''] = /(?<=\[|^)[a-z|]+/.exec(synopsis) ?? [];
    const described = Object.keys(positionals).map((key) => (key === 'action' ? value : key.toUpperCase()));
    expect(new Set(described)).toEqual(new Set(used));
  });

  it('has at most three examples, which the command accepts', async () => {
    const { options, examples = [] } = await load();
    expect(examples.length).toBeLessThanOrEqual(3);
    for (const example of examples) {
      const [command, ...args] = example.replace(/ < .*/, '').replaceAll("'", '').split(' ');
      expect(command).toBe(name);
      expect(() => parseArgv(args, { ...GLOBAL_FLAGS, ...options })).not.toThrow();
    }
  });

  it('names the value of each option that takes one', async () => {
    const { options } = await load();
    const all: OptionDeclarations = { ...GLOBAL_FLAGS, ...options };
    for (const [option, { type, choices, value, describe: text }] of Object.entries(all)) {
      if (type === 'string' && choices === undefined) expect(value, option).toMatch(/^[A-Z]/);
      expect(text, option).toMatch(/\S/);
    }
  });
});

describe('help environment', () => {
  it('lists exactly the variables that the source reads', () => {
    const source = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.includes('topics.ts'))
      .map((file) => readFileSync(`${SOURCE}/${file}`, 'utf8'))
      .join('\n');
    const found = [
      // env['HOME'], env[process.platform === 'win32' ? 'USERPROFILE' : 'HOME']
      ...source.matchAll(/env\??\.?\[[^\]]*\]/g),
      // const { CI = '' } = env
      ...source.matchAll(/\{[^{}]*\} = (?:\w+\.)?env\b/g),
      // names in constants and lists
      ...source.matchAll(
        /^.*'(?:[A-Z]+_PROXY|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|GITHUB_\w+|DOCKER_AUTH_CONFIG|REGISTRY_AUTH_FILE|DOCKER_METADATA_\w+)'.*$/gm,
      ),
    ].flatMap(([text]) =>
      [...text.matchAll(/\b[A-Z][A-Z_]{1,}\b/g)]
        .map(([name]) => name)
        .filter((name) => name !== 'GITHUB_FILES'),
    );
    const constants = new Set(['ACTION_VARIABLE', 'AUTH_FILE', 'INLINE_CONFIG', 'DOCKER_CONFIG_FILE']);
    const read = new Set(found.filter((name) => !constants.has(name) && !name.startsWith('AWS_')));
    const listed = ENVIRONMENT.flatMap(({ rows = [] }) => rows.flatMap(({ left }) => left.split(', ')));
    expect(listed.filter((name) => !/[*<]/.test(name)).toSorted()).toEqual([...read].toSorted());
  });
});

it('help exit-codes lists all of them', () => {
  expect(EXIT_CODES.map(({ left }) => Number(left))).toEqual([...new Set(Object.values(EXIT))]);
});

describe('the width of help', () => {
  it.each([
    { columns: '72', terminal: 90, width: 72 },
    { columns: '', terminal: 90, width: 90 },
    { columns: 'wide', terminal: 200, width: 120 },
    { columns: '500', terminal: 90, width: 120 },
    { columns: '0', terminal: 0, width: 100 },
    { columns: '3', terminal: undefined, width: 40 },
  ])('is $width for COLUMNS=$columns on a terminal of $terminal', ({ columns, terminal, width }) => {
    const stderr = Object.assign(new PassThrough(), terminal === undefined ? {} : { columns: terminal });
    expect(helpWidth({ env: { COLUMNS: columns }, stderr })).toBe(width);
  });
});
