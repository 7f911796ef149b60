import type * as Yaml from 'yaml';

import { InvalidError, type Problem } from '../oci/errors.js';
import { YAML_LIMIT, YamlReader, rangeOf, type YamlLibrary, type YamlValue } from './yaml-value.js';

/** In UTF-16 code units, some hundred times what a large assembly file needs. */
const MAX_LENGTH = 1024 * 1024;
/** Words and marks as YAML counts them: what bounds the time that reading takes. */
const MAX_TOKENS = 100_000;
/** Levels of nesting. The parser calls itself for each, and does not survive too many. */
const MAX_DEPTH = 64;
/** After the first ones, most are what the first ones led to. */
const MAX_SYNTAX_PROBLEMS = 10;

/** A YAML 1.2 document whose grammar is right. */
export class YamlText {
  readonly #yaml: YamlLibrary;
  readonly #root: Yaml.ParsedNode | null;
  readonly #lines: Yaml.LineCounter;

  constructor(yaml: YamlLibrary, root: Yaml.ParsedNode | null, lines: Yaml.LineCounter) {
    this.#yaml = yaml;
    this.#root = root;
    this.#lines = lines;
  }

  /** The names of the outermost members; none where the document is not a mapping. */
  get members(): ReadonlySet<string> {
    const { isMap, isScalar } = this.#yaml;
    const pairs = isMap(this.#root) ? this.#root.items : [];
    return new Set(pairs.map(({ key }) => (isScalar(key) ? String(key.value) : '')));
  }

  /**
   * The document as a value.
   * @param scalars `text` takes what is not quoted as text too, as readers with a type in mind do: `1.10` is "1.10"
   */
  read(scalars: 'typed' | 'text'): YamlValue {
    return new YamlReader(this.#yaml, this.#lines, scalars).read(this.#root);
  }
}

/**
 * Reads YAML 1.2, and with it JSON. Harmless for any text: its length, its nesting and what aliases make of it are
 * limited.
 * @param label what messages call it
 * @throws InvalidError with line and column of every mistake in the grammar
 */
export async function parseYaml(text: string, label: string): Promise<YamlText> {
  if (text.length > MAX_LENGTH) {
    throw new InvalidError(`${label} is longer than ${MAX_LENGTH} characters, which no such file needs`);
  }
  // Takes longer to load than most commands to run, and only a command that is given such a file needs it.
  const yaml = await import('./yaml-library.js');
  const lines = new yaml.LineCounter();
  lines.addNewLine(0);
  const options: Yaml.ParseOptions & Yaml.DocumentOptions & Yaml.SchemaOptions = {
    schema: 'core',
    // Doubles are found while reading the value: the parser compares each name with all others.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
    lineCounter: lines,
  };
  const composer = new yaml.Composer(options);
  const [document, second] = composer.compose(tokenise(yaml, text, lines, label), true, text.length);
  const problems = (document?.errors ?? []).map((error): Problem => {
    return {
      pointer: '',
      message: `${rangeOf(lines, error.pos[0])}: ${oneLine(error.message)}`,
      rule: 'yaml/syntax',
    };
  });
  if (second !== undefined) {
    const message = `${rangeOf(lines, second.range[0])}: a second document begins here; only one is read`;
    problems.push({ pointer: '', message, rule: 'yaml/documents' });
  }
  if (problems.length > 0) throw invalidYaml(label, problems.slice(0, MAX_SYNTAX_PROBLEMS));
  return new YamlText(yaml, document?.contents ?? null, lines);
}

/** The error for a file that is not as it must be. The problems carry their positions. */
export function invalidYaml(label: string, problems: readonly Problem[], what = 'valid YAML'): InvalidError {
  const [first, ...others] = problems;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return new InvalidError(`${label} is not ${what}: ${first?.message ?? 'no reason given'}${more}`, {
    problems,
  });
}

/** The parser keeps its own stack, so that its depth can be looked at before anything calls itself. */
function tokenise(yaml: YamlLibrary, text: string, lines: Yaml.LineCounter, label: string): Yaml.CST.Token[] {
  const parser = new yaml.Parser(lines.addNewLine);
  const tokens: Yaml.CST.Token[] = [];
  let count = 0;
  const refuse = (reason: string): InvalidError => {
    const message = `${rangeOf(lines, parser.offset)}: ${reason}`;
    return invalidYaml(label, [{ pointer: '', message, rule: YAML_LIMIT }]);
  };
  for (const word of new yaml.Lexer().lex(text)) {
    tokens.push(...parser.next(word));
    if (parser.stack.length > MAX_DEPTH) throw refuse('too many levels within each other');
    if (++count > MAX_TOKENS) throw refuse(`more than ${MAX_TOKENS} words and marks up to here`);
  }
  tokens.push(...parser.end());
  return tokens;
}

/** The parser's messages repeat what is in the file, whatever a terminal would make of it. */
function oneLine(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
