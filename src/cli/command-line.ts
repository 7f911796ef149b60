import { ArgumentError } from '../oci/errors.js';
import { VERSION } from '../version.js';
import type { AnyCommand, Call } from './commands/command.js';
import { COMMANDS, usageLine, type CommandEntry } from './commands/command-table.js';
import { isCompletion } from './complete/request.js';
import { EXIT } from './exit-code.js';
import { isSecretFlag, parseArgv, UnknownNameError, type ParsedArgv } from './flags.js';
import { GLOBAL_FLAGS } from './global-options.js';
import type { Terminal } from './output/terminal.js';
import { flagsOnly, readSettings } from './settings/settings.js';

/**
 * Parses a command line and runs its command.
 * @returns the exit code
 * @throws ArgumentError for a usage error, and the errors of the command
 */
export async function runCommandLine(
  argv: readonly string[],
  terminal: Terminal,
  call: Call,
): Promise<number> {
  if (isCompletion(argv[0])) {
    const { complete } = await import('./complete/complete.js');
    await complete(argv, terminal);
    return EXIT.done;
  }
  const { program } = call;
  const help = `See ${program} --help.`;
  const before = await withHint(`Flags of a command go after its name. ${help}`, async () =>
    parseArgv(argv, GLOBAL_FLAGS, { leading: true }),
  );
  const [name, ...rest] = before.positionals;
  const entry = COMMANDS.find((command) => command.name === name);
  if (entry !== undefined) {
    const leading = argv.slice(0, argv.length - before.positionals.length);
    return runEntry(entry, [...leading, ...rest], terminal, call);
  }
  const names = COMMANDS.map((command) => command.name);
  const hint = `Commands are ${names.join(', ')}. ${help}`;
  if (name !== undefined) {
    if (hasSecretFlag(before)) throw new ArgumentError('unknown command', { hint });
    return withHint(help, () => {
      throw new UnknownNameError(`unknown command: ${name}`, { given: name, names, hint });
    });
  }
  const isAnswered = await answerRequest(before, terminal, call, () =>
    helpText(undefined, terminal, program),
  );
  if (!isAnswered) throw new ArgumentError('no command given', { hint });
  return EXIT.done;
}

async function runEntry(
  entry: CommandEntry,
  argv: readonly string[],
  terminal: Terminal,
  call: Call,
): Promise<number> {
  const { program } = call;
  const command = await entry.load();
  const help = `See ${program} ${entry.name} --help.`;
  const declared = { ...GLOBAL_FLAGS, ...command.options };
  const parsed = await withHint(help, async () => parseArgv(argv, declared));
  const isAnswered = await answerRequest(parsed, terminal, call, () =>
    helpText(entry.name, terminal, program),
  );
  if (isAnswered) return EXIT.done;
  const arranged = command.arrange?.(parsed) ?? parsed;
  const named = namedPositionals(entry, command, arranged, program);
  const settings =
    command.ignoresSettings === true
      ? flagsOnly(arranged.flags)
      : await readSettings(arranged, declared, terminal.env);
  const args = { ...settings.flags, ...named };
  call.onOptions(args);
  // Help does not need the client or its dependencies.
  const { runCommand } = await import('./run-command.js');
  try {
    return await runCommand(command, { args, positionals: arranged.positionals, settings }, terminal, call);
  } catch (error) {
    throw error instanceof UnknownNameError ? await withSuggestion(error, help) : error;
  }
}

/** Adds a hint to errors that have none, and to a misspelt name the one that was probably meant. */
async function withHint<T>(hint: string, parse: () => Promise<T>): Promise<T> {
  try {
    return await parse();
  } catch (error) {
    if (error instanceof UnknownNameError) throw await withSuggestion(error, hint);
    if (!(error instanceof ArgumentError) || error.hint !== undefined) throw error;
    throw new ArgumentError(error.message, { hint });
  }
}

async function withSuggestion(error: UnknownNameError, hint: string): Promise<ArgumentError> {
  const { message, given, names, prefix } = error;
  const { suggestion } = await import('./help/suggestion.js');
  const meant = await suggestion(given, names);
  return new ArgumentError(message, {
    hint: meant === undefined ? (error.hint ?? hint) : `Did you mean ${prefix}${meant}? ${hint}`,
  });
}

async function helpText(name: string | undefined, terminal: Terminal, program: string): Promise<string> {
  const [{ findPage }, { formatPage, helpWidth }] = await Promise.all([
    import('./help/find-page.js'),
    import('./help/layout.js'),
  ]);
  return formatPage(await findPage(name, program, 'common'), helpWidth(terminal));
}

/** Prints the text for `--help` or `--version`. @returns whether one of them was given */
async function answerRequest(
  { flags }: ParsedArgv,
  { stdout }: Terminal,
  { result }: Call,
  help: () => Promise<string>,
): Promise<boolean> {
  const isHelp = flags['help'] === true;
  if (!isHelp && flags['version'] !== true) return false;
  const text = isHelp ? await help() : VERSION;
  if (flags['json'] === true) result.set(isHelp ? { help: text } : { version: text });
  else stdout.write(`${isHelp ? text : `multiarch ${text}`}\n`);
  return true;
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
