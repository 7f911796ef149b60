import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { escapeHtml, indentJson } from '../../../src/cli/output/indent-json.js';

describe('indentJson', () => {
  // What Go's json.Indent gives for the same text with an indent of one tab.
  it.each([
    ['an object', '{"a":1,"b":[true,null]}', '{\n\t"a": 1,\n\t"b": [\n\t\ttrue,\n\t\tnull\n\t]\n}'],
    ['empty ones', '{ "a" : {  } , "b":[\n] }', '{\n\t"a": {},\n\t"b": []\n}'],
    ['nested arrays', '[[],[[1]]]', '[\n\t[],\n\t[\n\t\t[\n\t\t\t1\n\t\t]\n\t]\n]'],
    [
      'numbers as they are written',
      '[1.0,1e2,-0,12345678901234567890]',
      '[\n\t1.0,\n\t1e2,\n\t-0,\n\t12345678901234567890\n]',
    ],
    ['escapes as they are written', '["\\u0041\\/\\n\\"","<é>"]', '[\n\t"\\u0041\\/\\n\\"",\n\t"<é>"\n]'],
    ['marks within strings', '{"{a":"[1, 2]:\\\\"}', '{\n\t"{a": "[1, 2]:\\\\"\n}'],
    ['what is indented already', '{\r\n  "a": [\n    1\n  ]\r\n}', '{\n\t"a": [\n\t\t1\n\t]\n}'],
    ['doubles', '{"a":1,"a":2}', '{\n\t"a": 1,\n\t"a": 2\n}'],
    ['spaces around: those before go, those after stay', ' \n{"a":1} \n', '{\n\t"a": 1\n} \n'],
    ['a value alone', '"x"\n', '"x"\n'],
  ])('lays out %s', (_what, text, expected) => {
    expect(indentJson(text, '\t')).toBe(expected);
  });

  it('agrees with JSON.stringify', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.constantFrom('\t', '   '), (text, indent) => {
        expect(indentJson(text, indent)).toBe(JSON.stringify(JSON.parse(text), undefined, indent));
      }),
    );
  });

  it('takes strings of megabytes', () => {
    const text = JSON.stringify({ data: 'A\\'.repeat(2 << 20) });
    expect(indentJson(text, '\t')).toBe(`{\n\t${text.slice(1, -1).replace(':', ': ')}\n}`);
  });
});

describe('escapeHtml', () => {
  it('escapes what Go escapes, and leaves other escapes alone', () => {
    const text = '{"<a>":"b & c \u2028\u2029 \\u003c é \\"/"}';
    expect(escapeHtml(text)).toBe('{"\\u003ca\\u003e":"b \\u0026 c \\u2028\\u2029 \\u003c é \\"/"}');
  });
});
