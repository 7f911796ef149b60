import { describe, expect, it } from 'vitest';

import { InvalidError } from '../../src/oci/errors.js';
import { parseJson } from '../../src/oci/json.js';

function failure(text: string | Uint8Array): InvalidError {
  try {
    parseJson(Buffer.from(text as string), 'app:1.2');
  } catch (error) {
    if (error instanceof InvalidError) return error;
    throw error;
  }
  throw new Error('was read');
}

describe('parseJson', () => {
  it.each([
    ['{}', {}],
    [' [1, -0.5e+3, "a\\u00e9\\n\\/", true, false, null] \r\n', [1, -500, 'aé\n/', true, false, null]],
    ['{"a":{"b":[]},"c":{"b":{}}}', { a: { b: [] }, c: { b: {} } }],
    ['"ünï\u{1F600}"', 'ünï\u{1F600}'],
    ['0', 0],
  ])('reads %s', (text, value) => {
    expect(parseJson(Buffer.from(text))).toEqual(value);
  });

  it.each([
    ['', 'line 1, column 1: the text ends where a value is expected'],
    ['{"a": 1.0.0}', 'line 1, column 10: there is "." where "," or "}" is expected'],
    ['{\n  "a": 1,\n}', 'line 3, column 1: there is "}" where a name in double quotes is expected'],
    ['{"a" 1}', 'line 1, column 6: there is "1" where ":" is expected'],
    ['[1 2]', 'line 1, column 4: there is "2" where "," or "]" is expected'],
    ['[1', 'line 1, column 3: the text ends where "," or "]" is expected'],
    ['{} {}', 'line 1, column 4: there is "{" where the end of the document is expected'],
    ['"a', 'line 1, column 3: the text ends where the closing quote of a string is expected'],
    ['"\t"', 'line 1, column 2: there is U+0009 where an escape such as \\n for this character is expected'],
    ['"\\x"', 'line 1, column 2: there is "\\" where an escape that JSON knows is expected'],
    ['[-]', 'line 1, column 2: there is "-" where a number is expected'],
    ['[01]', 'line 1, column 3: there is "1" where "," or "]" is expected'],
    ["{'a': 1}", 'line 1, column 2: there is "\'" where a name in double quotes is expected'],
    ['\uFEFF{}', 'line 1, column 1: there is U+FEFF where a value is expected'],
  ])('says where %j goes wrong', (text, message) => {
    const error = failure(text);
    expect(error.message).toBe(`app:1.2 is not JSON: ${message}`);
    expect(error.problems).toEqual([{ pointer: '', message, rule: 'json/syntax' }]);
  });

  it('says that it was given a web page', () => {
    const error = failure('\n<!DOCTYPE html><html>Sign in</html>');
    expect(error.message).toBe('app:1.2 is not JSON: it is HTML or XML');
    expect(error.hint).toContain('proxy');
  });

  it('says that it was given no text', () => {
    expect(failure(Uint8Array.of(0x1f, 0x8b, 0x08, 0xff)).message).toBe(
      'app:1.2 is not JSON: it is not UTF-8 text',
    );
  });

  it.each([
    ['{"mediaType": "a", "manifests": [], "mediaType": "b"}', '/mediaType', 'column 37'],
    ['{"manifests": [{}, {"digest": 1, "digest": 2}]}', '/manifests/1/digest', 'column 34'],
    ['{"a/b": 1, "a\\u002fb": 2}', '/a~1b', 'column 12'],
  ])('refuses the double member in %s', (text, pointer, column) => {
    const [problem] = failure(text).problems;
    expect(problem).toMatchObject({ pointer, rule: 'json/duplicate-member' });
    expect(problem?.message).toContain(column);
  });

  it('allows a name again in another object', () => {
    expect(parseJson(Buffer.from('[{"a":{"a":1}},{"a":2}]'))).toEqual([{ a: { a: 1 } }, { a: 2 }]);
  });

  it('refuses what is nested without end, before it exhausts the stack', () => {
    expect(failure('['.repeat(1_000_000)).message).toContain('more than 256 levels deep');
    expect(failure('{"a":'.repeat(1_000_000)).message).toContain('more than 256 levels deep');
  });

  it('refuses more values than any document holds', () => {
    expect(failure(`[${'7,'.repeat(4_000_000)}7]`).message).toContain('more than 500000 values');
  });

  it('takes strings of several megabytes', () => {
    const text = `["${'\\n'.repeat(2_000_000)}"]`;
    expect((parseJson(Buffer.from(text)) as string[])[0]).toHaveLength(2_000_000);
  });
});
