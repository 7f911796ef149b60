import { describe, expect, it } from 'vitest';

import { childrenOf } from '../../src/oci/document.js';
import { digestOf } from '../../src/oci/digest.js';
import { detectKind } from '../../src/oci/document-kind.js';
import { InvalidError } from '../../src/oci/errors.js';
import { parseJson } from '../../src/oci/json.js';
import { parseDocument } from '../../src/oci/parse.js';
import { validateDocument } from '../../src/oci/validate.js';

const A = `sha256:${'a1'.repeat(32)}`;
const B = `sha256:${'b2'.repeat(32)}`;
const OCI = 'application/vnd.oci.image';
const DOCKER = 'application/vnd.docker';
const ESCAPED = 'application\\/vnd.oci.image.manifest.v1+json';

/** Documents in the many forms that tools write, each with the number of its children. */
const VALID: Readonly<Record<string, readonly [text: string, children: number]>> = {
  'an index without a media type': [
    `{"schemaVersion":2,"manifests":[{"mediaType":"${OCI}.manifest.v1+json","digest":"${A}","size":7}]}`,
    1,
  ],
  'an index with escaped slashes and a final newline': [
    `{"manifests":[{"size":7,"digest":"${A}","mediaType":"${ESCAPED}"}],"schemaVersion":2}\n`,
    1,
  ],
  'an index of no manifests, as null': [`{"schemaVersion":2,"manifests":null}`, 0],
  'an index with an artifact type, a subject and an unknown member': [
    `{"schemaVersion":2,"mediaType":"${OCI}.index.v1+json","artifactType":"application/vnd.example+json","manifests":[],
      "subject":{"mediaType":"${OCI}.index.v1+json","digest":"${B}","size":3},"x-example":[1]}`,
    0,
  ],
  'a manifest list with tabs and a platform with all fields': [
    `{\n\t"schemaVersion": 2,\n\t"mediaType": "${DOCKER}.distribution.manifest.list.v2+json",\n\t"manifests": [{
\t\t"mediaType": "${DOCKER}.distribution.manifest.v2+json", "size": 528, "digest": "${A}", "platform": {
\t\t\t"architecture": "amd64", "os": "windows", "os.version": "10.0.20348.1", "os.features": ["win32k"], "features": ["sse4"]}}]}`,
    1,
  ],
  'an image without layers, as null': [
    `{"schemaVersion":2,"mediaType":"${OCI}.manifest.v1+json","config":{"mediaType":"${OCI}.config.v1+json","digest":"${A}","size":2},"layers":null}`,
    1,
  ],
  'an image with a layer that must not be distributed': [
    `{"schemaVersion":2,"mediaType":"${DOCKER}.distribution.manifest.v2+json",
      "config":{"mediaType":"${DOCKER}.container.image.v1+json","size":2,"digest":"${A}"},
      "layers":[{"mediaType":"${DOCKER}.image.rootfs.foreign.diff.tar.gzip","size":9,"digest":"${B}","urls":["https://layers.example/b2"]}]}`,
    2,
  ],
  'an artifact with the empty config, whose data is in the descriptor': [
    `{"schemaVersion":2,"mediaType":"${OCI}.manifest.v1+json","artifactType":"application/vnd.example.sbom",
      "config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"${digestOf(Buffer.from('{}'))}","size":2,"data":"e30="},
      "layers":[{"mediaType":"text/plain","digest":"${B}","size":9}]}`,
    2,
  ],
};

const REJECTED: Readonly<Record<string, readonly [text: string, rule: string]>> = {
  'an image of schema 1': [
    `{"schemaVersion":1,"name":"app","tag":"1","fsLayers":[],"history":[]}`,
    'document/schema1',
  ],
  'an index that is an image too': [
    `{"schemaVersion":2,"manifests":[],"config":{"mediaType":"${OCI}.config.v1+json","digest":"${A}","size":2},"layers":[]}`,
    'document/ambiguous',
  ],
  'an unknown media type': [
    `{"schemaVersion":2,"mediaType":"application/vnd.example.v9+json"}`,
    'media-type/unknown',
  ],
  'an entry without a size': [
    `{"schemaVersion":2,"mediaType":"${OCI}.index.v1+json","manifests":[{"mediaType":"${OCI}.manifest.v1+json","digest":"${A}"}]}`,
    'schema/required',
  ],
  'an entry with an empty digest': [
    `{"schemaVersion":2,"mediaType":"${OCI}.index.v1+json","manifests":[{"mediaType":"${OCI}.manifest.v1+json","digest":"","size":1}]}`,
    'digest/grammar',
  ],
  'a truncated document': [`{"schemaVersion":2,"manifests":[`, 'json/syntax'],
};

describe('documents as tools write them', () => {
  it.each(Object.entries(VALID))('parses %s and keeps its bytes', (_, [text, children]) => {
    const bytes = Buffer.from(text);
    const document = parseDocument(bytes);
    expect(bytes.equals(document.bytes)).toBe(true);
    expect(document.digest).toBe(digestOf(bytes));
    expect(childrenOf(document)).toHaveLength(children);

    const value = parseJson(bytes);
    const kind = detectKind(value);
    expect(kind === undefined ? kind : validateDocument(kind, value)).toEqual([]);
  });

  it.each(Object.entries(REJECTED))('rejects %s', (_, [text, rule]) => {
    let rules: readonly string[] = [];
    try {
      parseDocument(Buffer.from(text));
    } catch (error) {
      if (!(error instanceof InvalidError)) throw error;
      rules = error.problems.map((problem) => problem.rule);
    }
    expect(rules).toContain(rule);
  });
});
