import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { ImageIndex } from '../../src/oci/image-index.js';
import { createIndexDocument, serialiseIndex } from '../../src/oci/serialise.js';
import { parseDocument } from '../../src/oci/parse.js';
import { validateDocument } from '../../src/oci/validate.js';
import { anyIndex } from './documents.js';

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

describe('the bytes of an index', () => {
  it('do not depend on the order of its members', () => {
    fc.assert(
      fc.property(anyIndex, (index) => {
        expect(textOf(reversed(index) as ImageIndex)).toBe(textOf(index));
      }),
    );
  });

  it('contain the whole index and nothing else', () => {
    fc.assert(
      fc.property(anyIndex, (index) => {
        const document = createIndexDocument(index);
        expect(parseDocument(document.bytes, document)).toEqual(document);
        expect(validateDocument('image-index', JSON.parse(textOf(index)))).toEqual([]);
      }),
    );
  });

  it('have no character that Go would escape, and the indentation of Go', () => {
    fc.assert(
      fc.property(anyIndex, (index) => {
        const text = textOf(index);
        expect(text).not.toMatch(/[<>&\u2028\u2029]/);
        expect(Array.from(text).filter((character) => character < ' ' && character !== '\n')).toEqual([]);
        let depth = 0;
        for (const line of text.split('\n')) {
          if (/^ *[\]}]/.test(line)) depth--;
          expect(/^ */.exec(line)?.[0].length).toBe(depth * 3);
          if (/[[{]$/.test(line)) depth++;
        }
        expect(depth).toBe(0);
      }),
    );
  });
});
