import { multiarch } from '../support/run.js';
import type { Sandbox } from '../support/sandbox.js';

/** A flag as `--help` shows it. */
export interface Flag {
  /** `--amend` */
  readonly name: string;
  /** `-a` */
  readonly alias: string | undefined;
  readonly isGlobal: boolean;
  readonly choices: readonly string[];
  readonly default: string | undefined;
}

/** What the built command line interface says of itself. */
export interface Help {
  readonly globals: readonly Flag[];
  /** By the name of the command: its own flags. */
  readonly commands: ReadonlyMap<string, readonly Flag[]>;
}

/** Asks the tool and each of its commands for help. */
export async function readHelp(sandbox: Sandbox): Promise<Help> {
  const text = await helpOf(sandbox, []);
  const list = /^Commands:\n([^]*?)\n\n/m.exec(text)?.[1] ?? '';
  // A name, its arguments after the program's, and after two spaces what it does, which may go on in the next line.
  const names = [...list.matchAll(/^ {0,2}(?:multiarch )?([a-z]+)\b.* {2,}\S/gm)].map(
    ([, name = '']) => name,
  );
  const entries = await Promise.all(
    names.map(async (name) => {
      const flags = flagsIn(await helpOf(sandbox, [name])).filter(({ isGlobal }) => !isGlobal);
      return [name, flags] as const;
    }),
  );
  return { globals: flagsIn(text).filter(({ isGlobal }) => isGlobal), commands: new Map(entries) };
}

async function helpOf(sandbox: Sandbox, words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await multiarch(sandbox, [...words, '--help']);
  if (code !== 0) throw new Error(`multiarch ${words.join(' ')} --help ended with ${code}\n${stderr}`);
  return stdout;
}

function flagsIn(help: string): Flag[] {
  const flags: Flag[] = [];
  let isGlobal = false;
  // A flag's description may go on for lines, which are indented more.
  for (const entry of help.split(/\n(?=\S)|\n(?= {2,6}-)/)) {
    if (/^\S.*:/.test(entry)) isGlobal = entry.startsWith('Global options:');
    const [, alias, name] = /^ {2,6}(?:(-\w), )?(--[\w-]+)/.exec(entry) ?? [];
    if (name === undefined) continue;
    flags.push({
      name,
      alias,
      isGlobal,
      choices: [...(/\[choices: ([^\]]*)\]/.exec(entry)?.[1] ?? '').matchAll(/"([^"]+)"/g)].map(
        ([, choice = '']) => choice,
      ),
      default: /\[default: "?([^"\]]+)"?\]/.exec(entry)?.[1],
    });
  }
  return flags;
}

/** A call of `multiarch` in a script: the words after it. */
export type Call = readonly string[];

/** What is called in lines of shell: prompts are cut off, lines that end in a backslash go on. */
export function callsIn(shell: string): Call[] {
  const joined = shell.replaceAll(/\\\n\s*/g, ' ');
  return [...joined.matchAll(/(?:^|[|;&(]|\$ |- |run: )\s*multiarch ([^\n|;&)>#]*)/gm)].map(
    ([, words = '']) => words.split(/\s+/).filter((word) => word !== ''),
  );
}

/** What of a call the tool does not have. */
export function unknownIn([command = '', ...words]: Call, help: Help): string[] {
  if (command.startsWith('-')) return unknownFlags([command], help.globals);
  const own = help.commands.get(command);
  if (own === undefined) return [`the command ${command}`];
  return unknownFlags(words, [...own, ...help.globals]).map((flag) => `${flag} of ${command}`);
}

function unknownFlags(words: readonly string[], flags: readonly Flag[]): string[] {
  const known = new Set(flags.flatMap(({ name, alias }) => [name, alias]));
  return words
    .filter((word) => /^--?[a-z]/i.test(word))
    .map((word) => word.replace(/=.*$/, ''))
    .filter((word) => !known.has(word));
}
