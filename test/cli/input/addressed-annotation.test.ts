import { describe, expect, it } from 'vitest';

import {
  parseAnnotationTargets,
  type AnnotationTargets,
} from '../../../src/cli/input/addressed-annotation.js';
import { ArgumentError } from '../../../src/oci/errors.js';
import { parsePlatform } from '../../../src/oci/platform.js';
import { thrownBy } from '../../support/failure.js';

const ofIndex = (index: AnnotationTargets['index']): AnnotationTargets => ({ index, manifests: [] });
const ofImages = (...manifests: AnnotationTargets['manifests']): AnnotationTargets => ({
  index: {},
  manifests,
});

describe('parseAnnotationTargets', () => {
  it.each<[text: string, expected: AnnotationTargets]>([
    ['a=b', ofIndex({ a: 'b' })],
    ['index:a=b', ofIndex({ a: 'b' })],
    ['manifest:a=b', ofImages({ annotations: { a: 'b' } })],
    [
      'manifest[linux/arm/v7]:a=b',
      ofImages({ platform: { os: 'linux', architecture: 'arm', variant: 'v7' }, annotations: { a: 'b' } }),
    ],
    [
      'manifest[windows(10.0.17763)/amd64]:a=b',
      ofImages({ platform: parsePlatform('windows(10.0.17763)/amd64'), annotations: { a: 'b' } }),
    ],
    ['manifest-descriptor:a=b', ofImages({ attestations: true, annotations: { a: 'b' } })],
    [
      'manifest-descriptor[linux/amd64]:a=b',
      ofImages({ platform: parsePlatform('linux/amd64'), annotations: { a: 'b' } }),
    ],
    [
      'index,manifest,manifest-descriptor[linux/amd64]:a=b,c',
      {
        index: { a: 'b,c' },
        manifests: [
          { annotations: { a: 'b,c' } },
          { platform: parsePlatform('linux/amd64'), annotations: { a: 'b,c' } },
        ],
      },
    ],
    [
      'manifest[linux/amd64],index:a:b=c',
      {
        index: { 'a:b': 'c' },
        manifests: [{ platform: parsePlatform('linux/amd64'), annotations: { 'a:b': 'c' } }],
      },
    ],
    ['a,index=b', ofIndex({ 'a,index': 'b' })],
    ['a=', ofIndex({ a: '' })],
    ['a=b=c', ofIndex({ a: 'b=c' })],
    ['a=b,c=d', ofIndex({ a: 'b,c=d' })],
    ['a=one\ntwo\r\n', ofIndex({ a: 'one\ntwo\r\n' })],
    ['manifest:a=one\ntwo: x', ofImages({ annotations: { a: 'one\ntwo: x' } })],
    ['a= b ', ofIndex({ a: ' b ' })],
    ['a=index:b', ofIndex({ a: 'index:b' })],
    ['a=manifest[x]:b=c', ofIndex({ a: 'manifest[x]:b=c' })],
    ['urn:example:a=b', ofIndex({ 'urn:example:a': 'b' })],
    ['index:urn:example:a=b', ofIndex({ 'urn:example:a': 'b' })],
    ['index:index:a=b', ofIndex({ 'index:a': 'b' })],
    ['index:manifest[0]:a=b', ofIndex({ 'manifest[0]:a': 'b' })],
    ['index=b:c', ofIndex({ index: 'b:c' })],
    ['manifest=b', ofIndex({ manifest: 'b' })],
    ['manifest.name=b:c', ofIndex({ 'manifest.name': 'b:c' })],
    ['list[0]=b', ofIndex({ 'list[0]': 'b' })],
    ['__proto__=b', ofIndex(JSON.parse('{"__proto__":"b"}') as AnnotationTargets['index'])],
  ])('parses %j', (text, expected) => {
    expect(parseAnnotationTargets([text])).toStrictEqual(expected);
  });

  it('groups by target: all images first, then each platform once', () => {
    const texts = [
      'manifest[linux/arm64]:a=1',
      'x=1',
      'manifest:a=0',
      'manifest[linux/amd64]:a=2',
      'index:y=2',
      'manifest[linux/arm64/v8]:b=3',
      'manifest:b=0',
    ];
    expect(parseAnnotationTargets(texts)).toEqual({
      index: { x: '1', y: '2' },
      manifests: [
        { annotations: { a: '0', b: '0' } },
        { platform: parsePlatform('linux/arm64'), annotations: { a: '1', b: '3' } },
        { platform: parsePlatform('linux/amd64'), annotations: { a: '2' } },
      ],
    });
  });

  it.each([
    [['a=1', 'index:a=2'], 'a'],
    [['manifest:b=1', 'manifest:b='], 'b'],
    [['manifest[linux/arm64]:c=1', 'manifest[linux/arm64/v8]:c=2'], 'c'],
  ])('rejects two values of one key of a target: %j', (texts, key) => {
    const error = thrownBy(() => parseAnnotationTargets(texts), ArgumentError);
    expect(error.message).toContain(`the annotation ${key} is given twice, with different values: "1" and`);
  });

  it('accepts a value that is given twice, and one key of several targets', () => {
    const texts = ['a=1', 'index:a=1', 'manifest:a=2', 'manifest[linux/arm64]:a=3'];
    expect(parseAnnotationTargets(texts).index).toEqual({ a: '1' });
  });

  it('returns nothing for no input', () => {
    expect(parseAnnotationTargets([])).toEqual(ofIndex({}));
  });

  it.each([
    ['', 'missing "="'],
    ['a', 'missing "="'],
    ['index:a', 'missing "="'],
    ['=b', 'the key is empty'],
    ['index:=b', 'the key is empty'],
    ['manifest[linux/amd64]:=b', 'the key is empty'],
    ['a b=c', 'the key contains white space'],
    ['a\n=c', 'the key contains white space'],
    ['index[linux/amd64]:a=b', 'the index itself has no platform'],
    ['manifest[linux/amd64]a=b', 'the target does not end with "]:"'],
    ['manifest[linux/amd64:a=b', 'the target does not end with "]:"'],
    ['manifest[linux/amd64]=b', 'the target does not end with "]:"'],
    [
      'index-descriptor:a=b',
      '"index-descriptor" is not a target of annotations: an index in a registry has no',
    ],
    ['index,index-descriptor:a=b', '"index-descriptor" is not a target'],
    ['manifest-descriptors:a=b', '"manifest-descriptors" is not a target'],
    ['index,:a=b', '"" is not a target'],
    ['index, manifest:a=b', '" manifest" is not a target'],
    ['foo,index:a=b', '"foo" is not a target'],
    ['manifest[linux/amd64,linux/arm64]:a=b', 'invalid platform'],
    ['index,index[linux/amd64]:a=b', 'the index itself has no platform'],
    ['Manifest:a=b', '"Manifest" is not a target'],
    ['INDEX:a=b', '"INDEX" is not a target'],
    ['manifest[]:a=b', 'invalid platform ""'],
    ['manifest[a/b/c/d]:a=b', 'invalid platform "a/b/c/d"'],
  ])('rejects %j: %s', (text, message) => {
    const parse = (): unknown => parseAnnotationTargets(['x=1', text]);
    expect(parse).toThrow(ArgumentError);
    expect(parse).toThrow(message);
  });
});
