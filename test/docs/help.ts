import { multiarch } from '../support/run.js';
import type { Sandbox } from '../support/sandbox.js';

/** A flag as help shows it. */
export interface Flag {
  /** `--amend` */
  readonly name: string;
  /** `-a` */
  readonly alias: string | undefined;
  readonly isGlobal: boolean;
  readonly choices: readonly string[];
  readonly default: string | undefined;
}

/** The help of the built command. */
export interface Help {
  readonly globals: readonly Flag[];
  /** The flags of each command, without global ones. */
  readonly commands: ReadonlyMap<string, readonly Flag[]>;
}

/** Reads the help of the program and of each command. */
export async function readHelp(sandbox: Sandbox): Promise<Help> {
  const text = await helpOf(sandbox, []);
  const list = /^Commands:\n([^]*?)\n\n/m.exec(text)?.[1] ?? '';
  // The program, the command, its arguments, and after two spaces the description, which may continue on the next line.
  const names = [...list.matchAll(/^ {0,2}(?:multiarch )?([a-z]+)\b.* {2,}\S/gm)].map(
    ([, name = '']) => name,
  );
  const entries = await Promise.all(
    names.map(async (name) => {
      const flags = flagsIn(await helpOf(sandbox, [name])).filter(({ isGlobal }) => !isGlobal);
      return [name, flags] as const;
    }),
  );
  const { stdout: options } = await multiarch(sandbox, ['help', 'options']);
  return { globals: flagsIn(options).filter(({ isGlobal }) => isGlobal), commands: new Map(entries) };
}

async function helpOf(sandbox: Sandbox, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await multiarch(sandbox, ['help', ...args]);
  if (code !== 0) throw new Error(`multiarch help ${args.join(' ')} ended with ${code}\n${stderr}`);
  return stdout;
}

function flagsIn(help: string): Flag[] {
  const flags: Flag[] = [];
  let isGlobal = false;
  // The description of a flag may continue on lines with more indentation.
  for (const entry of help.split(/\n(?=\S)|\n(?= {2,6}-)/)) {
    if (/^\S.*:/.test(entry)) isGlobal = entry.startsWith('Global options:');
    const [, alias, name, value = ''] = /^ {2,6}(?:(-\w), )?(--[\w-]+)(?: (\S+))?/.exec(entry) ?? [];
    if (name === undefined) continue;
    flags.push({
      name,
      alias,
      isGlobal,
      // The values, or the name of the value and a list of them: `auto|oci|docker`, `KIND  …: draft, assembly`.
      choices: value.includes('|')
        ? value.split('|')
        : (/: (\w[\w-]*(?:,\s+\w[\w-]*){2,})$/.exec(entry.trimEnd())?.[1] ?? '')
            .split(/,\s+/)
            .filter(Boolean),
      default: /\(default\s+([^)]+)\)/.exec(entry)?.[1],
    });
  }
  return flags;
}

/** The arguments of a `multiarch` call in a script. */
export type Call = readonly string[];

/** The `multiarch` calls in shell text, without prompts. A line that ends in a backslash continues. */
export function callsIn(shell: string): Call[] {
  const joined = shell.replaceAll(/\\\n\s*/g, ' ');
  return [...joined.matchAll(/(?:^|[|;&(=]|\$ |- |run: )\s*multiarch ([^\n|;&)>#]*)/gm)].map(
    ([, args = '']) => args.split(/\s+/).filter((arg) => arg !== ''),
  );
}

/** The commands and flags of a call that do not exist. */
export function unknownIn([command = '', ...args]: Call, help: Help): string[] {
  if (command.startsWith('-')) return unknownFlags([command], help.globals);
  // Hidden from help, since only shells call it.
  if (command === '__complete') return [];
  const own = help.commands.get(command);
  if (own === undefined) return [`the command ${command}`];
  return unknownFlags(args, [...own, ...help.globals]).map((flag) => `${flag} of ${command}`);
}

function unknownFlags(args: readonly string[], flags: readonly Flag[]): string[] {
  const known = new Set(flags.flatMap(({ name, alias }) => [name, alias]));
  return args
    .filter((arg) => /^--?[a-z]/i.test(arg))
    .map((arg) => arg.replace(/=.*$/, ''))
    .filter((arg) => !known.has(arg));
}
