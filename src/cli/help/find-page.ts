import { COMMANDS } from '../commands/command-table.js';
import { UnknownNameError } from '../flags.js';
import type { HelpPage } from './page.js';
import { commandPage, programPage, TOPIC_NAMES, topicPage } from './pages.js';

/**
 * Returns the page of a command or topic; without a name, that of the program.
 * @param extent of the options of a command
 * @throws UnknownNameError
 */
export async function findPage(
  name: string | undefined,
  program: string,
  extent: 'all' | 'common' = 'all',
): Promise<HelpPage> {
  if (name === undefined) return programPage(program);
  const entry = COMMANDS.find((command) => command.name === name);
  if (entry !== undefined) return commandPage(entry, await entry.load(), program, extent);
  const page = topicPage(name);
  if (page !== undefined) return page;
  const names = [...COMMANDS.map((command) => command.name), ...TOPIC_NAMES];
  throw new UnknownNameError(`no help on ${name}`, {
    given: name,
    names,
    hint: `Topics are ${TOPIC_NAMES.join(', ')}; commands are listed by ${program} --help.`,
  });
}
