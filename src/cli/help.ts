import type { Argv } from 'yargs';

import { VERSION } from '../version.js';
import type { AnyCommand } from './commands/command.js';
import { COMMANDS, usageLine, type CommandEntry } from './commands/command-table.js';
import { GLOBAL_FLAGS, GLOBAL_OPTIONS } from './global-options.js';
import type { Terminal } from './output/terminal.js';
import { yargs } from './yargs-library.js';

const PROGRAM = 'Assemble single-platform images into one multi-arch image, check it and publish it';
const EXIT_CODES = `Exit codes: 0 done, 1 failed, 3 not found, 4 unauthorized, 5 invalid or requirement not met,
6 registry unavailable, 7 conflict, 125 usage error, 130 interrupted`;

/** The help of the program, which lists the commands. */
export function programHelp(terminal: Terminal, program: string): Promise<string> {
  const parser = helpParser(terminal, program).usage(`Usage: ${program} COMMAND\n\n${PROGRAM}`);
  for (const { name, synopsis, describe } of COMMANDS) parser.command(`${name} ${synopsis}`.trim(), describe);
  parser.epilogue(`See ${program} COMMAND --help for details of a command.\n\n${EXIT_CODES}`);
  return helpText(parser, ['--help']);
}

/** The help of one command. */
export function commandHelp(
  entry: CommandEntry,
  { positionals, options }: AnyCommand,
  terminal: Terminal,
  program: string,
): Promise<string> {
  const parser = helpParser(terminal, program, Object.keys(options));
  parser.command(`${entry.name} ${entry.positionals}`.trim(), false, (command) => {
    command.usage(`${usageLine(entry, program)}\n\n${entry.describe}`);
    for (const [name, describe] of Object.entries(positionals)) {
      // The default hides "[default: []]" of a list.
      command.positional(name.toUpperCase(), { type: 'string', default: undefined, describe });
    }
    // The group is created before the options are declared, so that help shows it before the global options.
    return command.group([], 'Options:').options(options);
  });
  return helpText(parser, [entry.name, '--help']);
}

/** @param own the names of the command's own options, some of which are also global ones */
function helpParser(terminal: Terminal, program: string, own: readonly string[] = []): Argv {
  const columns = terminal.stderr.columns ?? 0;
  return yargs()
    .locale('en')
    .exitProcess(false)
    .fail(false)
    .scriptName(program)
    .updateStrings({ 'Positionals:': 'Arguments:' })
    .options(GLOBAL_OPTIONS)
    .help('help', GLOBAL_FLAGS.help.describe)
    .alias('h', 'help')
    .version('version', GLOBAL_FLAGS.version.describe, VERSION)
    .group(
      Object.keys(GLOBAL_FLAGS).filter((name) => !own.includes(name)),
      'Global options:',
    )
    .wrap(columns > 0 ? Math.min(columns, 120) : 100);
}

async function helpText(parser: Argv, argv: readonly string[]): Promise<string> {
  let text = '';
  await parser.parseAsync([...argv], {}, (_error, _args, output) => {
    text = output;
  });
  return text;
}
