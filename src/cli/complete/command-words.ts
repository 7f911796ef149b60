import { ArgumentError } from '../../oci/errors.js';
import type { AnyCommand } from '../commands/command.js';
import { COMMANDS, type CommandEntry } from '../commands/command-table.js';
import { isFlag, splitFlags, type Flag, type OptionDeclarations } from '../flags.js';
import { GLOBAL_FLAGS } from '../global-options.js';

/** What the last word of a command line is: the text that was typed of it, without the name of a flag. */
type LastWord =
  | { readonly kind: 'command'; readonly text: string }
  | { readonly kind: 'flag'; readonly text: string }
  | { readonly kind: 'value'; readonly flag: string; readonly text: string }
  | { readonly kind: 'positional'; readonly text: string };

/** An incomplete command line. */
export interface CommandWords {
  /** `undefined` before the name of the command. */
  readonly entry: CommandEntry | undefined;
  readonly command: AnyCommand | undefined;
  /** The flags that can be given at the end. */
  readonly declared: OptionDeclarations;
  /** The values of the flags before the last word, by name. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  /** The positionals before the last word. */
  readonly positionals: readonly string[];
  readonly last: LastWord;
}

/**
 * Reads the words of an incomplete command line, of which the last one is to be completed. Mistakes before it are ignored.
 * @returns `undefined` for an unknown command
 */
export async function readCommandWords(words: readonly string[]): Promise<CommandWords | undefined> {
  const positionals: string[] = [];
  const flags = new Map<string, readonly string[]>();
  const add = (name: string, value: string): unknown => flags.set(name, [...(flags.get(name) ?? []), value]);
  let [entry, command]: [CommandEntry?, AnyCommand?] = [];
  let declared: OptionDeclarations = GLOBAL_FLAGS;
  let awaited: string | undefined;
  let flagsEnd = false;
  for (const word of words.slice(0, -1)) {
    if (awaited !== undefined) {
      add(awaited, word);
      awaited = undefined;
    } else if (!flagsEnd && word === '--') {
      flagsEnd = true;
    } else if (!flagsEnd && isFlag(word)) {
      for (const { name, value } of flagsIn(word, declared)) {
        if (value === undefined) awaited = name;
        else add(name, value);
      }
    } else if (entry === undefined) {
      entry = COMMANDS.find(({ name }) => name === word);
      if (entry === undefined) return undefined;
      command = await entry.load();
      declared = { ...GLOBAL_FLAGS, ...command.options };
    } else {
      positionals.push(word);
    }
  }
  const text = words.at(-1) ?? '';
  const read = { entry, command, declared, flags, positionals };
  if (awaited !== undefined) return { ...read, last: { kind: 'value', flag: awaited, text } };
  if (flagsEnd || !text.startsWith('-')) {
    return { ...read, last: { kind: entry === undefined ? 'command' : 'positional', text } };
  }
  if (!text.includes('=')) return { ...read, last: { kind: 'flag', text } };
  const [flag] = flagsIn(text, declared);
  if (flag?.value === undefined) return undefined;
  return { ...read, last: { kind: 'value', flag: flag.name, text: flag.value } };
}

/** The flags of a word; none if it has an unknown one. */
function flagsIn(word: string, declared: OptionDeclarations): readonly Flag[] {
  try {
    return splitFlags(word, declared);
  } catch (error) {
    if (error instanceof ArgumentError) return [];
    throw error;
  }
}
