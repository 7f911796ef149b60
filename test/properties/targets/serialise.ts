import assert from 'node:assert/strict';

import type { ImageIndex } from '../../../src/oci/image-index.js';
import { createIndexDocument, serialiseIndex } from '../../../src/oci/serialise.js';
import { parseDocument } from '../../../src/oci/parse.js';
import { validateDocument } from '../../../src/oci/validate.js';
import { anyIndex } from '../documents.js';
import { property, type Target } from '../property.js';

const textOf = (index: ImageIndex): string => Buffer.from(serialiseIndex(index)).toString('utf8');

/** Puts the members of every object within into the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, member]) => [name, reversed(member)]),
  );
}

export const serialise: Target = {
  name: 'serialise',
  properties: [
    property('the bytes of an index do not depend on the order of its members', [anyIndex], (index) => {
      assert.equal(textOf(reversed(index) as ImageIndex), textOf(index));
    }),
    property('the bytes of an index contain the whole index and nothing else', [anyIndex], (index) => {
      const document = createIndexDocument(index);
      assert.deepEqual(parseDocument(document.bytes, document), document);
      assert.deepEqual(JSON.parse(textOf(index)), JSON.parse(JSON.stringify(index)));
      assert.deepEqual(validateDocument('image-index', JSON.parse(textOf(index))), []);
    }),
    property(
      'the bytes of an index have no character that Go would escape, and the indentation of Go',
      [anyIndex],
      (index) => {
        const text = textOf(index);
        assert.doesNotMatch(text, /[<>&\u2028\u2029]/);
        assert.doesNotMatch(text, /[^\P{Cc}\n\u007F-\u009F]/u);
        let depth = 0;
        for (const line of text.split('\n')) {
          if (/^ *[\]}]/.test(line)) depth--;
          assert.equal(/^ */.exec(line)?.[0].length, depth * 3);
          if (/[[{]$/.test(line)) depth++;
        }
        assert.equal(depth, 0);
      },
    ),
  ],
};
