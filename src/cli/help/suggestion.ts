import { yargs } from '../yargs-library.js';

/**
 * Returns the name that was probably meant: the nearest one within three edits, as yargs recommends commands.
 * @returns `undefined` if none is near
 */
export async function suggestion(given: string, names: readonly string[]): Promise<string | undefined> {
  // A long flag with one dash.
  if (names.includes(given)) return given;
  // Three edits make any short name of any other.
  const related = names.filter((name) => sharesHalf(given, name));
  if (related.length === 0) return undefined;
  let found: string | undefined;
  const parser = yargs()
    .locale('en')
    .updateStrings({ 'Did you mean %s?': '%s' })
    .exitProcess(false)
    .help(false)
    .version(false)
    .strictCommands()
    .recommendCommands()
    .fail((message) => (found ??= related.find((name) => name === message)));
  for (const name of related) parser.command(name, false);
  await parser.parseAsync([given]);
  return found;
}

/** Reports whether a name has at least half of the letters of a text. */
function sharesHalf(text: string, name: string): boolean {
  const letters = name.split('');
  let shared = 0;
  for (const letter of text) {
    const at = letters.indexOf(letter);
    if (at < 0) continue;
    letters.splice(at, 1);
    shared += 1;
  }
  return shared > 0 && shared * 2 >= text.length;
}
