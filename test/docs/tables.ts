import { codeSpans, type Page } from './markdown.js';

/** A row of a table of commands before and after. */
export interface MigrationRow {
  /** `docs/migration/crane.md:7` */
  readonly where: string;
  /** The commands of the other tool, if there are any. */
  readonly before: readonly string[];
  /** The commands of `multiarch`. */
  readonly after: readonly string[];
}

/** The rows of a page whose second cell has commands, in order. */
export function migrationRows({ path, text }: Page): MigrationRow[] {
  return text.split('\n').flatMap((line, at) => {
    const [, before = '', after = ''] = line.startsWith('|') ? line.split(/(?<!\\)\|/) : [];
    const commands = codeSpans(after).filter((span) => span.startsWith('multiarch '));
    return commands.length === 0
      ? []
      : [{ where: `${path}:${at + 1}`, before: codeSpans(before), after: commands }];
  });
}

/** The words of a command without quotes, and the file that its standard input is read from. */
export function wordsOf(command: string): { readonly words: string[]; readonly stdin: string | undefined } {
  const [, text = command, stdin] = /^(.*?)(?: < (\S+))?$/.exec(command) ?? [];
  if (/["'\\$|;&<>]/.test(text)) throw new Error(`not a plain command: ${command}`);
  return { words: text.split(' '), stdin };
}
