import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import * as fc from 'fast-check';

import { hasLayoutFile, LAYOUT_FILE_TEXT } from '../../../src/layout/core/layout-documents.js';
import { digestOf } from '../../../src/oci/digest.js';
import { DOCUMENT_KINDS, detectKind, type DocumentKind } from '../../../src/oci/document-kind.js';
import { InvalidError, type Problem } from '../../../src/oci/errors.js';
import { parseImageConfig } from '../../../src/oci/image-config.js';
import { parseJson } from '../../../src/oci/json.js';
import { DOCKER_LIST, OCI_INDEX } from '../../../src/oci/media-type.js';
import { parseDocument } from '../../../src/oci/parse.js';
import { documentWarnings, validateDocument } from '../../../src/oci/validate.js';
import { changedJson } from '../changed-json.js';
import { anyConfig, anyDescriptor, anyIndex, anyManifest } from '../documents.js';
import { orError, property, type Target } from '../property.js';

const anyDocument = fc.oneof(anyIndex, anyManifest);
const anySpaces = fc.constantFrom(undefined, 0, 2, 3, 7, '\t', ' \n');

/** Checks that the bytes are read, or rejected with the typed error that says why. */
function survives(bytes: Uint8Array, mediaType?: string): 'read' | 'rejected' {
  const outcomes = [
    orError(InvalidError, () => parseDocument(bytes, { mediaType })),
    orError(InvalidError, () => parseImageConfig(bytes)),
  ];
  for (const outcome of outcomes) if (outcome instanceof InvalidError) assert.notEqual(outcome.message, '');
  return outcomes.every((outcome) => outcome instanceof InvalidError) ? 'rejected' : 'read';
}

/** A valid document of each kind that a registry or layout has. */
const VALID: readonly (readonly [DocumentKind, fc.Arbitrary<unknown>])[] = [
  ['image-index', anyIndex],
  [
    'docker-manifest-list',
    anyIndex.map(({ manifests }) => ({ schemaVersion: 2, mediaType: DOCKER_LIST, manifests })),
  ],
  ['image-manifest', anyManifest],
  ['image-config', anyConfig],
  ['descriptor', anyDescriptor],
  ['oci-layout', fc.constant({ imageLayoutVersion: '1.0.0' })],
];

/** Checks that a problem names a location of the document, or a member that its parent lacks. */
function checkProblem(document: unknown, { pointer, message, rule }: Problem): void {
  assert(message !== '' && rule !== '');
  assert(pointer === '' || pointer.startsWith('/'), pointer);
  const names = pointer
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
  let value = document;
  for (const name of names) {
    assert(typeof value === 'object' && value !== null, `${pointer} has no parent`);
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
}

/** The directory of documents found in the wild. */
const VECTORS = process.env['MULTIARCH_VECTORS'];

function fixtures(): fc.Arbitrary<Buffer> {
  if (VECTORS === undefined) return fc.constant(Buffer.alloc(0));
  const lines = readFileSync(join(VECTORS, 'fixtures/fixtures.jsonl'), 'utf8').trim().split('\n');
  const files = lines.map((line) => (JSON.parse(line) as { readonly file: string }).file);
  return fc.constantFrom(...files).map((file) => readFileSync(join(VECTORS, 'fixtures', file)));
}

export const json: Target = {
  name: 'json',
  properties: [
    property(
      'parsing agrees with JSON.parse, except for duplicate members',
      [
        fc.oneof(
          fc.json(),
          fc.string({
            unit: fc.constantFrom(...Array.from('{}[]",:\\u0019.-+eE truefalsn\n')),
            maxLength: 12,
          }),
        ),
      ],
      (given) => {
        const expected = orError(SyntaxError, () => JSON.parse(given) as unknown);
        const read = orError(InvalidError, () => parseJson(Buffer.from(given)));
        if (expected instanceof SyntaxError) {
          assert(read instanceof InvalidError);
          return 'rejected';
        }
        if (read instanceof InvalidError) assert.equal(read.problems[0]?.rule, 'json/duplicate-member');
        else assert.deepEqual(read, expected);
        return 'read';
      },
      { batch: 1000, reaches: ['read', 'rejected'] },
    ),
    property(
      'a duplicate member is rejected at any depth',
      [fc.jsonValue(), fc.jsonValue(), fc.string(), fc.nat({ max: 20 })],
      (one, other, name, depth) => {
        const key = JSON.stringify(name);
        const object = `{${key}:${JSON.stringify(one)},"x${key.slice(1)}:0,${key}:${JSON.stringify(other)}}`;
        const text = `${'{"a":['.repeat(depth)}${object}${']}'.repeat(depth)}`;
        const read = orError(InvalidError, () => parseJson(Buffer.from(text)));
        assert(read instanceof InvalidError);
        assert.equal(read.problems[0]?.rule, 'json/duplicate-member');
      },
    ),
  ],
};

export const document: Target = {
  name: 'document',
  properties: [
    property(
      'reading keeps the bytes and the digest of a document, in any formatting',
      [anyDocument, anySpaces, fc.boolean()],
      (value, spaces, slashes) => {
        const text = JSON.stringify(value, null, spaces);
        const bytes = Buffer.from(slashes ? text.replaceAll('/', String.raw`\/`) : text);
        const read = parseDocument(bytes);
        assert.equal(read.bytes, bytes);
        assert.equal(read.digest, digestOf(Buffer.from(bytes)));
        assert.deepEqual(JSON.parse(JSON.stringify(read.value)), JSON.parse(text));
      },
    ),
    property(
      'any bytes are read or rejected',
      [fc.uint8Array(), fc.option(fc.string(), { nil: undefined })],
      survives,
    ),
    property(
      'a valid document with damaged bytes is read or rejected',
      [anyDocument, fc.nat(), fc.nat(255), fc.boolean()],
      (value, position, byte, cut) => {
        const bytes = Buffer.from(JSON.stringify(value));
        bytes[position % bytes.length] = byte;
        return survives(cut ? bytes.subarray(0, position % bytes.length) : bytes);
      },
      { batch: 200, reaches: ['read', 'rejected'] },
    ),
    property(
      'documents found in the wild with damaged bytes are read or rejected',
      [fixtures(), fc.nat(), fc.nat(255)],
      (original, position, byte) => {
        const bytes = Buffer.from(original);
        bytes[position % bytes.length] = byte;
        orError(InvalidError, () => detectKind(parseJson(bytes)));
        return survives(bytes);
      },
      {
        batch: 200,
        reaches: ['read', 'rejected'],
        ...(VECTORS === undefined && { needs: 'MULTIARCH_VECTORS' }),
      },
    ),
  ],
};

export const validation: Target = {
  name: 'validation',
  properties: [
    ...VALID.map(([kind, valid]) =>
      property(
        `a changed ${kind} has a list of problems, each at a location of the document`,
        [changedJson(valid), fc.constantFrom(...DOCUMENT_KINDS)],
        (changed, otherKind) => {
          for (const each of new Set([kind, otherKind])) {
            for (const problem of validateDocument(each, changed)) checkProblem(changed, problem);
            for (const problem of documentWarnings(each, changed)) checkProblem(changed, problem);
          }
          return validateDocument(kind, changed).length === 0 ? 'valid' : 'invalid';
        },
        { batch: 50, reaches: ['invalid'] },
      ),
    ),
    property(
      'a changed document is parsed to its own bytes if it has no problem, and otherwise never to another kind',
      [
        fc.oneof(
          ...VALID.slice(0, 3).map(([kind, valid]) => changedJson(valid).map((value) => ({ kind, value }))),
        ),
      ],
      ({ kind, value }) => {
        const bytes = Buffer.from(JSON.stringify(value));
        const read = orError(InvalidError, () => parseDocument(bytes));
        if (read instanceof InvalidError) {
          assert.equal(detectKind(value) === kind && validateDocument(kind, value).length === 0, false);
          return 'rejected';
        }
        assert.equal(read.digest, digestOf(bytes));
        assert.equal(read.kind === 'manifest', detectKind(value) === 'image-manifest');
        return 'read';
      },
      { batch: 200, reaches: ['read', 'rejected'] },
    ),
    property(
      'a changed config is read or rejected',
      [changedJson(anyConfig)],
      (value) => survives(Buffer.from(JSON.stringify(value))),
      { reaches: ['read', 'rejected'] },
    ),
    property(
      'a changed oci-layout file is accepted if its version is known, and rejected otherwise',
      [
        fc.oneof(
          changedJson(fc.constant(JSON.parse(LAYOUT_FILE_TEXT))).map((value) => JSON.stringify(value)),
          fc.constant(LAYOUT_FILE_TEXT),
          fc.string({ maxLength: 40 }),
        ),
      ],
      async (text) => {
        const files = { read: async () => Buffer.from(text), label: (name: string) => `layout/${name}` };
        const found = await hasLayoutFile(files).catch((error: unknown) => error);
        if (found === true) {
          assert.equal((JSON.parse(text) as { imageLayoutVersion?: unknown }).imageLayoutVersion, '1.0.0');
          return 'read';
        }
        assert(found instanceof InvalidError, String(found));
        assert.match(found.message, /layout\/oci-layout/);
        return 'rejected';
      },
      { reaches: ['read', 'rejected'] },
    ),
    property(
      'the media type of an index decides before its members',
      [anyIndex, anyManifest],
      (index, manifest) => {
        const both = { ...manifest, ...index, mediaType: OCI_INDEX };
        const read = orError(InvalidError, () => parseDocument(Buffer.from(JSON.stringify(both))));
        assert(read instanceof InvalidError);
      },
      { batch: 50 },
    ),
  ],
};
