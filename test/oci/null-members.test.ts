import { describe, expect, it } from 'vitest';

import { parseImageConfig, platformOfConfig } from '../../src/oci/image-config.js';
import { isNullMember, withoutNullMembers } from '../../src/oci/null-members.js';
import { parseDocument } from '../../src/oci/parse.js';
import { documentWarnings, validateDocument } from '../../src/oci/validate.js';
import { amd64, pair } from '../support/images.js';

/** Sets the member at a path of a JSON object to null. */
function withNull(json: unknown, path: string): unknown {
  const copy = structuredClone(json) as Record<string, unknown>;
  const names = path.split('/');
  const last = names.pop() ?? '';
  let at = copy;
  for (const name of names) at = at[name] as Record<string, unknown>;
  at[last] = null;
  return copy;
}

const bytesOf = (json: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(json));
const parsed = (bytes: Uint8Array): Record<string, unknown> =>
  JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, unknown>;

const index = parsed(pair.bytes);
const manifest = parsed(amd64.manifest.bytes);
const config = { ...parsed(amd64.config.bytes), config: {}, history: [{ created_by: 'RUN' }] };

describe('a member that is null is absent', () => {
  it.each([
    'mediaType',
    'artifactType',
    'annotations',
    'subject',
    'manifests',
    'manifests/0/annotations',
    'manifests/0/artifactType',
    'manifests/0/data',
    'manifests/0/platform',
    'manifests/0/platform/features',
    'manifests/0/platform/os.features',
    'manifests/0/platform/os.version',
    'manifests/0/platform/variant',
    'manifests/0/urls',
  ])('in an index: %s', (path) => {
    const json = withNull({ annotations: {}, ...index }, path);
    const document = parseDocument(bytesOf(json));
    expect(document.bytes).toEqual(bytesOf(json));
    expect(JSON.stringify(document.value)).not.toContain('null');
    expect(validateDocument('image-index', json)).toEqual([]);
  });

  it('in an annotation', () => {
    const json = { ...index, annotations: { a: null, b: '1' } };
    expect(parseDocument(bytesOf(json)).value.annotations).toEqual({ b: '1' });
  });

  it.each(['mediaType', 'artifactType', 'annotations', 'subject', 'layers', 'config/urls', 'layers/0/data'])(
    'in a manifest: %s',
    (path) => {
      const json = withNull(manifest, path);
      expect(JSON.stringify(parseDocument(bytesOf(json)).value)).not.toContain('null');
      expect(validateDocument('image-manifest', json)).toEqual([]);
    },
  );

  it.each([
    'author',
    'config',
    'config/Env',
    'config/Labels',
    'config/StopSignal',
    'config/User',
    'config/WorkingDir',
    'created',
    'history',
    'history/0/author',
    'history/0/comment',
    'history/0/created',
    'history/0/empty_layer',
    'os.features',
    'os.version',
    'rootfs',
    'rootfs/diff_ids',
    'variant',
  ])('in a config: %s', (path) => {
    const read = parseImageConfig(bytesOf(withNull(config, path)));
    expect(JSON.stringify(read)).not.toContain('null');
    expect(platformOfConfig(read)).toEqual({ os: 'linux', architecture: 'amd64' });
  });

  it('in a config that then lacks its platform', () => {
    expect(platformOfConfig(parseImageConfig(bytesOf(withNull(config, 'os'))))).toBeUndefined();
  });

  it.each(['manifests/0/digest', 'manifests/0/size', 'manifests/0/mediaType', 'schemaVersion'])(
    'so that a required one is missing: %s',
    (path) => {
      const name = path.split('/').at(-1);
      expect(() => parseDocument(bytesOf(withNull(index, path)), { label: 'app:1' })).toThrow(
        new RegExp(`^app:1 is not valid: .*has no "${name}"`),
      );
    },
  );

  it('but not as an element of a list', () => {
    expect(() => parseDocument(bytesOf({ ...index, manifests: [null] }))).toThrow(
      '/manifests/0 must be an object',
    );
  });

  it('but not under a name in another case, which Go decodes into the known member', () => {
    const names = validateDocument('image-index', { ...index, Manifests: null }).map(({ rule }) => rule);
    expect(names).toEqual(['document/ambiguous']);
  });
});

describe('documentWarnings', () => {
  it('reports null where the schema has another type', () => {
    const json = { ...config, created: null, variant: null, config: { Labels: null } };
    expect(documentWarnings('image-config', json)).toEqual([
      { pointer: '/created', message: 'is null, which is read as absent', rule: 'json/null' },
      { pointer: '/variant', message: 'is null, which is read as absent', rule: 'json/null' },
    ]);
    expect(documentWarnings('image-config', config)).toEqual([]);
  });
});

describe('withoutNullMembers', () => {
  it('returns the same value if nothing is null', () => {
    expect(withoutNullMembers(index)).toBe(index);
  });

  it('removes what isNullMember reports', () => {
    const json = { 'a/b': null, c: [{ d: null }, null], layers: null };
    const pointers = ['/a~1b', '/c/0/d', '/layers', '/c', '/c/0', '/c/1', '/missing', '', '/a~1b/c'];
    expect(pointers.filter((pointer) => isNullMember(json, pointer))).toEqual(['/a~1b', '/c/0/d']);
    expect(withoutNullMembers(json)).toEqual({ c: [{}, null], layers: null });
  });

  it('keeps a member called __proto__', () => {
    const json: unknown = JSON.parse('{"__proto__": {"a": 1}, "b": null}');
    expect(JSON.stringify(withoutNullMembers(json))).toBe('{"__proto__":{"a":1}}');
  });
});
