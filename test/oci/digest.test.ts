import { describe, expect, it } from 'vitest';

import {
  digestAlgorithm,
  digestOf,
  isDigest,
  isVerifiableDigest,
  parseDigest,
  tryParseDigest,
} from '../../src/oci/digest.js';
import { ArgumentError } from '../../src/oci/errors.js';

const sha256 = `sha256:${'0123456789abcdef'.repeat(4)}`;
const sha512 = `sha512:${'0123456789abcdef'.repeat(8)}`;

describe('isVerifiableDigest', () => {
  it.each([
    [`sha256:${'0'.repeat(64)}`, true],
    [`sha512:${'0'.repeat(128)}`, true],
    [`sha256:${'0'.repeat(63)}`, false],
    ['app:1', false],
    ['multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8', false],
  ])('%s: %s', (text, isKnown) => {
    expect(isVerifiableDigest(text)).toBe(isKnown);
  });
});

describe('parseDigest', () => {
  it.each([
    ['sha256', sha256],
    ['sha512', sha512],
    [
      'an algorithm that is not registered',
      'multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8',
    ],
    ['an algorithm of several components', 'sha256+b64u.x-y_z:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564='],
  ])('accepts %s', (_, text) => {
    expect(parseDigest(text)).toBe(text);
    expect(isDigest(text)).toBe(true);
  });

  it.each([
    ['', 'no algorithm'],
    ['latest', 'no algorithm'],
    [':abc', 'ALGORITHM:ENCODED'],
    ['blake3:', 'ALGORITHM:ENCODED'],
    ['Blake3:abc', 'ALGORITHM:ENCODED'],
    ['a++b:abc', 'ALGORITHM:ENCODED'],
    ['blake3:a/b', 'ALGORITHM:ENCODED'],
    ['blake3:abc\n', 'ALGORITHM:ENCODED'],
    ['sha256:', 'has 64 hexadecimal digits, this has 0'],
    [sha256.slice(0, -1), 'has 64 hexadecimal digits, this has 63'],
    [`${sha256}0`, 'has 64 hexadecimal digits, this has 65'],
    [sha512.replace('sha512', 'sha256'), 'has 64 hexadecimal digits, this has 128'],
    [sha256.replace('sha256', 'sha512'), 'has 128 hexadecimal digits, this has 64'],
    [sha256.toUpperCase().replace('SHA256', 'sha256'), 'must be lower case'],
    [sha256.replace('0', 'g'), 'other than hexadecimal digits'],
    [`${sha256}\n`, 'other than hexadecimal digits'],
    ['sha256:../../../../etc/passwd', 'other than hexadecimal digits'],
  ])('rejects %j: %s', (text, problem) => {
    expect(() => parseDigest(text)).toThrow(ArgumentError);
    expect(() => parseDigest(text)).toThrow(problem);
    expect(tryParseDigest(text)).toBeUndefined();
    expect(isDigest(text)).toBe(false);
  });
});

describe('digestAlgorithm', () => {
  it.each([
    [sha256, 'sha256'],
    [sha512, 'sha512'],
    ['sha384:abc', undefined],
    ['blake3:abc', undefined],
  ])('of %s is %s', (text, algorithm) => {
    expect(digestAlgorithm(parseDigest(text))).toBe(algorithm);
  });
});

describe('digestOf', () => {
  // FIPS 180-2, "abc".
  it.each([
    [undefined, 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ['sha256', 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    [
      'sha512',
      'sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    ],
  ] as const)('with %s', (algorithm, digest) => {
    expect(digestOf(new TextEncoder().encode('abc'), algorithm)).toBe(digest);
  });
});
