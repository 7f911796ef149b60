import type * as Yaml from 'yaml';

import { InvalidError, printable, type Problem } from '../oci/errors.js';
import { YAML_LIMIT, YamlValue, formatOffset, type YamlLibrary } from './yaml-value.js';

/** In UTF-16 code units: some hundred times the length of a large assembly file. */
const MAX_LENGTH = 1024 * 1024;
/** Bounds the time to parse. */
const MAX_TOKENS = 100_000;
/** Levels of nesting. The composer calls itself for each, and would overflow the stack. */
const MAX_DEPTH = 64;
/** Later syntax errors mostly follow from the first ones. */
const MAX_SYNTAX_PROBLEMS = 10;

/** A YAML 1.2 document without syntax errors. */
export interface YamlDocument {
  /** The names of the top-level members; none if the document is not a mapping. */
  readonly members: ReadonlySet<string>;
  /**
   * Returns the value of the document.
   * @param scalars `text` reads all plain scalars as strings, as typed decoders do: `1.10` is "1.10"
   */
  read(scalars: 'typed' | 'text'): YamlValue;
}

/**
 * Parses YAML 1.2, which includes JSON. Safe for any text: its length, its depth and the values repeated by aliases are
 * limited.
 * @param label the name of the document in messages
 * @throws InvalidError with the line and column of every syntax error
 */
export async function parseYaml(text: string, label: string): Promise<YamlDocument> {
  if (text.length > MAX_LENGTH) throw new InvalidError(`${label} is longer than ${MAX_LENGTH} characters`);
  // Loading the library takes longer than most commands run, and only assembly files need it.
  const yaml = await import('./yaml-library.js');
  const lines = new yaml.LineCounter();
  lines.addNewLine(0);
  const composer = new yaml.Composer({
    schema: 'core',
    // Duplicate names are found when the value is read: the composer would compare each name with all others.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
    lineCounter: lines,
  } satisfies Yaml.ParseOptions & Yaml.DocumentOptions & Yaml.SchemaOptions);
  const [document, second] = composer.compose(tokenise(yaml, text, lines, label), true, text.length);
  const problems = (document?.errors ?? []).map(({ pos: [offset], message }) =>
    problemAt(lines, offset, clip(printable(message)), 'yaml/syntax'),
  );
  if (second !== undefined) {
    const message = 'a second document starts here; only one is allowed';
    problems.push(problemAt(lines, second.range[0], message, 'yaml/documents'));
  }
  if (problems.length > 0) throw invalidYaml(label, problems.slice(0, MAX_SYNTAX_PROBLEMS));
  const root = document?.contents ?? null;
  const pairs = yaml.isMap(root) ? root.items : [];
  return {
    members: new Set(pairs.map(({ key }) => (yaml.isScalar(key) ? String(key.value) : ''))),
    read: (scalars) => new YamlValue(yaml, root, lines, scalars),
  };
}

/** Returns the error for an invalid file. The messages of the problems include their positions. */
export function invalidYaml(label: string, problems: readonly Problem[], what = 'valid YAML'): InvalidError {
  const [first, ...others] = problems;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return new InvalidError(`${label} is not ${what}: ${first?.message ?? 'no reason given'}${more}`, {
    problems,
  });
}

/** Splits the text into tokens. The parser keeps its own stack, so the depth is checked before the composer recurses. */
function tokenise(yaml: YamlLibrary, text: string, lines: Yaml.LineCounter, label: string): Yaml.CST.Token[] {
  const parser = new yaml.Parser(lines.addNewLine);
  const tokens: Yaml.CST.Token[] = [];
  let count = 0;
  const limit = (message: string): InvalidError =>
    invalidYaml(label, [problemAt(lines, parser.offset, message, YAML_LIMIT)]);
  for (const lexeme of new yaml.Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length > MAX_DEPTH) throw limit(`more than ${MAX_DEPTH} levels deep`);
    if (++count > MAX_TOKENS) throw limit(`more than ${MAX_TOKENS} tokens`);
  }
  tokens.push(...parser.end());
  return tokens;
}

function problemAt(lines: Yaml.LineCounter, offset: number, message: string, rule: string): Problem {
  return { pointer: '', message: `${formatOffset(lines, offset)}: ${message}`, rule };
}

/** The parser's messages quote the file. */
function clip(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
