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

/** The arguments of a command, and the file that its standard input is read from. Only whole arguments are quoted. */
export function wordsOf(command: string): { readonly words: string[]; readonly stdin: string | undefined } {
  const [, text = command, stdin] = /^(.*?)(?: < (\S+))?$/.exec(command) ?? [];
  const words = text.match(/'[^']*'|\S+/g) ?? [];
  const plain = words.map((word) => word.replace(/^'(.*)'$/, '$1'));
  if (plain.some((word) => /["'\\$|;&<>]/.test(word))) throw new Error(`not a plain command: ${command}`);
  return { words: plain, stdin };
}
