import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { digestOf } from '../../src/oci/digest.js';
import { DOCUMENT_KINDS, detectKind } from '../../src/oci/document-kind.js';
import { InvalidError } from '../../src/oci/errors.js';
import { parseImageConfig } from '../../src/oci/image-config.js';
import { parseJson } from '../../src/oci/json.js';
import { parseDocument } from '../../src/oci/parse.js';
import { validateDocument } from '../../src/oci/validate.js';
import { describeVectors, vectorBytes, vectorLines } from '../support/vectors.js';
import { anyIndex, anyManifest } from './documents.js';

const anyDocument = fc.oneof(anyIndex, anyManifest);
const anySpaces = fc.constantFrom(undefined, 0, 2, 3, 7, '\t', ' \n');

/** Only typed errors, whatever comes in. */
function survives(bytes: Uint8Array, mediaType?: string): void {
  for (const read of [() => parseDocument(bytes, { mediaType }), () => parseImageConfig(bytes)]) {
    try {
      read();
    } catch (error) {
      if (!(error instanceof InvalidError)) throw error;
      expect(error.message).not.toBe('');
    }
  }
}

describe('reading a document', () => {
  it('keeps its bytes and its digest, in any formatting', () => {
    fc.assert(
      fc.property(anyDocument, anySpaces, fc.boolean(), (value, spaces, slashes) => {
        const text = JSON.stringify(value, null, spaces);
        const bytes = Buffer.from(slashes ? text.replaceAll('/', '\\/') : text);
        const document = parseDocument(bytes);
        expect(document.bytes).toBe(bytes);
        expect(document.digest).toBe(digestOf(Buffer.from(bytes)));
        expect(document.value).toEqual(value);
      }),
    );
  });

  it('agrees with JSON.parse, except for duplicate members', () => {
    const text = fc.oneof(
      fc.json(),
      fc.string({ unit: fc.constantFrom(...Array.from('{}[]",:\\u0019.-+eE truefalsn\n')), maxLength: 12 }),
    );
    fc.assert(
      fc.property(text, (given) => {
        let expected: unknown;
        try {
          expected = JSON.parse(given);
        } catch {
          expect(() => parseJson(Buffer.from(given))).toThrow(InvalidError);
          return;
        }
        try {
          expect(parseJson(Buffer.from(given))).toEqual(expected);
        } catch (error) {
          if (!(error instanceof InvalidError)) throw error;
          expect(error.problems).toMatchObject([{ rule: 'json/duplicate-member' }]);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('throws only InvalidError: any bytes', () => {
    fc.assert(fc.property(fc.uint8Array(), fc.option(fc.string(), { nil: undefined }), survives));
  });

  it('throws only InvalidError: any JSON in known members', () => {
    const names = [
      'schemaVersion',
      'mediaType',
      'manifests',
      'config',
      'layers',
      'subject',
      'annotations',
      'platform',
      'rootfs',
      'os',
    ];
    const member = fc.oneof(
      fc.jsonValue(),
      anyDocument,
      fc.array(
        fc.dictionary(fc.constantFrom('digest', 'size', 'data', 'platform', 'mediaType'), fc.jsonValue()),
      ),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), member), (value) => {
        survives(Buffer.from(JSON.stringify(value)));
        for (const kind of DOCUMENT_KINDS) expect(Array.isArray(validateDocument(kind, value))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('throws only InvalidError: a valid document, damaged', () => {
    fc.assert(
      fc.property(anyDocument, fc.nat(), fc.nat(255), fc.boolean(), (value, position, byte, cut) => {
        const bytes = Buffer.from(JSON.stringify(value));
        bytes[position % bytes.length] = byte;
        survives(cut ? bytes.subarray(0, position % bytes.length) : bytes);
      }),
      { numRuns: 300 },
    );
  });
});

describeVectors('documents found in the wild, damaged', () => {
  const files = vectorLines<{ file: string }>('fixtures/fixtures.jsonl').map(
    ({ file }) => `fixtures/${file}`,
  );

  it('are read or rejected', () => {
    fc.assert(
      fc.property(fc.constantFrom(...files), fc.nat(), fc.nat(255), (file, position, byte) => {
        const bytes = vectorBytes(file);
        bytes[position % bytes.length] = byte;
        survives(bytes);
        try {
          detectKind(parseJson(bytes));
        } catch (error) {
          if (!(error instanceof InvalidError)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});
