import { describe, expect, it } from 'vitest';

import { COMMANDS } from '../../src/cli/commands/command-table.js';
import { isSecretFlag, parseArgv, type OptionDeclarations } from '../../src/cli/flags.js';
import { GLOBAL_FLAGS } from '../../src/cli/global-options.js';
import { ArgumentError } from '../../src/oci/errors.js';
import { thrownBy } from '../support/failure.js';
import { makeCommandLine } from '../support/in-process.js';

interface DeclaredOption {
  readonly command: string;
  readonly declared: OptionDeclarations;
  readonly name: string;
  /** Two different values that the option accepts. */
  readonly values: readonly [string, string];
  /** All spellings of the option: its name and its alias. */
  readonly spellings: readonly string[];
}

const optionsOfCommands = await Promise.all(
  COMMANDS.map(async ({ name: command, load }) => {
    const declared: OptionDeclarations = { ...GLOBAL_FLAGS, ...(await load()).options };
    return Object.entries(declared).map(([name, option]): DeclaredOption => {
      const aliases = [option.alias ?? []].flat();
      return {
        command,
        declared,
        name,
        values: twoValues(option),
        spellings: [
          `--${name}`,
          ...aliases.map((alias) => (alias.length === 1 ? `-${alias}` : `--${alias}`)),
        ],
      };
    });
  }),
);
const OPTIONS = optionsOfCommands.flat();

function twoValues({ type, choices }: OptionDeclarations[string]): [string, string] {
  if (type === 'boolean') return ['true', 'false'];
  if (type === 'number') return ['1', '2'];
  const [first, second] = choices ?? ['a', 'b'];
  return [String(first), String(second)];
}

const isList = ({ declared, name }: DeclaredOption): boolean => declared[name]?.array === true;
/** Each pair of spellings, in both orders and with itself. */
const pairs = ({ spellings }: DeclaredOption): (readonly [string, string])[] =>
  spellings.flatMap((first) => spellings.map((second) => [first, second] as const));

function expectBoth({ declared, name, values }: DeclaredOption, argv: readonly string[]): void {
  expect(parseArgv(argv, declared).flags[name], argv.join(' ')).toEqual(values);
}

function expectRefusal(
  { declared, name, values }: DeclaredOption,
  second: string,
  argv: readonly string[],
): void {
  const { message } = thrownBy(() => parseArgv(argv, declared), ArgumentError);
  expect(message.startsWith(`${second} is given twice, with different values`), message).toBe(true);
  expect(values.some((value) => message.includes(`"${value}"`))).toBe(!isSecretFlag(name));
}

describe('an option that is given twice', () => {
  it('is looked at in all commands', () => {
    expect(OPTIONS.length).toBeGreaterThan(200);
    expect(OPTIONS.filter(isList).map(({ command, name }) => `${command} --${name}`)).toContain(
      'create --file',
    );
  });

  it.each(COMMANDS.map(({ name }) => name))('is kept or refused, but never dropped: %s', (command) => {
    for (const option of OPTIONS.filter((each) => each.command === command)) {
      for (const [first, second] of pairs(option)) {
        const [one, other] = option.values;
        if (isList(option)) expectBoth(option, [`${first}=${one}`, 'NAME', `${second}=${other}`]);
        else {
          expectRefusal(option, second, [`${first}=${one}`, 'NAME', `${second}=${other}`]);
          expectRefusal(option, second, [`${first}=${other}`, `${second}=${one}`]);
          const repeated = parseArgv([`${first}=${one}`, 'NAME', `${second}=${one}`], option.declared);
          expect(repeated).toEqual(parseArgv([`${first}=${one}`, 'NAME'], option.declared));
        }
      }
    }
  });

  it('ends with exit code 125, before anything is done', async () => {
    const { run } = await makeCommandLine();
    const results = [
      await run(['annotate', 'app:1', 'linux/arm64', '--os', 'linux', '--os=windows']),
      await run(['create', 'app:1', '-a', 'app:2', '--amend=false']),
      await run(['--retries', '1', 'ls', '--retries', '2']),
      await run(['create', 'app:1', 'app:2', '--annotation', 'a=1', '--annotation', 'index:a=2']),
    ];
    expect(results.map(({ code, stdout }) => ({ code, stdout }))).toEqual(
      results.map(() => ({ code: 125, stdout: '' })),
    );
    expect(results.map(({ stderr }) => stderr)).toEqual([
      'error: --os is given twice, with different values: "linux" and "windows"\nhint: Give --os once.\n',
      'error: --amend is given twice, with different values: "true" and "false"\nhint: Give --amend once.\n',
      'error: --retries is given twice, with different values: "1" and "2"\nhint: Give --retries once.\n',
      'error: the annotation a is given twice, with different values: "1" and "2" (--annotation)\nhint: Give it once for each target.\n',
    ]);
  });
});
