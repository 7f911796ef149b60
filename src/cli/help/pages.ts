/**
 * The help: pages of the program, of each command and of topics, made from the declarations that the command line is parsed by.
 *
 * Offers find-page, layout, pages, suggestion.
 * @module cli/help
 */
import type { AnyCommand } from '../commands/command.js';
import { COMMANDS, usageLine, type CommandEntry } from '../commands/command-table.js';
import type { OptionDeclaration, OptionDeclarations } from '../flags.js';
import { GLOBAL_FLAGS } from '../global-options.js';
import type { HelpPage, Row, Section } from './page.js';
import { ENVIRONMENT, EXIT_CODES, NAMES } from './topics.js';

/** The longest list of values, in characters, that is the name of a value. */
const MAX_CHOICES = 30;

const SUMMARY = 'Assemble single-platform images into one multi-arch image, and publish it';

/** The pages of `help TOPIC`, by topic. */
const TOPICS: ReadonlyMap<string, () => HelpPage> = new Map([
  ['options', optionsPage],
  ['environment', () => ({ summary: 'The environment variables that are read', sections: ENVIRONMENT })],
  ['exit-codes', () => ({ summary: 'The exit codes', sections: [{ rows: EXIT_CODES }] })],
  ['names', () => ({ summary: 'The names of images, indexes and drafts', sections: NAMES })],
]);

/** The names of the topics. */
export const TOPIC_NAMES: readonly string[] = [...TOPICS.keys()];

/** Returns the page of a topic; `undefined` if none has this name. */
export function topicPage(name: string): HelpPage | undefined {
  return TOPICS.get(name)?.();
}

/** Returns the page of the program, which lists the commands. */
export function programPage(program: string): HelpPage {
  return {
    summary: SUMMARY,
    usage: `${program} COMMAND`,
    sections: [
      { title: 'Commands', rows: COMMANDS.map(({ name, describe }) => ({ left: name, text: describe })) },
    ],
    end: [`Help of a command: ${program} COMMAND --help`, `More: ${program} help ${TOPIC_NAMES.join('|')}`],
  };
}

/** Returns the page of a command. @param extent of its options; `common` for a page that fits a screen */
export function commandPage(
  entry: CommandEntry,
  { positionals, options, common, examples = [] }: AnyCommand,
  program: string,
  extent: 'all' | 'common' = 'all',
): HelpPage {
  const isShort = extent === 'common' && common !== undefined;
  const rows = Object.entries(positionals).map(([name, text]) => ({ left: name.toUpperCase(), text }));
  return {
    summary: entry.describe,
    usage: usageLine(entry, program).replace('Usage: ', ''),
    sections: [
      ...(rows.length === 0 ? [] : [{ title: 'Arguments', rows }]),
      ...(examples.length === 0
        ? []
        : [{ title: 'Examples', lines: examples.map((example) => `${program} ${example}`) }]),
      ...(isShort
        ? [{ title: 'Options', rows: common.map((name) => optionRow(name, options[name] ?? {})) }]
        : optionSections(options)),
    ],
    end: [
      isShort
        ? `More options: ${program} help ${entry.name}, ${program} help options`
        : `Global options: ${program} help options`,
    ],
  };
}

function optionsPage(): HelpPage {
  return {
    summary: 'The options of every command',
    sections: optionSections(GLOBAL_FLAGS, 'Global options'),
  };
}

/** The options by their groups, in the order in which they are declared. */
function optionSections(options: OptionDeclarations, title = 'Options'): Section[] {
  const groups = new Map<string, Row[]>();
  for (const [name, option] of Object.entries(options)) {
    const group = option.group ?? title;
    const rows = groups.get(group) ?? [];
    groups.set(group, rows);
    rows.push(optionRow(name, option));
  }
  return [...groups].map(([group, rows]) => ({ title: group, rows }));
}

function optionRow(name: string, option: OptionDeclaration): Row {
  const { alias, describe = '', default: byDefault, defaultDescription } = option;
  const short = typeof alias === 'string' ? `-${alias}, ` : '    ';
  const value = valueName(option);
  const shown = defaultDescription ?? (byDefault === undefined ? '' : String(byDefault));
  return {
    left: `${short}--${name}${value === '' ? '' : ` ${value}`}`,
    text: describe + longChoices(option) + (shown === '' ? '' : ` (default ${shown})`),
  };
}

/** The values of an option, if they are too many for its value's name. */
function longChoices({ choices = [] }: OptionDeclaration): string {
  return choices.join('|').length > MAX_CHOICES ? `: ${choices.join(', ')}` : '';
}

/** What an option takes: `DIGEST`, `auto|oci|docker`; empty for a flag. */
function valueName({ type, choices, value, array }: OptionDeclaration): string {
  if (type === 'boolean') return '';
  if (choices !== undefined && longChoices({ choices }) === '') return choices.join('|');
  const name = value ?? (type === 'number' ? 'N' : 'VALUE');
  return array === true ? `${name}...` : name;
}
