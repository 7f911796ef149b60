import { describe, expect, it } from 'vitest';

import type { DocumentKind } from '../../src/oci/document-kind.js';
import { InvalidError } from '../../src/oci/errors.js';
import type { Problem } from '../../src/oci/errors.js';
import { parseJson } from '../../src/oci/json.js';
import { validateDocument } from '../../src/oci/validate.js';
import { describeVectors, vectorBytes, vectorLines } from '../support/vectors.js';

interface Row {
  readonly file: string;
  readonly kind: 'config' | 'descriptor' | 'index' | 'layout' | 'manifest';
  readonly expected: 'invalid' | 'valid';
  readonly parses_as_json: boolean;
}

const KINDS: Readonly<Record<Row['kind'], DocumentKind>> = {
  config: 'image-config',
  descriptor: 'descriptor',
  index: 'image-index',
  layout: 'oci-layout',
  manifest: 'image-manifest',
};

/** Where each invalid document is wrong: more than that it is, so that no row passes for another reason. */
const WRONG: Readonly<Record<string, readonly string[]>> = {
  'config/invalid/01': ['/os schema/type'],
  'config/invalid/02': ['/variant schema/type'],
  'config/invalid/04': ['/os schema/type', '/history schema/type'],
  'config/invalid/05': ['/os schema/type', '/config/Env/0 schema/type'],
  'config/invalid/07': [' json/syntax'],
  'config/invalid/10': ['/config/Env/0 schema/pattern'],
  'descriptor/invalid/03': [' schema/required'],
  'descriptor/invalid/08': ['/mediaType schema/pattern'],
  'descriptor/invalid/09': ['/mediaType schema/pattern'],
  'descriptor/invalid/10': [' schema/required'],
  'descriptor/invalid/11': ['/size schema/type'],
  'descriptor/invalid/12': [' schema/required'],
  'descriptor/invalid/13': ['/digest digest/grammar'],
  'descriptor/invalid/14': ['/digest digest/grammar'],
  'descriptor/invalid/16': ['/digest digest/case'],
  'descriptor/invalid/18': ['/urls/0 schema/pattern'],
  'descriptor/invalid/20': ['/artifactType schema/pattern'],
  'descriptor/invalid/27': ['/digest digest/grammar'],
  'descriptor/invalid/30': ['/data data/base64'],
  'descriptor/invalid/31': ['/size schema/minimum'],
  'index/invalid/02': ['/manifests/0/size schema/type'],
  'index/invalid/03': ['/manifests/0 schema/required'],
  'index/invalid/04': ['/manifests/0/platform platform/incomplete'],
  'index/invalid/05': ['/manifests/0/mediaType schema/pattern'],
  'index/invalid/12': ['/subject schema/type'],
  'layout/invalid/01': [' json/syntax'],
  'manifest/invalid/01': ['/config/mediaType schema/pattern'],
  'manifest/invalid/02': [' json/syntax'],
  'manifest/invalid/10': ['/layers/0/digest digest/grammar'],
};

function problemsOf(kind: DocumentKind, bytes: Uint8Array): readonly Problem[] {
  try {
    return validateDocument(kind, parseJson(bytes));
  } catch (error) {
    if (error instanceof InvalidError) return error.problems;
    throw error;
  }
}

describeVectors("the image-spec's own cases", () => {
  const rows = vectorLines<Row>('image-spec/cases.jsonl');

  it.each(rows)('$expected: $file', ({ file, kind, expected, parses_as_json }) => {
    const found = problemsOf(KINDS[kind], vectorBytes(`image-spec/${file}`));
    const wrong = expected === 'valid' ? [] : WRONG[/^\w+\/invalid\/\d+/.exec(file)?.[0] ?? ''];
    expect(found.map(({ pointer, rule }) => `${pointer} ${rule}`)).toEqual(wrong);
    expect(found.some(({ rule }) => rule === 'json/syntax')).toBe(!parses_as_json);
  });

  describe('the rows', () => {
    it('are all used', () => {
      const invalid = rows.filter(({ expected }) => expected === 'invalid');
      expect(Object.keys(WRONG)).toHaveLength(invalid.length);
    });
  });
});
