import { ArgumentError } from '../oci/errors.js';
import { VERSION } from '../version.js';
import type { AnyCommand } from './commands/command.js';
import { COMMANDS, usageLine, type CommandEntry } from './commands/command-table.js';
import { EXIT } from './exit-code.js';
import { isSecretFlag, parseArgv, type ParsedArgv } from './flags.js';
import { GLOBAL_FLAGS } from './global-options.js';
import type { Terminal } from './output/terminal.js';

/**
 * Parses a command line and runs its command.
 * @param program the name of the program in usage texts: `multiarch`, or `docker multiarch`
 * @returns the exit code
 * @throws ArgumentError for a usage error, and the errors of the command
 */
export async function runCommandLine(
  argv: readonly string[],
  terminal: Terminal,
  program: string,
): Promise<number> {
  const help = `See ${program} --help.`;
  const before = withHint(`Flags of a command go after its name. ${help}`, () =>
    parseArgv(argv, GLOBAL_FLAGS, { leading: true }),
  );
  const [name, ...rest] = before.positionals;
  const entry = COMMANDS.find((command) => command.name === name);
  if (entry !== undefined) {
    const leading = argv.slice(0, argv.length - before.positionals.length);
    return runEntry(entry, [...leading, ...rest], terminal, program);
  }
  const hint = `Commands are ${COMMANDS.map((command) => command.name).join(', ')}. ${help}`;
  if (name !== undefined) {
    throw new ArgumentError(hasSecretFlag(before) ? 'unknown command' : `unknown command: ${name}`, { hint });
  }
  const text = await requestedText(before, async () =>
    (await import('./help.js')).programHelp(terminal, program),
  );
  if (text === undefined) throw new ArgumentError('no command given', { hint });
  terminal.stdout.write(text);
  return EXIT.done;
}

async function runEntry(
  entry: CommandEntry,
  argv: readonly string[],
  terminal: Terminal,
  program: string,
): Promise<number> {
  const command = await entry.load();
  const parsed = withHint(`See ${program} ${entry.name} --help.`, () =>
    parseArgv(argv, { ...GLOBAL_FLAGS, ...command.options }),
  );
  const text = await requestedText(parsed, async () =>
    (await import('./help.js')).commandHelp(entry, command, terminal, program),
  );
  if (text !== undefined) {
    terminal.stdout.write(text);
    return EXIT.done;
  }
  const arranged = command.arrange?.(parsed) ?? parsed;
  const args = { ...arranged.flags, ...namedPositionals(entry, command, arranged, program) };
  // Help does not need the client or its dependencies.
  const { runCommand } = await import('./run-command.js');
  return runCommand(command, { args, positionals: arranged.positionals }, terminal);
}

/** Adds a hint to errors that have none. */
function withHint<T>(hint: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError(error.message, { hint: error.hint ?? hint });
  }
}

/** The text for `--help` or `--version`. */
async function requestedText(
  { flags }: ParsedArgv,
  help: () => Promise<string>,
): Promise<string | undefined> {
  if (flags['help'] === true) return `${await help()}\n`;
  return flags['version'] === true ? `multiarch ${VERSION}\n` : undefined;
}

/** The positionals by the names that the command gives them. @throws ArgumentError for too few or too many */
function namedPositionals(
  entry: CommandEntry,
  { takesLogin = false }: AnyCommand,
  parsed: ParsedArgv,
  program: string,
): Record<string, unknown> {
  const { positionals } = parsed;
  const specs = entry.positionals.split(' ').filter((spec) => spec !== '');
  const min = specs.filter((spec) => spec.startsWith('<')).length;
  const max = entry.positionals.includes('..') ? Infinity : specs.length;
  if (positionals.length >= min && positionals.length <= max) {
    return Object.fromEntries(
      specs.map((spec, index) => [
        spec.replaceAll(/[^A-Z]/g, '').toLowerCase(),
        spec.includes('..') ? positionals.slice(index) : positionals[index],
      ]),
    );
  }
  // An extra argument may be a password.
  const extra =
    takesLogin || hasSecretFlag(parsed)
      ? `${positionals.length} instead of ${max}`
      : positionals.slice(specs.length).join(' ');
  throw new ArgumentError(
    positionals.length < min
      ? `too few arguments for ${entry.name}`
      : `too many arguments for ${entry.name}: ${extra}`,
    { hint: `${usageLine(entry, program)}. See ${program} ${entry.name} --help.` },
  );
}

function hasSecretFlag({ flags }: ParsedArgv): boolean {
  return Object.keys(flags).some(isSecretFlag);
}
