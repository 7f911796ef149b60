import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { InvalidError } from '../../src/oci/errors.js';
import { parseJson } from '../../src/oci/json.js';
import { thrownBy } from '../support/failure.js';

function failure(text: string | Uint8Array): InvalidError {
  return thrownBy(() => parseJson(Buffer.from(text as string), 'app:1.2'), InvalidError);
}

describe('parseJson', () => {
  it.each([
    ['{}', {}],
    [' [1, -0.5e+3, "a\\u00e9\\n\\/", true, false, null] \r\n', [1, -500, 'aé\n/', true, false, null]],
    ['{"a":{"b":[]},"c":{"b":{}}}', { a: { b: [] }, c: { b: {} } }],
    ['"ünï\u{1F600}"', 'ünï\u{1F600}'],
    ['0', 0],
  ])('parses %s', (text, value) => {
    expect(parseJson(Buffer.from(text))).toEqual(value);
  });

  it.each([
    ['', 'line 1, column 1: expected a value, found the end of the text'],
    ['{"a": 1.0.0}', 'line 1, column 10: unexpected "."'],
    ['{\n  "a": 1,\n}', 'line 3, column 1: expected a name in double quotes, found "}"'],
    ['{"a" 1}', 'line 1, column 6: expected ":", found "1"'],
    ['[1 2]', 'line 1, column 4: expected ",", found "2"'],
    ['[1', 'line 1, column 3: expected "," or "]", found the end of the text'],
    ['{"a":1', 'line 1, column 7: expected "," or "}", found the end of the text'],
    ['{} {}', 'line 1, column 4: expected the end of the document, found "{"'],
    ['"a', 'line 1, column 1: unterminated string'],
    ['"\t"', 'line 1, column 1: unescaped control character in a string'],
    ['"\\x"', 'line 1, column 1: invalid escape in a string'],
    ['"\\u12"', 'line 1, column 1: invalid escape in a string'],
    ['[-]', 'line 1, column 2: unexpected "-"'],
    ['[1.]', 'line 1, column 2: incomplete number'],
    ['[01]', 'line 1, column 3: expected ",", found "1"'],
    ["{'a': 1}", 'line 1, column 2: unexpected "\'"'],
    ['[1] // one', 'line 1, column 5: JSON has no comments'],
    ['\uFEFF{}', 'line 1, column 1: unexpected U+FEFF'],
  ])('reports the position of the error in %j', (text, message) => {
    const error = failure(text);
    expect(error.message).toBe(`app:1.2 is not JSON: ${message}`);
    expect(error.problems).toEqual([{ pointer: '', message, rule: 'json/syntax' }]);
  });

  it('reports HTML', () => {
    const error = failure('\n<!DOCTYPE html><html>Sign in</html>');
    expect(error.message).toBe('app:1.2 is not JSON: it is HTML or XML');
    expect(error.hint).toContain('proxy');
  });

  it('reports bytes that are not UTF-8', () => {
    expect(failure(Uint8Array.of(0x1f, 0x8b, 0x08, 0xff)).message).toBe(
      'app:1.2 is not JSON: it is not UTF-8 text',
    );
  });

  it.each([
    ['{"mediaType": "a", "manifests": [], "mediaType": "b"}', '/mediaType', 'column 37'],
    ['{"manifests": [{}, {"digest": 1, "digest": 2}]}', '/manifests/1/digest', 'column 34'],
    ['{"a/b": 1, "a\\u002fb": 2}', '/a~1b', 'column 12'],
  ])('rejects the duplicate member in %s', (text, pointer, column) => {
    const [problem] = failure(text).problems;
    expect(problem).toMatchObject({ pointer, rule: 'json/duplicate-member' });
    expect(problem?.message).toContain(column);
  });

  it('allows the same name in different objects', () => {
    expect(parseJson(Buffer.from('[{"a":{"a":1}},{"a":2}]'))).toEqual([{ a: { a: 1 } }, { a: 2 }]);
  });

  it('limits the depth before the stack overflows', () => {
    expect(failure('['.repeat(1_000_000)).message).toContain('more than 256 levels deep');
    expect(failure('{"a":'.repeat(1_000_000)).message).toContain('more than 256 levels deep');
  });

  it('limits the number of values', () => {
    expect(failure(`[${'7,'.repeat(4_000_000)}7]`).message).toContain('more than 500000 values');
  });

  it('parses strings of several megabytes', () => {
    const text = `["${'\\n'.repeat(2_000_000)}"]`;
    expect((parseJson(Buffer.from(text)) as string[])[0]).toHaveLength(2_000_000);
  });

  it('accepts exactly the texts that JSON.parse accepts', () => {
    const fragments = fc.constantFrom(
      ...Array.from('{}[]:,"\\-+.0123e/*\'tn \n\t\u00a0'),
      'true',
      'null',
      '"a"',
      '"b"',
      '\\u00',
      '1.5',
    );
    const texts = fc.oneof(
      fc.array(fragments, { maxLength: 8 }).map((parts) => parts.join('')),
      fc.tuple(fc.json({ maxDepth: 2 }), fragments, fc.nat()).map(([json, fragment, at]) => {
        const offset = at % (json.length + 1);
        return json.slice(0, offset) + fragment + json.slice(offset + 1);
      }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const error = attempt(() => parseJson(Buffer.from(text)));
        fc.pre(!(error instanceof InvalidError && error.problems[0]?.rule === 'json/duplicate-member'));
        expect(error === undefined).toBe(attempt(() => JSON.parse(text)) === undefined);
      }),
      { numRuns: 2000 },
    );
  });
});

function attempt(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  }
}
