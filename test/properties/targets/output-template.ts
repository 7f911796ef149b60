import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import { parseTemplate } from '../../../src/cli/output/template.js';
import { ArgumentError } from '../../../src/oci/errors.js';
import { property, textOf, type Target } from '../property.js';

const MEMBERS = ['reference', 'tags', 'platform', 'os.version', '__proto__', 'constructor', 'length'];
const ACTIONS = [
  '.',
  '$',
  ...MEMBERS.map((name) => `.${name}`),
  '$.tags',
  'json .',
  'json .tags',
  'index .platform "os.version"',
  'index .tags 0',
  '"text"',
];
const BLOCKS = [
  '{{range .tags}}',
  '{{range .}}',
  '{{if .platform}}',
  '{{if .none}}',
  '{{else}}',
  '{{end}}',
  '{{- end -}}',
];
const PIECES = [
  ...ACTIONS.map((action) => `{{${action}}}`),
  ...BLOCKS,
  '{{',
  '}}',
  '-',
  ' ',
  '"',
  '\\',
  '\\n',
  '\\t',
  'text',
  '.',
];
const anyTemplate = textOf(PIECES, 12);
const anyResult = fc.record({
  reference: fc.string(),
  tags: fc.array(fc.jsonValue(), { maxLength: 3 }),
  platform: fc.jsonValue(),
  'os.version': fc.string(),
});

/** Reports whether a text could move the cursor or begin an escape sequence of a terminal. */
function hasControls(text: string): boolean {
  return /[^\P{Cc}\n\t]/u.test(text);
}

/** The templates of `--format`. */
export const outputTemplate: Target = {
  name: 'output-template',
  properties: [
    property(
      'any template prints text, or is rejected with its option',
      [anyTemplate, anyResult],
      (text, result) => {
        try {
          const print = parseTemplate(text);
          const printed = print(result);
          assert.equal(print(result), printed);
          if (!hasControls(text)) assert(!hasControls(printed));
          return 'read';
        } catch (error) {
          if (!(error instanceof ArgumentError)) throw error;
          assert.match(error.message, /--format/);
          return 'rejected';
        }
      },
      { batch: 300, reaches: ['read', 'rejected'] },
    ),
    property('json of all is the result', [anyResult], (result) => {
      assert.deepEqual(JSON.parse(parseTemplate('{{json .}}')(result)), JSON.parse(JSON.stringify(result)));
    }),
    property(
      'blocks of any depth are printed or rejected',
      [fc.nat({ max: 300 }), fc.constantFrom('{{if .}}', '{{range .}}', '{{if .}}{{else}}')],
      (depth, block) => {
        try {
          parseTemplate(block.repeat(depth) + '{{end}}'.repeat(depth));
          return 'read';
        } catch (error) {
          if (!(error instanceof ArgumentError)) throw error;
          return 'rejected';
        }
      },
      {
        batch: 50,
        examples: [
          [2, '{{if .}}'],
          [20_000, '{{range .}}'],
        ],
        reaches: ['read', 'rejected'],
      },
    ),
  ],
};
