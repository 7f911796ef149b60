import { describe, expect, it } from 'vitest';

import { formatPlatform, type Platform } from '../../src/oci/platform.js';
import { hasForeignVariant, indexPlatform, platformDoubt } from '../../src/oci/platform-names.js';

/** A platform from `os|architecture|variant`: names may contain slashes and spaces. */
function platform(text: string): Platform {
  const [os = '', architecture = '', variant = ''] = text.split('|');
  return { architecture, os, ...(variant !== '' && { variant }) };
}

describe('indexPlatform', () => {
  it.each([
    // As docker writes them, although containerd has a shorter or a longer form.
    ['linux|amd64', 'linux/amd64'],
    ['linux|arm64', 'linux/arm64'],
    ['linux|arm64|v8', 'linux/arm64/v8'],
    ['linux|arm', 'linux/arm'],
    ['linux|arm|v6', 'linux/arm/v6'],
    ['linux|riscv64', 'linux/riscv64'],
    ['linux|ppc64le|power9', 'linux/ppc64le/power9'],
    ['linux|amd64|v3', 'linux/amd64/v3'],
    ['linux|arm64|v9.2', 'linux/arm64/v9.2'],
    // As containerd normalises them.
    ['linux|aarch64', 'linux/arm64'],
    ['linux|aarch64|v8', 'linux/arm64/v8'],
    ['linux|arm64|8', 'linux/arm64'],
    ['linux|arm64|V8', 'linux/arm64/v8'],
    ['linux|arm64|9', 'linux/arm64/v9'],
    ['linux|x86_64', 'linux/amd64'],
    ['linux|x86-64', 'linux/amd64'],
    ['linux|AMD64', 'linux/amd64'],
    ['linux|amd64|v1', 'linux/amd64'],
    ['linux|amd64|V2', 'linux/amd64/v2'],
    ['linux|i386', 'linux/386'],
    ['linux|armhf', 'linux/arm/v7'],
    ['linux|armel', 'linux/arm/v6'],
    ['linux|arm|5', 'linux/arm/v5'],
    ['linux|arm|6', 'linux/arm/v6'],
    ['linux|arm|7', 'linux/arm/v7'],
    ['linux|arm|8', 'linux/arm/v8'],
    ['Linux|amd64', 'linux/amd64'],
    ['macos|arm64', 'darwin/arm64'],
    // Beyond containerd: what can mean nothing else.
    ['linux |amd64', 'linux/amd64'],
    ['linux|arm64|armv8', 'linux/arm64/v8'],
    ['linux|arm|armv7l', 'linux/arm/v7'],
    ['linux|arm|armv6hf', 'linux/arm/v6'],
    // The variant of another architecture.
    ['linux|amd64|v8', 'linux/amd64'],
    ['linux|arm64|v7', 'linux/arm64'],
    ['linux|arm|v2', 'linux/arm'],
    ['linux|386|v7', 'linux/386'],
    ['linux|riscv64|v8', 'linux/riscv64'],
    // Unknown names are left to the warning.
    ['linux|x64', 'linux/x64'],
    ['linux|amd46', 'linux/amd46'],
  ])('of %s is %s', (stated, expected) => {
    expect(formatPlatform(indexPlatform(platform(stated)))).toBe(expected);
  });

  it('keeps the other members as they are', () => {
    const windows = {
      os: 'Windows',
      architecture: 'x86_64',
      'os.version': '10.0.1',
      'os.features': ['b', 'a'],
    };
    expect(indexPlatform(windows)).toEqual({ ...windows, os: 'windows', architecture: 'amd64' });
  });
});

describe('platformDoubt', () => {
  it.each([
    ['linux|AMD64', 'linux/amd64'],
    ['Linux|amd64', 'linux/amd64'],
    ['linux |amd64', 'linux/amd64'],
    ['linux|i386', 'linux/386'],
    ['linux|armhf', 'linux/arm/v7'],
    ['linux|arm|7', 'linux/arm/v7'],
    ['linux|arm64|armv8', 'linux/arm64/v8'],
    ['linux|aarch64', 'linux/arm64'],
    ['linux|amd64|v1', 'linux/amd64'],
    ['macos|arm64', 'darwin/arm64'],
    ['linux|x64', 'linux/amd64'],
    ['linux|x86', 'linux/386'],
    ['linux|arm64v8', 'linux/arm64'],
    ['linux|arm32v6', 'linux/arm/v6'],
    ['linux|armv7l', 'linux/arm/v7'],
    ['linux|ppc64el', 'linux/ppc64le'],
    ['win32|x64', 'windows/amd64'],
    ['osx|arm64', 'darwin/arm64'],
  ])('of %s names %s', (stated, likely) => {
    expect(platformDoubt(platform(stated))).toContain(`probably ${likely} is meant`);
  });

  it.each([
    'linux|amd64',
    'linux|arm64|v8',
    'linux|arm64',
    'linux|arm',
    'linux|arm|v7',
    'windows|arm64',
    'wasi|wasm',
    'unknown|unknown',
    '|amd64',
    'linux|',
    'linux|constructor|v1',
  ])('of %s does not name another', (stated) => {
    expect(platformDoubt(platform(stated)) ?? '').not.toContain('probably');
  });

  it('names a pair that does not exist', () => {
    expect(platformDoubt(platform('linux|amd46'))).toBe(
      '"linux/amd46", which is not a known operating system and architecture',
    );
    expect(platformDoubt(platform('linux|amd64'))).toBeUndefined();
  });
});

describe('hasForeignVariant', () => {
  it.each([
    ['linux|amd64|v8', true],
    ['linux|arm64|v7', true],
    ['linux|arm|v3', true],
    ['linux|s390x|v8', true],
    ['linux|aarch64|v7', true],
    ['linux|amd64|v4', false],
    ['linux|arm|7', false],
    ['linux|arm64|armv8', false],
    ['linux|arm64|v8.6', false],
    ['linux|arm64|v10', false],
    ['linux|loong64|v1.1', false],
    ['linux|386|v2', true],
    ['linux|riscv64|v7', true],
    ['linux|mips|softfloat', false],
    ['unknown|unknown|v1', false],
    ['|arm64|v7', false],
  ])('of %s is %s', (stated, expected) => {
    expect(hasForeignVariant(platform(stated))).toBe(expected);
  });
});
