import { describe, expect, it } from 'vitest';

import { digestOf } from '../../src/oci/digest.js';
import { detectKind } from '../../src/oci/document-kind.js';
import { InvalidError } from '../../src/oci/errors.js';
import { childrenOf } from '../../src/oci/document.js';
import { checkDuplicatePlatforms } from '../../src/oci/index-rules.js';
import { isJsonObject, parseJson } from '../../src/oci/json.js';
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  OCI_INDEX,
  OCI_MANIFEST,
  isNonDistributableType,
} from '../../src/oci/media-type.js';
import { parseDocument } from '../../src/oci/parse.js';
import { validateDocument } from '../../src/oci/validate.js';
import { describeVectors, vectorBytes, vectorLines } from '../support/vectors.js';

interface Row {
  readonly file: string;
  readonly what: string;
  readonly sha256: string;
  readonly stated_digest?: string;
}

/** What is not read, and by which rules. */
const REJECTED: Readonly<Record<string, readonly string[]>> = {
  'cimage-non-json-manifest.json': ['json/syntax'],
  'cimage-unknown-version-manifest.json': ['media-type/unknown'],
  'cimage-v2s1-everything.json': ['document/schema1'],
  'cimage-v2s1-invalid-signatures-manifest.json': ['document/schema1'],
  'cimage-v2s1-manifest.json': ['document/schema1'],
  'cimage-v2s1-unsigned-manifest.json': ['document/schema1'],
  'cimage-img-schema2-to-schema1-by-docker.json': ['document/schema1'],
  // An empty digest would end up in a URL (CVE-2024-3727).
  'cimage-ociv1-artifact.json': ['digest/grammar'],
  'cimage-ociv1nomime-artifact.json': ['digest/grammar'],
  // Without sizes nothing that is downloaded can be checked. Other clients count on them too.
  'ggcr-weird-index.json': ['schema/required', 'schema/required', 'schema/required', 'schema/required'],
  'regclient-raw-ambiguous-no-mediatype.json': ['document/ambiguous', 'document/ambiguous'],
  'regclient-raw-ambiguous-index.json': ['document/ambiguous', 'document/ambiguous'],
  // Taken out of the image-spec before its release 1.1.
  'regclient-raw-oci-artifact-manifest-removed.json': ['media-type/unknown'],
};

/** What is read although `validate` objects, and to what. */
const IMPERFECT: Readonly<Record<string, readonly string[]>> = {
  'cimage-oci1-index-everything.json': ['/manifests/0/data data/digest', '/subject/data data/digest'],
  'cimage-layout-name_lookups.json': ['/manifests/4/mediaType schema/pattern'],
};

/** The entries that clients cannot tell from earlier ones. */
const DUPLICATES: Readonly<Record<string, readonly number[]>> = {
  // Several compressions of one image. Podman's annotation tells only some of them apart.
  'cimage-oci1-index-zstd-selection2.json': [1, 8, 9],
  // Its annotation tells the zstd image of arm/v6 apart; arm without a variant is arm/v7.
  'cimage-ocilist-variants.json': [5],
  'dockercli-golden-inspect-manifest-list.json': [1],
};

describeVectors('documents found in the wild', () => {
  const rows = vectorLines<Row>('fixtures/fixtures.jsonl');
  const read = rows.filter(({ file }) => !Object.hasOwn(REJECTED, file));
  const published = [
    ['windows-servercore-10.0.17763.4377-manifest.json', 'sha256:c80f3eb3', DOCKER_MANIFEST, 2],
    ['windows-servercore-10.0.17763.4499-manifest.json', 'sha256:169e0b69', DOCKER_MANIFEST, 0],
    ['ubuntu-20.04-oci-manifest.json', 'sha256:96babd50', OCI_MANIFEST, 0],
  ] as const;

  it('are all named here', () => {
    const files = new Set(rows.map(({ file }) => file));
    expect([...Object.keys(REJECTED), ...Object.keys(IMPERFECT)].filter((file) => !files.has(file))).toEqual(
      [],
    );
    expect(rows).toHaveLength(99);
  });

  it.each(read)('are read, bytes unchanged: $file ($what)', ({ file, sha256, stated_digest }) => {
    const bytes = vectorBytes(`fixtures/${file}`);
    const document = parseDocument(bytes);
    expect(vectorBytes(`fixtures/${file}`).equals(document.bytes)).toBe(true);
    expect(document.digest).toBe(sha256);
    if (stated_digest !== undefined) expect(document.digest).toBe(stated_digest);

    const json = JSON.parse(bytes.toString('utf8')) as Record<string, unknown[] | null | string>;
    const isIndex = 'manifests' in json;
    expect(document.kind).toBe(isIndex ? 'index' : 'manifest');
    expect([OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST]).toContain(document.mediaType);
    if (json['mediaType'] !== undefined) expect(document.mediaType).toBe(json['mediaType']);
    const listed = (isIndex ? json['manifests'] : json['layers'])?.length ?? 0;
    expect(childrenOf(document)).toHaveLength(isIndex ? listed : listed + 1);
  });

  it.each(read)('are valid or not: $file', ({ file }) => {
    const value = parseJson(vectorBytes(`fixtures/${file}`));
    const kind = detectKind(value);
    if (kind === undefined) throw new Error('not known');
    const found = validateDocument(kind, value).map(({ pointer, rule }) => `${pointer} ${rule}`);
    expect(found).toEqual(IMPERFECT[file] ?? []);
    const manifests = isJsonObject(value) ? value['manifests'] : undefined;
    expect(checkDuplicatePlatforms(manifests).map(({ pointer }) => pointer)).toEqual(
      (DUPLICATES[file] ?? []).map((entry) => `/manifests/${entry}/platform`),
    );
  });

  it.each(Object.entries(REJECTED))('are rejected: %s by %j', (file, rules) => {
    const bytes = vectorBytes(`fixtures/${file}`);
    let problems: readonly { rule: string }[] = [];
    try {
      parseDocument(bytes);
    } catch (error) {
      if (!(error instanceof InvalidError)) throw error;
      problems = error.problems;
    }
    expect(problems.map(({ rule }) => rule)).toEqual(rules);
    expect(digestOf(bytes)).toBe(rows.find((row) => row.file === file)?.sha256);
  });

  it.each([
    ['cimage-ociv1-nondistributable-manifest.json', 1],
    ['cimage-ociv1-nondistributable-zstd-manifest.json', 1],
    ['cimage-v2s2-nondistributable-manifest.json', 1],
    ['cimage-img-oci1-all-media-types.json', 3],
    ['cimage-img-oci1.json', 0],
  ])('have layers that are not for distribution: %s %i', (file, count) => {
    const children = childrenOf(parseDocument(vectorBytes(`fixtures/${file}`)));
    expect(children.filter(({ mediaType }) => isNonDistributableType(mediaType))).toHaveLength(count);
  });

  it.each(published)('are published: %s %s', (file, digest, mediaType, foreign) => {
    const document = parseDocument(vectorBytes(`published/${file}`), { mediaType });
    expect(document.digest.startsWith(digest)).toBe(true);
    expect(validateDocument('image-manifest', parseJson(document.bytes))).toEqual([]);
    const away = childrenOf(document).filter(
      (child) => isNonDistributableType(child.mediaType) && (child.urls?.length ?? 0) > 0,
    );
    expect(away).toHaveLength(foreign);
  });

  describe('an index with all members', () => {
    it('is complete: cimage-oci1-index-everything.json', () => {
      const bytes = vectorBytes('fixtures/cimage-oci1-index-everything.json');
      expect(parseDocument(bytes).value).toEqual(JSON.parse(bytes.toString('utf8')));
    });

    it.each(['cimage-v2list-everything.json', 'cimage-v2s2-everything.json'])('is complete: %s', (file) => {
      const bytes = vectorBytes(`fixtures/${file}`);
      expect(parseDocument(bytes).value).toEqual(JSON.parse(bytes.toString('utf8')));
    });
  });
});
