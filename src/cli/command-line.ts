import yargs, { type Argv } from 'yargs';

import { ArgumentError } from '../oci/errors.js';
import { VERSION } from '../version.js';
import type { AnyCommand } from './commands/command.js';
import { COMMANDS, type CommandEntry } from './commands/command-table.js';
import { EXIT } from './exit-code.js';
import {
  isSecretFlag,
  parseArgv,
  type FlagDeclarations,
  type ParsedArgv,
  type ParseArgvOptions,
} from './flags.js';
import { GLOBAL_OPTIONS, type OptionDeclarations } from './global-options.js';
import type { ParsedArguments } from './run-command.js';
import type { Terminal } from './output/terminal.js';
/** What may stand before a command's name, and after it. */
const GLOBAL_FLAGS = {
  ...GLOBAL_OPTIONS,
  help: { alias: 'h', type: 'boolean' },
  version: { type: 'boolean' },
} as const;

const PROGRAM = 'Assemble images of one architecture each into one multi-arch image, check it and publish it';
const EXIT_CODES = `Exit codes: 0 done, 1 failed, 3 not found, 4 not allowed, 5 invalid or a requirement not met,
6 registry unavailable, 7 conflict, 125 wrong command line, 130 interrupted`;

/** No word of a command line can hold it, so it can mark those that yargs would take for a flag. */
const MARK = '\0';

/**
 * Parses a command line and runs its command.
 * @param program what the usage calls it: `multiarch`, or `docker multiarch`
 * @returns the exit code
 * @throws ArgumentError for a mistake in the command line, and what the command throws
 */
export async function runCommandLine(
  argv: readonly string[],
  terminal: Terminal,
  program: string,
): Promise<number> {
  const help = `See ${program} --help.`;
  const before = read(argv, GLOBAL_FLAGS, `Flags of a command go after its name. ${help}`, { leading: true });
  const [name, ...words] = before.positionals;
  const entry = COMMANDS.find((command) => command.name === name);
  if (entry !== undefined) return runEntry(entry, [...flagWords(before), ...words], terminal, program);

  const commands = COMMANDS.map((command) => command.name).join(', ');
  const hint = `Commands are ${commands}. ${help}`;
  if (name !== undefined) {
    throw new ArgumentError(givesSecret(before) ? 'unknown command' : `unknown command: ${name}`, { hint });
  }
  const text = await parse(programParser(terminal, program), flagWords(before));
  if (text === '') throw new ArgumentError('no command given', { hint });
  terminal.stdout.write(`${text}\n`);
  return EXIT.done;
}

async function runEntry(
  entry: CommandEntry,
  argv: readonly string[],
  terminal: Terminal,
  program: string,
): Promise<number> {
  const command = await entry.load();
  const words = read(argv, { ...GLOBAL_FLAGS, ...command.options }, `See ${program} ${entry.name} --help.`);
  const parser = makeParser(terminal, program, command.options);
  // The command runs when yargs is done, so that its errors and yargs's own cannot be mistaken for each other.
  let args: ParsedArguments = {};
  parser.command(
    `${entry.name} ${entry.positionals}`.trim(),
    false,
    (yargsOfCommand) => declare(yargsOfCommand, entry, command, program),
    (parsed) => {
      args = parsed;
    },
  );
  if (!asks(words, 'help') && !asks(words, 'version')) checkCount(entry, command, words, program);
  const text = await parse(parser, [
    entry.name,
    ...flagWords(words),
    ...words.positionals.map((word) => (word.startsWith('-') ? `${MARK}${word}` : word)),
  ]);
  if (text === '') {
    // Help needs neither the client nor what stands behind it.
    const { runCommand } = await import('./run-command.js');
    return runCommand(command, commandArguments(args), terminal);
  }
  terminal.stdout.write(`${text}\n`);
  return EXIT.done;
}

/** @param own the command's own options, of which some have the names of global ones */
function makeParser(terminal: Terminal, program: string, own: OptionDeclarations = {}): Argv {
  const columns = terminal.stderr.columns ?? 0;
  return yargs()
    .scriptName(program)
    .locale('en')
    .updateStrings({ 'Positionals:': 'Arguments:' })
    .parserConfiguration({
      // Names such as 1.10 stay texts, a list takes one value at a time, and dots in names mean nothing.
      'parse-positional-numbers': false,
      'greedy-arrays': false,
      'dot-notation': false,
      'camel-case-expansion': false,
    })
    .options(GLOBAL_OPTIONS)
    .help('help', 'Show this help')
    .alias('h', 'help')
    .version('version', 'Show the version', `multiarch ${VERSION}`)
    .group(
      Object.keys(GLOBAL_FLAGS).filter((name) => !Object.hasOwn(own, name)),
      'Global options:',
    )
    .exitProcess(false)
    .fail(false)
    .wrap(columns > 0 ? Math.min(columns, 120) : 100);
}

/** For the help that lists the commands. */
function programParser(terminal: Terminal, program: string): Argv {
  const parser = makeParser(terminal, program).usage(`Usage: ${program} COMMAND\n\n${PROGRAM}`);
  for (const { name, synopsis, describe } of COMMANDS) parser.command(`${name} ${synopsis}`.trim(), describe);
  return parser.epilogue(`${program} COMMAND --help says more about a command.\n\n${EXIT_CODES}`);
}

function declare(
  parser: Argv,
  entry: CommandEntry,
  { positionals, options }: AnyCommand,
  program: string,
): Argv {
  parser.usage(`${usageLine(entry, program)}\n\n${entry.describe}`);
  for (const [name, positional] of Object.entries(positionals)) {
    parser.positional(name.toUpperCase(), positional);
  }
  // Grouped before they are declared, so that help shows them before the global ones.
  return parser.group([], 'Options:').options(options);
}

/** Takes the words apart. @throws ArgumentError with a hint */
function read(
  argv: readonly string[],
  declared: FlagDeclarations,
  hint: string,
  options?: ParseArgvOptions,
): ParsedArgv {
  try {
    return parseArgv(argv, declared, options);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError(error.message, { hint: error.hint ?? hint });
  }
}

function asks({ flags }: ParsedArgv, flag: keyof typeof GLOBAL_FLAGS): boolean {
  return flags.get(flag)?.includes('true') === true;
}

function usageLine({ name, synopsis }: CommandEntry, program: string): string {
  return `Usage: ${program} ${name} ${synopsis}`.trim();
}

function checkCount(
  entry: CommandEntry,
  { takesLogin = false }: AnyCommand,
  words: ParsedArgv,
  program: string,
): void {
  const { positionals } = words;
  const places = entry.positionals.split(' ').filter((place) => place !== '');
  const least = places.filter((place) => place.startsWith('<')).length;
  const most = entry.positionals.includes('..') ? Infinity : places.length;
  if (positionals.length >= least && positionals.length <= most) return;
  const few = positionals.length < least;
  // The word too many may be a password that was to go elsewhere.
  const extra =
    takesLogin || givesSecret(words)
      ? `${positionals.length} in place of ${most}`
      : positionals.slice(places.length).join(' ');
  throw new ArgumentError(
    few ? `too few arguments for ${entry.name}` : `too many arguments for ${entry.name}: ${extra}`,
    { hint: `${usageLine(entry, program)}. See ${program} ${entry.name} --help.` },
  );
}

/** Whether there is a flag about a password or token, so that a word at the wrong place may be one. */
function givesSecret({ flags }: ParsedArgv): boolean {
  return [...flags.keys()].some(isSecretFlag);
}

/** The flags in the one form that yargs cannot misread. */
function flagWords({ flags }: ParsedArgv): string[] {
  return [...flags].flatMap(([name, values]) => values.map((value) => `--${name}=${value}`));
}

/** The arguments as commands take them: names in lower case, words as they were given. */
function commandArguments(parsed: ParsedArguments): ParsedArguments {
  const unmarked = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(unmarked);
    return typeof value === 'string' && value.startsWith(MARK) ? value.slice(MARK.length) : value;
  };
  return Object.fromEntries(
    Object.entries(parsed).map(([name, value]) => [name.toLowerCase(), unmarked(value)]),
  );
}

/** @returns the text that yargs would have printed, for `--help` and `--version` */
async function parse(parser: Argv, argv: readonly string[]): Promise<string> {
  let text = '';
  await parser.parseAsync([...argv], {}, (_error, _args, output) => {
    text = output;
  });
  return text;
}
