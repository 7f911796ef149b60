import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import { parseAssemblies } from '../../../src/assemble/assembly-file.js';
import { substituteVariables } from '../../../src/assemble/variables.js';
import { InvalidError } from '../../../src/oci/errors.js';
import { anyCharacter, property, textOf, type Target } from '../property.js';

const NAMES = ['A', 'B', 'TAG', '__proto__', 'constructor'];
const PIECES = [
  '$',
  '$$',
  '${',
  '}',
  '{',
  ':',
  '-',
  '?',
  '+',
  ...NAMES,
  '${A}',
  '${B:-',
  '${TAG:?',
  '{arch}',
  'x',
  '\n',
];
const anyTemplate = textOf(PIECES);
const anyValue = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 20 }),
  textOf(
    [
      '"',
      "'",
      '\n',
      ': ',
      '- ',
      '#',
      '&a',
      '*a',
      '!!x',
      '{',
      '}',
      '[',
      ']',
      ',',
      '${A}',
      '$',
      'images:',
      '\t',
    ],
    8,
  ),
);
const anyVariables = fc.dictionary(fc.constantFrom(...NAMES), anyValue);

/** The names of members and the kinds of values, without the strings. */
function structureOf(value: unknown): unknown {
  if (typeof value === 'string') return 'text';
  if (Array.isArray(value)) return value.map(structureOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value).map(([name, member]) => [name, structureOf(member)]);
}

/** Variables of assembly files. */
export const variables: Target = {
  name: 'variables',
  properties: [
    property(
      'any text is substituted or has a problem, and the structure stays',
      [fc.jsonValue(), fc.array(anyTemplate, { maxLength: 4 }), anyVariables],
      (value, texts, values) => {
        const document = { value, texts, [texts[0] ?? 'name']: { nested: texts } };
        const { value: result, problems, sources } = substituteVariables(document, values);
        assert.deepEqual(structureOf(result), structureOf(document));
        for (const { pointer, message } of problems) {
          assert(pointer.startsWith('/') && message !== '');
          assert(sources.has(pointer));
        }
        return problems.length === 0 ? 'read' : 'rejected';
      },
      { batch: 300, reaches: ['read', 'rejected'] },
    ),
    property('a value is not substituted again', [anyValue, anyValue], (a, b) => {
      const { value, problems } = substituteVariables(['${A}${B-x}$$'], { A: a, B: b });
      assert.deepEqual([value, problems], [[`${a}${b}$`], []]);
    }),
    property(
      'a value in a file changes only the string that it is in, or is an error of that string',
      [anyValue],
      async (value) => {
        const text =
          'target: app:1\nannotations: {title: "${A}"}\nimages: [{source: app:2, annotations: {a: b}}]\n';
        try {
          const [list, ...others] = await parseAssemblies(text, 'file', { variables: { A: value } });
          assert.deepEqual(others, []);
          assert.deepEqual(list?.annotations, { title: value });
          assert.deepEqual(
            list?.images.map(({ annotations }) => annotations),
            [{ a: 'b' }],
          );
          return 'read';
        } catch (error) {
          if (!(error instanceof InvalidError)) throw error;
          return 'rejected';
        }
      },
      { reaches: ['read'] },
    ),
  ],
};
