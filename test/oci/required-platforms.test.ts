import { describe, expect, it } from 'vitest';

import { ArgumentError, RequirementError } from '../../src/oci/errors.js';
import { formatPlatformFull, parsePlatform, type LoosePlatform } from '../../src/oci/platform.js';
import {
  checkRequiredPlatforms,
  missingPlatforms,
  parsePlatformList,
} from '../../src/oci/required-platforms.js';

const platforms = (...texts: string[]) => texts.map((text) => parsePlatform(text));

describe('parsePlatformList', () => {
  it.each([
    [[], []],
    [['linux/amd64'], ['linux/amd64']],
    [['linux/amd64,linux/arm64'], ['linux/amd64', 'linux/arm64']],
    [
      ['linux/arm64', 'linux/amd64,windows(10.0.17763)/amd64'],
      ['linux/arm64', 'linux/amd64', 'windows(10.0.17763)/amd64'],
    ],
    [['linux/amd64, linux/arm64'], ['linux/amd64', 'linux/arm64']],
    [
      ['linux/arm64/v8,linux/arm64', 'linux/aarch64,linux/arm,linux/arm/v7'],
      ['linux/arm64/v8', 'linux/arm'],
    ],
  ])('reads %j as %j', (texts, expected) => {
    expect(parsePlatformList(texts).map(formatPlatformFull)).toEqual(expected);
  });

  it.each([
    [['']],
    [['linux/amd64,']],
    [[',linux/amd64']],
    [['linux/amd64', ' ']],
    [['linux/amd64,,linux/arm64']],
  ])('rejects %j, since it would disable a requirement', (texts) => {
    expect(() => parsePlatformList(texts)).toThrow(ArgumentError);
  });

  it('names the invalid platform', () => {
    expect(() => parsePlatformList(['linux/amd64,a/b/c/d'])).toThrow('invalid platform "a/b/c/d"');
  });
});

describe('missingPlatforms', () => {
  it.each<[required: string[], present: (LoosePlatform | undefined)[], missing: string[]]>([
    [['linux/amd64'], [], ['linux/amd64']],
    [['linux/amd64'], [undefined, {}, { architecture: 'amd64' }], ['linux/amd64']],
    [['linux/arm64'], platforms('linux/arm64/v8'), []],
    [['linux/arm64/v8'], platforms('linux/arm64'), []],
    [['linux/amd64'], platforms('linux/386'), ['linux/amd64']],
    [['linux/arm/v7'], platforms('linux/arm/v6'), ['linux/arm/v7']],
    [['linux/s390x', 'linux/amd64', 'linux/386'], platforms('linux/amd64'), ['linux/s390x', 'linux/386']],
    [['windows/amd64'], platforms('windows(10.0.17763.1)/amd64'), []],
    [['windows(10.0.17763)/amd64'], platforms('windows(10.0.17763.1)/amd64'), []],
    [['windows(10.0.20348)/amd64'], platforms('windows/amd64'), ['windows(10.0.20348)/amd64']],
    [['unknown/unknown'], platforms('unknown/unknown'), ['unknown/unknown']],
    [[], [], []],
  ])('of %j with %j lacks %j', (required, present, missing) => {
    expect(missingPlatforms(platforms(...required), present).map(formatPlatformFull)).toEqual(missing);
  });
});

describe('checkRequiredPlatforms', () => {
  it('names the platform that is probably meant', () => {
    const check = (): void =>
      checkRequiredPlatforms(platforms('linux/x64'), platforms('linux/amd64'), 'app:1');
    expect(check).toThrow(
      expect.objectContaining({
        hint: 'It has linux/amd64. The platform asked for is "linux/x64", which clients do not look for; probably linux/amd64 is meant.',
      }),
    );
  });

  it('accepts an index with all platforms', () => {
    expect(checkRequiredPlatforms(platforms('linux/arm64'), platforms('linux/arm64/v8'), 'app:1')).toBe(
      undefined,
    );
  });

  it.each([
    [
      platforms('linux/amd64', 'linux/arm/v7', 'linux/amd64', 'unknown/unknown'),
      'It has linux/amd64, linux/arm/v7.',
    ],
    [platforms('unknown/unknown'), 'It has no platforms.'],
    [[undefined], 'It has no platforms.'],
  ])('lists the missing and the present platforms', (present, hint) => {
    const check = (): void =>
      checkRequiredPlatforms(
        platforms('linux/amd64', 'linux/arm64', 'linux/s390x').slice(1),
        present,
        'app:1',
      );
    expect(check).toThrow(RequirementError);
    expect(check).toThrow(
      expect.objectContaining({ message: 'app:1 has no image for linux/arm64, linux/s390x', hint }),
    );
  });
});
