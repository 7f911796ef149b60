import { describe, expect, it } from 'vitest';

import { architectureOf, dynamicNeeds } from '../../release/formats/elf.js';
import { thrownBy } from '../support/failure.js';
import { tinyElf } from '../support/tiny-elf.mjs';
import { dynamicElf } from './dynamic-elf.js';

describe('the needs of an ELF file', () => {
  const needs = {
    libraries: ['libstdc++.so.6', 'libc.so.6'],
    versions: new Map([
      ['libstdc++.so.6', ['GLIBCXX_3.4', 'CXXABI_1.3.9']],
      ['libc.so.6', ['GLIBC_2.28']],
    ]),
  };

  it.each(['amd64', 'arm64'] as const)('are its libraries and their versions, on %s', (architecture) => {
    const file = dynamicElf(architecture, needs);
    expect(architectureOf(file)).toBe(architecture);
    expect(dynamicNeeds(file)).toEqual(needs);
  });

  it('are empty for a static program', () => {
    expect(dynamicNeeds(Buffer.from(tinyElf('arm64', 'hello')))).toEqual({
      libraries: [],
      versions: new Map(),
    });
  });

  it('may be libraries without versions', () => {
    const file = dynamicElf('amd64', { libraries: ['libdl.so.2'], versions: new Map() });
    expect(dynamicNeeds(file)).toEqual({ libraries: ['libdl.so.2'], versions: new Map() });
  });

  it.each([
    ['an empty file', Buffer.alloc(0)],
    ['a script', Buffer.from(`#!/bin/sh\n${' '.repeat(100)}`)],
    ['a program for another processor', Buffer.from(tinyElf('s390x', 'hello'))],
  ])('are unknown for %s', (_, file) => {
    expect(thrownBy(() => dynamicNeeds(file), Error).message).toBe(
      'it is not an ELF executable for amd64 or arm64',
    );
  });
});
