import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { jsonText, shownJson, shownLine } from '../../../src/cli/output/shown-text.js';

describe('shownLine', () => {
  it.each([
    ['app:1.2  linux/amd64', 'app:1.2  linux/amd64'],
    ['ü 中 🙂 a::b # #x[ ##', 'ü 中 🙂 a::b # #x[ ##'],
    ['a\nb\r\nc\u2028d\u2029e\u0085f', 'a b  c d e f'],
    ['\u001B[2Ja\u0007\u007F\u009Bb\u0000', ' [2Ja   b '],
    ['a\u202Eb\u2066c\u200Ed\u061Ce', 'a b c d e'],
    ['👩\u200D💻 ❤\uFE0F co\u00ADop \u200C', '👩\u200D💻 ❤\uFE0F co\u00ADop \u200C'],
    ['a\uD800b\uDC00c🙂', 'a b c🙂'],
    ['::error::a', ': :error::a'],
    ['  ::error::a', '  : :error::a'],
    ['\u0000\u202E::error::a', '  : :error::a'],
    ['a ##vso[x]##[y]###[z]##TeamCity[', 'a # #vso[x]# #[y]## #[z]# #TeamCity['],
  ])('%j is %j', (text, shown) => {
    expect(shownLine(text)).toBe(shown);
    expect(shownLine(shown)).toBe(shown);
  });

  it('keeps only colours of its own, and only where it is told', () => {
    const text = '\u001B[36mcyan\u001B[39m \u001B[2J\u001B[8mhidden\n\u001B[1m';
    expect(shownLine(text, { color: true })).toBe('\u001B[36mcyan\u001B[39m  [2J [8mhidden \u001B[1m');
    expect(shownLine(text)).toBe(' [36mcyan [39m  [2J [8mhidden  [1m');
  });
});

describe('shownJson', () => {
  it('leaves JSON without such characters as it is', () => {
    const json = '{\n\t"ü 中 🙂 👩\u200D💻 ❤\uFE0F co\u00ADop \u{E0041}":\r "a::b # #vso[ \\u202e \\n"}\n\n';
    expect(shownJson(json)).toBe(json);
  });

  it.each([
    ['\u007F\u009B', '"\\u007f\\u009b"'],
    ['\u202A\u202E\u2066\u2069\u200E\u200F\u061C', '"\\u202a\\u202e\\u2066\\u2069\\u200e\\u200f\\u061c"'],
    ['\u2028\u2029', '"\\u2028\\u2029"'],
    ['\uD800', '"\\ud800"'],
    ['##vso[a]##[b]', '"\\u0023#vso[a]\\u0023#[b]"'],
  ])('escapes %j', (value, json) => {
    expect(jsonText(value)).toBe(json);
    expect(JSON.parse(json)).toBe(value);
  });
});

it('all text for people goes through shownLine or shownMessage: nothing else writes to a stream', async () => {
  const room = join(import.meta.dirname, '../../../src/cli');
  const files = (await readdir(room, { recursive: true })).filter((name) => name.endsWith('.ts'));
  const writes: string[] = [];
  for (const file of files) {
    const text = await readFile(join(room, file), 'utf8');
    for (const [call] of text.matchAll(/\.write\((.*)\)/g)) writes.push(`${file}: ${call}`);
  }
  const unsafe = writes.filter(
    (call) => !/shown(?:Line|Message)\(/.test(call) && !call.includes('errorText('),
  );
  expect(unsafe.toSorted()).toEqual([
    // The help and the version: text of this program alone.
    'command-line.ts: .write(`${isHelp ? text : `multiarch ${text}`}\\n`)',
    // Each value is one line without control characters.
    'complete/complete.ts: .write(`${value}${shown}\\n`)',
    'complete/complete.ts: .write(`:${directive}\\n`)',
    // What errorText returns, as one annotation in GitHub Actions.
    'main.ts: .write(`${line}\\n`)',
    // Passed through shownJson.
    'output/json-result.ts: .write(`${this.#text()}\\n`)',
    // Text and annotations passed through shownMessage, and JSON through shownJson.
    'output/log.ts: .write(`${recordLine(record, format)}\\n`)',
    // The methods of Output, which are tested here and in hostile-text.test.ts.
    'output/output.ts: .write(text)',
    "output/terminal.ts: .write('', () => resolve())",
    // The prompt, and the echo of what a person types.
    'run-command.ts: .write(text)',
    // The version, and what docker asks a plugin.
    'start/quick-answer.ts: .write(`${text}\\n`)',
  ]);
});
