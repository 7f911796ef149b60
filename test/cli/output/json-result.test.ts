import { PassThrough } from 'node:stream';

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { asksForJson } from '../../../src/cli/flags.js';
import { JsonResult, JsonText, type JsonMembers } from '../../../src/cli/output/json-result.js';
import { NotFoundError } from '../../../src/oci/errors.js';

/** The text that a result prints. */
function printed(result: JsonResult): string {
  const stdout = new PassThrough();
  result.print(stdout);
  return String(stdout.read() ?? '');
}

function resultOf(members: JsonMembers): JsonResult {
  const result = new JsonResult(true);
  result.set(members);
  return result;
}

describe('a result', () => {
  it('is formatted as JSON.stringify does, whatever its members are', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4, noUnicodeString: true }), (value) => {
        const expected = { schemaVersion: 1, ok: true, value };
        expect(printed(resultOf({ value, omitted: undefined }))).toBe(
          `${JSON.stringify(expected, undefined, 2)}\n`,
        );
      }),
      { numRuns: 50 },
    );
  });

  it('keeps the numbers, escapes and duplicate members of JSON as it was read', () => {
    const document = new JsonText('{\n  "a": 1.50,\n  "a": "\\u00e9\\/"\n}');
    expect(printed(resultOf({ list: [{ document }] }))).toBe(
      [
        '{',
        '  "schemaVersion": 1,',
        '  "ok": true,',
        '  "list": [',
        '    {',
        '      "document": {',
        '        "a": 1.50,',
        '        "a": "\\u00e9\\/"',
        '      }',
        '    }',
        '  ]',
        '}\n',
      ].join('\n'),
    );
  });

  it('of a failure keeps the members that were set before', () => {
    const result = resultOf({ name: 'a' });
    result.fail(new NotFoundError('gone'));
    const { ok, error, name } = JSON.parse(printed(result)) as Record<string, unknown>;
    expect({ ok, error, name }).toMatchObject({ ok: false, error: { code: 'NOT_FOUND' }, name: 'a' });
  });

  it('is empty but valid for a command that has no members', () => {
    expect(JSON.parse(printed(new JsonResult(true)))).toEqual({ schemaVersion: 1, ok: true });
  });

  it('is not printed unless the call asks for JSON', () => {
    const result = new JsonResult(false);
    result.fail(new NotFoundError('gone'));
    expect(printed(result)).toBe('');
  });
});

describe('asksForJson', () => {
  it.each([
    [['ls', '--json'], true],
    [['--json', 'ls'], true],
    [['ls', '--json=true'], true],
    [['ls', '--json=1'], true],
    [['ls', '--json=maybe'], true],
    [['ls', '--json=false'], false],
    [['ls', '--json=F'], false],
    [['ls', '--json=0'], false],
    [['ls', '--jsonx'], false],
    [['ls', '--', '--json'], false],
    [['ls'], false],
  ])('%j: %s', (argv, expected) => {
    expect(asksForJson(argv)).toBe(expected);
  });
});
