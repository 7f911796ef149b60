import { describe, expect, it } from 'vitest';

import { digestOf } from '../../src/oci/digest.js';
import { InvalidError } from '../../src/oci/errors.js';
import type { ImageIndex } from '../../src/oci/image-index.js';
import { MAX_MANIFEST_PUSH } from '../../src/oci/document.js';
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-type.js';
import { parseDocument } from '../../src/oci/parse.js';
import { createIndexDocument, serialiseIndex } from '../../src/oci/serialise.js';

const digest = digestOf(Buffer.from('a'));
const entry = { digest, size: 528, mediaType: DOCKER_MANIFEST };
const index = (members: Partial<ImageIndex>): ImageIndex => ({ schemaVersion: 2, manifests: [], ...members });
const text = (value: ImageIndex): string => Buffer.from(serialiseIndex(value)).toString('utf8');

describe('serialiseIndex', () => {
  it("writes docker's form, byte for byte", () => {
    const platform = {
      variant: 'v2',
      'os.features': ['win32k', 'a<b'],
      features: ['sse4'],
      'os.version': '10.0.17763.4377',
      os: 'windows',
      architecture: 'amd64',
    };
    expect(text(index({ mediaType: DOCKER_LIST, manifests: [{ ...entry, platform }, entry] }))).toBe(`{
   "schemaVersion": 2,
   "mediaType": "${DOCKER_LIST}",
   "manifests": [
      {
         "mediaType": "${DOCKER_MANIFEST}",
         "size": 528,
         "digest": "${digest}",
         "platform": {
            "architecture": "amd64",
            "os": "windows",
            "os.version": "10.0.17763.4377",
            "os.features": [
               "win32k",
               "a\\u003cb"
            ],
            "variant": "v2",
            "features": [
               "sse4"
            ]
         }
      },
      {
         "mediaType": "${DOCKER_MANIFEST}",
         "size": 528,
         "digest": "${digest}"
      }
   ]
}`);
  });

  it('writes members that docker does not know last, in a fixed order', () => {
    const full = {
      artifactType: 'application/x',
      data: 'YQ==',
      annotations: { b: '2', a: '1' },
      urls: ['https://a.example/?b&c'],
      platform: { architecture: 'amd64', os: 'linux' },
      ...entry,
    };
    expect(
      text(
        index({
          subject: entry,
          artifactType: 'application/y',
          annotations: { d: '', c: '3' },
          manifests: [full],
        }),
      ),
    ).toBe(`{
   "schemaVersion": 2,
   "mediaType": "${OCI_INDEX}",
   "manifests": [
      {
         "mediaType": "${DOCKER_MANIFEST}",
         "size": 528,
         "digest": "${digest}",
         "platform": {
            "architecture": "amd64",
            "os": "linux"
         },
         "urls": [
            "https://a.example/?b\\u0026c"
         ],
         "annotations": {
            "a": "1",
            "b": "2"
         },
         "data": "YQ==",
         "artifactType": "application/x"
      }
   ],
   "annotations": {
      "c": "3",
      "d": ""
   },
   "artifactType": "application/y",
   "subject": {
      "mediaType": "${DOCKER_MANIFEST}",
      "size": 528,
      "digest": "${digest}"
   }
}`);
  });

  it('omits empty members, except the list of entries', () => {
    const empty = { ...entry, urls: [], annotations: {}, data: '', artifactType: '' };
    const platform = {
      architecture: 'a',
      os: 'b',
      variant: '',
      'os.version': '',
      'os.features': [],
      features: [],
    };
    expect(
      JSON.parse(text(index({ manifests: [{ ...empty, platform }], annotations: {}, artifactType: '' }))),
    ).toEqual({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [{ ...entry, platform: { architecture: 'a', os: 'b' } }],
    });
    expect(text(index({}))).toBe(
      `{\n   "schemaVersion": 2,\n   "mediaType": "${OCI_INDEX}",\n   "manifests": []\n}`,
    );
  });

  it.each([
    ['<script>&', '\\u003cscript\\u003e\\u0026'],
    ['\u2028\u2029', '\\u2028\\u2029'],
    ['"\\/', '\\"\\\\/'],
    ['\b\f\n\r\t', '\\b\\f\\n\\r\\t'],
    ['\u0000\u001F', '\\u0000\\u001f'],
    ['\u007F\u0085ü\u{1F600}', '\u007F\u0085ü\u{1F600}'],
    ['a\uD800b', 'a\uFFFDb'],
    ['\uDC00\uD800', '\uFFFD\uFFFD'],
  ])('escapes %j as Go does', (given, written) => {
    expect(text(index({ annotations: { key: given } }))).toContain(`"key": "${written}"`);
    expect(text(index({ annotations: { [given]: 'v' } }))).toContain(`"${written}": "v"`);
  });

  it('sorts annotations by the bytes of their names, including numbers and rare characters', () => {
    const names = ['10', '9', 'Z', '_', 'a', 'aa', '__proto__', '\uFF5E', '\u{1F600}', 'ü'];
    const annotations = Object.fromEntries(names.map((name) => [name, 'x']));
    const written = [...text(index({ annotations })).matchAll(/"(.+)": "x"/g)].map(([, name]) => name);
    expect(written).toEqual(['10', '9', 'Z', '_', '__proto__', 'a', 'aa', 'ü', '\uFF5E', '\u{1F600}']);
  });
});

describe('createIndexDocument', () => {
  it('equals the document parsed from its bytes', () => {
    const value = index({ manifests: [{ ...entry, mediaType: OCI_MANIFEST }], annotations: { a: 'b' } });
    const document = createIndexDocument(value);
    expect(document).toEqual(parseDocument(document.bytes));
    expect(document.digest).toBe(digestOf(serialiseIndex(value)));
    expect(document.mediaType).toBe(OCI_INDEX);
  });

  it('rejects an index that is too large for registries', () => {
    const annotations = { a: 'x'.repeat(MAX_MANIFEST_PUSH) };
    expect(() => createIndexDocument(index({ annotations }))).toThrow(InvalidError);
    expect(() => createIndexDocument(index({ annotations }))).toThrow(
      `registries accept at most ${MAX_MANIFEST_PUSH}`,
    );
  });
});
