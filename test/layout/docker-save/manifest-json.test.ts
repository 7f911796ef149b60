import { describe, expect, it } from 'vitest';

import { parseManifestJson, type ManifestJsonEntry } from '../../../src/layout/docker-save/manifest-json.js';
import { InvalidError } from '../../../src/oci/errors.js';

const parse = (value: unknown): readonly ManifestJsonEntry[] =>
  parseManifestJson(Buffer.from(JSON.stringify(value)), 'manifest.json');

const DIGEST = `sha256:${'1'.repeat(64)}`;
const FOREIGN = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';

describe('what docker, podman and skopeo write', () => {
  it('is read', () => {
    expect(parse([{ Config: 'abc.json', RepoTags: ['app:1', 'app:2'], Layers: ['a/layer.tar'] }])).toEqual([
      { config: 'abc.json', names: ['app:1', 'app:2'], layers: ['a/layer.tar'], foreignLayers: new Map() },
    ]);
  });

  it('reads null as absent', () => {
    const source = { mediaType: null, digest: null, size: null, urls: null };
    const image = {
      Config: 'abc.json',
      RepoTags: null,
      Layers: null,
      LayerSources: { x: null, y: source },
      Parent: null,
    };
    expect(parse([image])).toEqual([{ config: 'abc.json', names: [], layers: [], foreignLayers: new Map() }]);
  });

  it.each([null, undefined, []])('may have no names: %j', (names) => {
    expect(parse([{ Config: 'abc.json', RepoTags: names, Layers: null }])).toMatchObject([
      { names: [], layers: [] },
    ]);
  });

  it('names files as the archive does', () => {
    expect(parse([{ Config: './abc.json', Layers: ['././a.tar', './/b.tar', '../c.tar'] }])).toMatchObject([
      { config: 'abc.json', layers: ['a.tar', 'b.tar', '../c.tar'] },
    ]);
  });

  it('has the sources of non-distributable layers, and ignores those of others', () => {
    const foreign = { mediaType: FOREIGN, digest: DIGEST, size: 5, urls: ['https://example.com/layer'] };
    const sources = { [DIGEST]: foreign, [`sha256:${'2'.repeat(64)}`]: { mediaType: 'some/layer', size: 1 } };
    const [image] = parse([{ Config: 'abc.json', Layers: ['a'], LayerSources: sources }]);
    expect(image?.foreignLayers).toEqual(new Map([[DIGEST, foreign]]));
  });
});

describe('an invalid manifest.json', () => {
  it.each<[value: unknown, pointer: string, message: string]>([
    [{}, '', 'must be a list of images'],
    ['text', '', 'must be a list of images'],
    [[7], '/0', 'must be an object'],
    [[{}], '/0/Config', 'is missing'],
    [[{ Config: 7 }], '/0/Config', 'must be a file name'],
    [[{ Config: '' }], '/0/Config', 'must be a file name'],
    [[{ Config: 'a', RepoTags: 'app:1' }], '/0/RepoTags', 'must be a list'],
    [[{ Config: 'a', RepoTags: ['app:1', 7] }], '/0/RepoTags/1', 'must be a non-empty string'],
    [[{ Config: 'a', Layers: {} }], '/0/Layers', 'must be a list'],
    [[{ Config: 'a', Layers: [''] }], '/0/Layers/0', 'must be a non-empty string'],
    [[{ Config: 'a' }, { Config: 'b', Layers: [null] }], '/1/Layers/0', 'must be a non-empty string'],
    [[{ Config: 'a', LayerSources: [] }], '/0/LayerSources', 'must be an object'],
    [[{ Config: 'a', LayerSources: { x: 7 } }], '/0/LayerSources/x', 'must be a descriptor'],
    [
      [{ Config: 'a', LayerSources: { [DIGEST]: { mediaType: FOREIGN, digest: 'sha256:x', size: 1 } } }],
      `/0/LayerSources/${DIGEST}/digest`,
      'must be a digest: "sha256:" is followed by something other than hexadecimal digits',
    ],
    [
      [{ Config: 'a', LayerSources: { [DIGEST]: { mediaType: FOREIGN, digest: DIGEST, size: -1 } } }],
      `/0/LayerSources/${DIGEST}/size`,
      'must be a number of bytes',
    ],
    [
      [{ Config: 'a', LayerSources: { '../x': { mediaType: FOREIGN, digest: DIGEST, size: 1 } } }],
      '/0/LayerSources/..~1x',
      'has a key that is not a diff_id',
    ],
  ])('%j', (value, pointer, message) => {
    const error = parseError(value);
    expect(error.problems).toEqual([{ pointer, message, rule: 'docker-archive/manifest' }]);
    expect(error.message).toBe(`manifest.json is not valid: ${pointer === '' ? 'it' : pointer} ${message}`);
  });

  it('is reported with all problems at once', () => {
    expect(parseError([{ RepoTags: [7], Layers: [null] }]).problems).toHaveLength(3);
  });

  it('may be invalid JSON', () => {
    expect(() => parseManifestJson(Buffer.from('[{'), 'manifest.json of x.tar')).toThrow(
      'manifest.json of x.tar is not JSON',
    );
  });
});

function parseError(value: unknown): InvalidError {
  try {
    parse(value);
  } catch (error) {
    if (error instanceof InvalidError) return error;
    throw error;
  }
  throw new Error('it is not refused');
}
