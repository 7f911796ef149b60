import { describe, expect, it } from 'vitest';

import { expandTemplate, fillBarePlaceholders, isTemplate } from '../../src/assemble/template.js';
import { ArgumentError } from '../../src/oci/errors.js';
import { parsePlatform } from '../../src/oci/platform.js';

const filled = (text: string, ...platforms: string[]): string[] =>
  expandTemplate(
    text,
    platforms.map((platform) => parsePlatform(platform)),
  ).map(({ source }) => source);

describe('isTemplate', () => {
  it.each([
    ['app:1.2-{arch}', true],
    ['app:{}', true],
    ['oci:build/{arch}:1.2', true],
    ['app:1.2-ARCH', false],
    ['app:1.2', false],
    ['app:{arch', false],
  ])('%s: %s', (text, expected) => {
    expect(isTemplate(text)).toBe(expected);
  });
});

describe('expandTemplate', () => {
  it('returns one source for each platform, in order', () => {
    expect(
      expandTemplate('app:1.2-{arch}', [parsePlatform('linux/arm64/v8'), parsePlatform('linux/amd64')]),
    ).toEqual([
      { source: 'app:1.2-arm64', platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
      { source: 'app:1.2-amd64', platform: { os: 'linux', architecture: 'amd64' } },
    ]);
  });

  it.each([
    ['app:1.2-{os}-{arch}', 'linux/amd64', 'app:1.2-linux-amd64'],
    ['app:1.2-{OS}-{ARCH}-{VARIANT}', 'linux/arm/v7', 'app:1.2-linux-arm-v7'],
    ['app:1.2-{platform}', 'linux/arm64/v8', 'app:1.2-linux-arm64-v8'],
    ['app:1.2-{platform}', 'windows(10.0.20348.1)/amd64', 'app:1.2-windows-amd64'],
    ['{arch}/app:{arch}', 'linux/s390x', 's390x/app:s390x'],
    ['oci:build/{platform}:1.2', 'linux/386', 'oci:build/linux-386:1.2'],
    ['app:1.2-{arch}', 'linux/x86_64', 'app:1.2-amd64'],
    ['app:1.2-{arch}{variant}', 'linux/arm/v7', 'app:1.2-armv7'],
  ])('%s for %s is %s', (text, platform, expected) => {
    expect(filled(text, platform)).toEqual([expected]);
  });

  it.each([
    ['app:1.2-{arch}{variant}', 'app:1.2-amd64'],
    ['app:1.2-{arch}-{variant}', 'app:1.2-amd64'],
    ['app:1.2-{variant}-{arch}', 'app:1.2-amd64'],
    ['app:1.2-{arch}.{VARIANT}_{os}', 'app:1.2-amd64_linux'],
    ['app:{variant}-{arch}', 'app:amd64'],
    ['app/{arch}/{variant}:1.2', 'app/amd64:1.2'],
    ['app/{variant}-{arch}:1.2', 'app/amd64:1.2'],
    ['{variant}_{arch}/app', 'amd64/app'],
  ])('%s for a platform without a variant is %s', (text, expected) => {
    expect(filled(text, 'linux/amd64')).toEqual([expected]);
  });

  it('lists the placeholders', () => {
    expect(() => filled('app:{architecture}', 'linux/amd64')).toThrow(ArgumentError);
    expect(() => filled('app:{architecture}', 'linux/amd64')).toThrow('{architecture} is not a placeholder');
    expect(() => filled('app:{architecture}')).toThrow(
      expect.objectContaining({ hint: 'The placeholders are {os}, {arch}, {variant}, {platform}.' }),
    );
  });

  it('requires platforms', () => {
    expect(() => filled('app:{arch}')).toThrow(ArgumentError);
    expect(() => filled('app:{arch}')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('--platform linux/amd64,linux/arm64/v8') }),
    );
  });
});

describe('fillBarePlaceholders', () => {
  const arm = { os: 'linux', architecture: 'arm', variant: 'v5' };
  const amd64 = { os: 'linux', architecture: 'amd64' };

  it.each([
    ['foo/bar-ARCHVARIANT:v1', arm, 'foo/bar-armv5:v1'],
    ['foo/bar-ARCHVARIANT:v1', amd64, 'foo/bar-amd64:v1'],
    ['foo/bar-ARCH-VARIANT:v1', amd64, 'foo/bar-amd64:v1'],
    ['foo/OS/bar:v1-ARCH', amd64, 'foo/linux/bar:v1-amd64'],
    ['app:SEARCH-MACOS-POSIX', amd64, 'app:SEARCH-MACOS-POSIX'],
    ['app:ARCH', {}, 'app:ARCH'],
    ['app:ARCH', { variant: 'v7' }, 'app:ARCH'],
  ])('%s for %j is %s', (text, platform, expected) => {
    expect(fillBarePlaceholders(text, platform)).toBe(expected);
  });
});
