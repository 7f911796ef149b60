import { existsSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { page, root } from './markdown.js';

interface TestName {
  /** Relative to the top folder. */
  readonly file: string;
  /** As in the source: of a test, a group of tests or a row of a table of tests. */
  readonly title: string;
}

interface Entry {
  readonly flaw: string;
  readonly rules: readonly string[];
  readonly tests: readonly TestName[];
}

const SECTION = '\n## Rules and their tests\n';

/** The entries of the list of rules: items with the nested items `Rule:` and `Test:`. */
function entriesOf(text: string): readonly Entry[] {
  const start = text.indexOf(SECTION);
  const section = text.slice(start + SECTION.length, text.indexOf('\n## ', start + SECTION.length));
  return section
    .split(/^- /m)
    .slice(1)
    .map((item) => {
      const [flaw = '', ...nested] = item
        .split(/^ {2}- /m)
        .map((part) => (part.split(/\n(?!\s+\S)/)[0] ?? '').replaceAll(/\s+/g, ' ').trim());
      const of = (label: string): string[] =>
        nested.flatMap((part) => (part.startsWith(`${label}: `) ? [part.slice(label.length + 2)] : []));
      expect(
        nested.filter((part) => !/^(?:Rule|Test): /.test(part)),
        `below "${flaw}"`,
      ).toEqual([]);
      return { flaw, rules: of('Rule'), tests: of('Test').map(testName) };
    });
}

function testName(text: string): TestName {
  const [, file = '', title = ''] = /^`([^`]+)` › `([^`]+)`$/.exec(text) ?? [];
  return { file, title };
}

/** Reports whether a file has a test, a group or a row of a table with this title. */
function hasTitle({ file, title }: TestName): boolean {
  if (!file.startsWith('test/') || !file.endsWith('.test.ts') || !existsSync(root + file)) return false;
  const source = readFileSync(root + file, 'utf8');
  const quoted = ["'", '"', '`'].map((quote) => `${quote}${title}${quote}`);
  return quoted.some((literal) => {
    for (let at = source.indexOf(literal); at >= 0; at = source.indexOf(literal, at + 1)) {
      const before = source.slice(0, at).trimEnd().at(-1) ?? '';
      const after =
        source
          .slice(at + literal.length)
          .trimStart()
          .at(0) ?? '';
      if ((before === '(' || before === '[') && after === ',') return true;
    }
    return false;
  });
}

const entries = entriesOf(page('docs/security.md').text);

describe('the rules of docs/security.md', () => {
  it('are many, each once', () => {
    expect(entries.length).toBeGreaterThan(40);
    expect(new Set(entries.map(({ flaw }) => flaw)).size).toBe(entries.length);
  });

  it.each(entries)('have a rule and tests that exist: $flaw', ({ rules, tests }) => {
    expect(rules).toHaveLength(1);
    expect(tests.length).toBeGreaterThan(0);
    expect(tests.filter((test) => !hasTitle(test))).toEqual([]);
  });
});

describe('a test that the page names', () => {
  const file = 'test/docs/security.test.ts';

  it.each([
    ['a test', 'are many, each once', true],
    ['a group', 'a test that the page names', true],
    ['a row of a table', 'a row of a table', true],
    ['text elsewhere', 'the top folder', false],
    ['the expectation in a table', 'are not names', false],
    ['a part of a title', 'are many', false],
  ])('may be %s: %s', (_what, title, exists) => {
    expect(hasTitle({ file, title })).toBe(exists);
  });

  it('is in a file that exists', () => {
    expect(hasTitle({ file: 'test/docs/gone.test.ts', title: 'are many, each once' })).toBe(false);
    expect(hasTitle({ file: 'src/index.ts', title: 'are many, each once' })).toBe(false);
  });
});
