import { describe, expect, it } from 'vitest';

import { InvalidError } from '../../src/oci/errors.js';
import { MAX_CONFIG_BYTES, parseImageConfig, platformOfConfig } from '../../src/oci/image-config.js';
import type { ImageConfig } from '../../src/oci/image-config.js';
import { describeVectors, vectorBytes } from '../support/vectors.js';

const parse = (value: unknown): ImageConfig => parseImageConfig(Buffer.from(JSON.stringify(value)));

describe('parseImageConfig', () => {
  it('reads the used members, and null as absent', () => {
    const config = parse({
      architecture: 'amd64',
      os: 'windows',
      'os.version': '10.0.17763.4377',
      'os.features': ['win32k'],
      created: '2026-01-31T12:00:00Z',
      config: { Env: null, Labels: { a: 'b' } },
      rootfs: { type: 'layers', diff_ids: null },
    });
    expect(config).toMatchObject({
      config: { Labels: { a: 'b' } },
      rootfs: { type: 'layers', diff_ids: [] },
    });
    expect(platformOfConfig(config)).toEqual({
      architecture: 'amd64',
      os: 'windows',
      'os.version': '10.0.17763.4377',
      'os.features': ['win32k'],
    });
    expect(parse({ 'os.features': null, config: null })).toEqual({});
  });

  it.each([
    ['without rootfs', { architecture: 'amd64', os: 'linux' }],
    ['with a variable that is none', { architecture: 'amd64', os: 'linux', config: { Env: ['foo'] } }],
    ['with a date that is none', { architecture: 'amd64', os: 'linux', created: '' }],
  ])('tolerates one %s', (_name, value) => {
    expect(platformOfConfig(parse(value))).toEqual({ architecture: 'amd64', os: 'linux' });
  });

  it.each([
    ['a list', [], 'it must be an object'],
    ['an os that is a number', { architecture: 'amd64', os: 1 }, '/os must be a string'],
    ['features that are a text', { 'os.features': 'a' }, '/os.features must be an array'],
    ['a layer without a digest', { rootfs: { diff_ids: ['x'] } }, '/rootfs/diff_ids/0 is not a digest'],
  ])('rejects %s', (_name, value, message) => {
    expect(() => parse(value)).toThrow(message);
    expect(() => parse(value)).toThrow(InvalidError);
  });

  it('names the config in errors', () => {
    expect(() => parseImageConfig(Buffer.from('-----BEGIN'), 'the config of app:1')).toThrow(
      'the config of app:1 is not JSON',
    );
    expect(() => parseImageConfig(Buffer.alloc(MAX_CONFIG_BYTES + 1, ' '))).toThrow(
      `the limit is ${MAX_CONFIG_BYTES}`,
    );
  });
});

describe('platformOfConfig', () => {
  it.each([{}, { os: 'linux' }, { architecture: 'amd64' }, { os: '', architecture: 'amd64' }])(
    'knows none in %j',
    (config) => {
      expect(platformOfConfig(config)).toBeUndefined();
    },
  );

  it('keeps the variant', () => {
    expect(platformOfConfig({ os: 'linux', architecture: 'arm', variant: 'v7' })).toEqual({
      os: 'linux',
      architecture: 'arm',
      variant: 'v7',
    });
  });
});

describeVectors('published configs', () => {
  it('ubuntu-20.04-oci-config.json', () => {
    const config = parseImageConfig(vectorBytes('published/ubuntu-20.04-oci-config.json'));
    expect(platformOfConfig(config)).toEqual({ architecture: 'amd64', os: 'linux' });
    expect(config.rootfs?.diff_ids).toHaveLength(1);
  });
});
