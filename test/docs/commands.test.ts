import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { EXIT } from '../../src/cli/exit-code.js';
import { makeSandbox, type Sandbox } from '../support/sandbox.js';
import { callsIn, readHelp, unknownIn, type Flag, type Help } from './help.js';
import { blocksOf, codeSpans, page, pages, proseOf, root, sections } from './markdown.js';

let sandbox: Sandbox;
let help: Help;
beforeAll(async () => {
  sandbox = await makeSandbox();
  help = await readHelp(sandbox);
});
afterAll(() => sandbox.remove());

/** The table rows of a section whose first cell names a flag. */
function documentedFlags(section: string): Map<string, { alias: string | undefined; row: string }> {
  const rows = section.matchAll(/^\| (?:`(-\w)`, )?`(--[\w-]+)`\s*\|(.*)$/gm);
  return new Map([...rows].map(([, alias, name = '', row = '']) => [name, { alias, row }]));
}

/** The flags in the form `-a, --amend`, sorted. */
function spelled(flags: readonly Pick<Flag, 'name' | 'alias'>[]): string[] {
  return flags.map(({ name, alias }) => (alias === undefined ? name : `${alias}, ${name}`)).sort();
}

function expectSameFlags(section: string, flags: readonly Flag[]): void {
  const documented = documentedFlags(section);
  expect(spelled([...documented].map(([name, { alias }]) => ({ name, alias })))).toEqual(spelled(flags));
  for (const { name, choices, default: byDefault } of flags) {
    const spans = codeSpans(documented.get(name)?.row ?? '');
    const expected = [...choices, ...(byDefault === undefined ? [] : [byDefault])];
    expect(spans, `choices and default of ${name}`).toEqual(expect.arrayContaining(expected));
  }
}

describe('docs/commands.md', () => {
  const commandSections = sections(proseOf(page('docs/commands.md')), 2);
  const section = (title: string): string => commandSections.find((each) => each.title === title)?.text ?? '';

  it('describes exactly the existing commands, in the order of the help', () => {
    expect(commandSections.map(({ title }) => title)).toEqual(['Global options', ...help.commands.keys()]);
  });

  it('describes the global options', () => {
    expect(help.globals.length).toBeGreaterThan(5);
    expectSameFlags(section('Global options'), help.globals);
  });

  it('describes exactly the existing flags of each command, with short form, choices and default', () => {
    for (const [command, flags] of help.commands) {
      if (flags.length === 0) expect(section(command)).toContain('no flags of its own');
      expectSameFlags(section(command), flags);
    }
  });
});

describe('README.md', () => {
  it('fits in 200 lines', () => {
    expect(page('README.md').text.split('\n').length).toBeLessThan(200);
  });

  it('starts with the set-up commands, which package.json defines', () => {
    const [first] = blocksOf(page('README.md'));
    const scripts = JSON.parse(readFileSync(`${root}package.json`, 'utf8')).scripts as Record<string, string>;
    expect(first?.code.split('\n').map((line) => line.replace(/\s*#.*/, ''))).toEqual([
      'npm run quickstart',
      'npm cit',
    ]);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(['quickstart', 'test', 'build']));
  });
});

describe('every page', () => {
  const shells = new Set(['sh', 'bash', 'console', 'groovy', 'powershell', 'yaml']);

  it('uses only existing commands and flags', () => {
    const calls = pages().flatMap((each) => {
      const inBlocks = blocksOf(each)
        .filter(({ language }) => shells.has(language))
        .flatMap(({ code, language, line }) => {
          const lines =
            language === 'console'
              ? code.split('\n').filter((text) => /^(?:\$|>|\s{4}) /.test(text))
              : [code];
          return callsIn(lines.join('\n')).map((call) => ({ where: `${each.path}:${line}`, call }));
        });
      const inProse = codeSpans(proseOf(each))
        .flatMap((span) => callsIn(span))
        .map((call) => ({ where: each.path, call }));
      return [...inBlocks, ...inProse];
    });
    expect(calls.length).toBeGreaterThan(40);
    const unknown = calls.flatMap(({ where, call }) =>
      unknownIn(call, help).map((what) => `${where}: ${what} in multiarch ${call.join(' ')}`),
    );
    expect(unknown).toEqual([]);
  });

  it('names only existing flags', () => {
    const ofScripts = ['--tagged', '--verify'];
    const known = new Set(
      [...help.globals, ...[...help.commands.values()].flat()].flatMap(({ name, alias }) => [name, alias]),
    );
    for (const flag of ofScripts) known.add(flag);
    const ours = pages().filter(({ path }) => path !== 'test/README.md');
    const unknown = ours.flatMap((each) =>
      codeSpans(proseOf(each))
        .filter((span) => /^--?[a-z][\w-]*$/.test(span) && !known.has(span))
        .map((span) => `${each.path}: ${span}`),
    );
    expect(unknown).toEqual([]);
  });

  it('names only scripts of package.json', () => {
    const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { scripts: object };
    const named = pages().flatMap(({ text }) =>
      [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name),
    );
    expect(named.filter((name) => name !== undefined && !(name in scripts))).toEqual([]);
  });
});

describe('docs/troubleshooting.md', () => {
  it('lists the existing exit codes', () => {
    const table = sections(page('docs/troubleshooting.md').text, 2).find(
      ({ title }) => title === 'Exit codes',
    )?.text;
    const codes = [...(table ?? '').matchAll(/^\| (\d+)\s*\|/gm)].map(([, code]) => Number(code));
    expect(codes).toEqual([...new Set(Object.values(EXIT))]);
  });

  it('explains only existing messages', () => {
    const sources = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(join(root, 'src', name), 'utf8'))
      .join('\n');
    const messages = sections(proseOf(page('docs/troubleshooting.md')), 3).flatMap(({ title }) =>
      codeSpans(title),
    );
    expect(messages.length).toBeGreaterThan(10);
    const missing = messages.flatMap((message) =>
      message.split('…').filter((part) => part.trim() !== '' && !sources.includes(part.trim())),
    );
    expect(missing).toEqual([]);
  });
});
