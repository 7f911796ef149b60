/**
 * Completes command lines for shells, and has the scripts that they call it with.
 *
 * Offers complete, request, shell-scripts.
 * @module cli/complete
 */
import { COMMANDS } from '../commands/command-table.js';
import type { Terminal } from '../output/terminal.js';
import { shownLine } from '../output/shown-text.js';
import { readCommandWords, type CommandWords } from './command-words.js';
import { completionOf, DIRECTORIES, FILES, NOTHING, type Candidate, type Completion } from './completion.js';
import { completeAnnotation, completePlatforms } from './lists.js';
import { kindOfOption, kindOfPositional, type ValueKind } from './value-kinds.js';

/**
 * Prints what may follow on a command line, by the protocol of cobra that docker's scripts and our own speak: one line
 * `VALUE[TAB DESCRIPTION]` for each candidate, and a last line `:DIRECTIVE`. A mistake in the command line, a damaged file and
 * a registry that does not respond give no candidates, and no message: the user is typing.
 *
 * @param argv `__complete`, or `__completeNoDesc` for no descriptions, and the words after the name of the program, of which the last one is incomplete
 */
export async function complete(
  [name, ...words]: readonly string[],
  { stdout, env }: Terminal,
): Promise<void> {
  const { candidates, directive } = await completionFor(words, env).catch(() => NOTHING);
  const hasDescriptions = name === '__complete';
  for (const { value, description } of candidates) {
    const shown = hasDescriptions && description !== undefined ? `\t${shownLine(description)}` : '';
    // No name can contain a control character; an entry of a directory can, and is left out.
    if (shownLine(value) === value) stdout.write(`${value}${shown}\n`);
  }
  stdout.write(`:${directive}\n`);
}

async function completionFor(words: readonly string[], env: NodeJS.ProcessEnv): Promise<Completion> {
  const line = await readCommandWords(words);
  if (line === undefined) return NOTHING;
  const { last, entry, positionals } = line;
  if (last.kind === 'command') {
    return completionOf(
      COMMANDS.map(({ name, describe }) => ({ value: name, description: describe })),
      last.text,
    );
  }
  if (last.kind === 'flag') return completionOf(flagCandidates(line), last.text);
  if (last.kind === 'positional') {
    const kind = entry && kindOfPositional(entry, positionals.length);
    return kind === undefined ? NOTHING : completeValue(kind, last.text, line, env);
  }
  const kind = kindOfOption(line.declared[last.flag] ?? {}) ?? 'text';
  return completeValue(kind, last.text, line, env);
}

/** The flags that can still be given: each once, unless it can be repeated. Short forms are only listed after one dash. */
function flagCandidates({ declared, command, flags, last }: CommandWords): readonly Candidate[] {
  const own = Object.keys(command?.options ?? {});
  const names = [...own, ...Object.keys(declared).filter((name) => !own.includes(name))];
  return names.flatMap((name): Candidate[] => {
    const { alias, describe, array } = declared[name] ?? {};
    if (flags.has(name) && array !== true) return [];
    const short = typeof alias === 'string' && !last.text.startsWith('--') ? [`-${alias}`] : [];
    return [...short, `--${name}`].map((value) => ({ value, description: describe }));
  });
}

/** Completes a command or a topic of help. */
async function completeTopic(text: string): Promise<Completion> {
  const { TOPIC_NAMES } = await import('../help/pages.js');
  const commands = COMMANDS.map(({ name, describe }) => ({ value: name, description: describe }));
  return completionOf([...commands, ...TOPIC_NAMES.map((value) => ({ value }))], text);
}

async function completeValue(
  kind: ValueKind,
  text: string,
  line: CommandWords,
  env: NodeJS.ProcessEnv,
): Promise<Completion> {
  if (typeof kind !== 'string') {
    return completionOf(
      kind.map((value) => ({ value })),
      text,
    );
  }
  if (kind === 'text') return NOTHING;
  if (kind === 'file') return FILES;
  if (kind === 'directory') return DIRECTORIES;
  if (kind === 'platforms') return completePlatforms(text);
  if (kind === 'topic') return completeTopic(text);
  if (kind === 'annotation') return completeAnnotation(text);
  // The client is needed for names only.
  const { completeName } = await import('./complete-name.js');
  return completeName(kind, text, line, env);
}
