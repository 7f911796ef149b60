import { describe, expect, it } from 'vitest';

import { debianDependencies } from '../../release/packages/debian-dependencies.js';
import { thrownBy } from '../support/failure.js';
import { tinyElf } from '../support/tiny-elf.mjs';
import { dynamicElf } from './dynamic-elf.js';

/** An executable that needs these symbol versions of these libraries. */
function executable(versions: Readonly<Record<string, readonly string[]>>): Buffer {
  const needed = Object.entries(versions).filter(([, names]) => names.length > 0);
  return dynamicElf('amd64', { libraries: Object.keys(versions), versions: new Map(needed) });
}

describe('the dependencies of a Debian package', () => {
  it.each([
    ['no library', {}, []],
    ['one library', { 'libc.so.6': ['GLIBC_2.2.5', 'GLIBC_2.28', 'GLIBC_2.9'] }, ['libc6 (>= 2.28)']],
    [
      'several libraries of one package',
      {
        'libm.so.6': ['GLIBC_2.29'],
        'libc.so.6': ['GLIBC_2.4', 'GLIBC_PRIVATE'],
        'ld-linux-x86-64.so.2': [],
      },
      ['libc6 (>= 2.29)'],
    ],
    ['a library without versions', { 'libatomic.so.1': ['LIBATOMIC_1.0'] }, ['libatomic1']],
    ['an old libstdc++', { 'libstdc++.so.6': ['GLIBCXX_3.4', 'GLIBCXX_3.4.9'] }, ['libstdc++6 (>= 5)']],
    [
      'a libstdc++ of which one symbol is newer than the others',
      { 'libstdc++.so.6': ['GLIBCXX_3.4.21', 'CXXABI_1.3.11', 'CXXABI_1.3'] },
      ['libstdc++6 (>= 7)'],
    ],
    [
      'libraries of several packages',
      { 'libstdc++.so.6': ['GLIBCXX_3.4.32'], 'libgcc_s.so.1': ['GCC_3.0'], 'libc.so.6': ['GLIBC_2.36'] },
      ['libc6 (>= 2.36)', 'libgcc-s1', 'libstdc++6 (>= 13.2)'],
    ],
  ])('are those of %s', (_, versions: Readonly<Record<string, readonly string[]>>, dependencies) => {
    expect(debianDependencies(executable(versions))).toEqual(dependencies);
  });

  it('are none for a static program', () => {
    expect(debianDependencies(Buffer.from(tinyElf('amd64', 'hello')))).toEqual([]);
  });

  it.each([
    [{ 'libz.so.1': [] }, 'the package of libz.so.1 is unknown: add it to debian-dependencies.ts'],
    [
      { 'libstdc++.so.6': ['GLIBCXX_3.4.99'] },
      'the GCC of GLIBCXX_3.4.99 is unknown: add it to debian-dependencies.ts',
    ],
  ])('are unknown for %o', (versions, message) => {
    expect(thrownBy(() => debianDependencies(executable(versions)), Error).message).toBe(message);
  });
});
