import { describe, expect, it } from 'vitest';

import { rootFilesystem } from '../../release/image/root-filesystem.js';
import { tarFile } from '../../release/formats/tar-file.js';
import { thrownBy } from '../support/failure.js';
import { tinyElf } from '../support/tiny-elf.mjs';
import { dynamicElf } from './dynamic-elf.js';
import { BASE_PACKAGES, debianPackage } from './packages.js';
import { tarLines, textIn } from './tar-lines.js';

const needs = (...libraries: string[]): { libraries: string[]; versions: Map<string, string[]> } => ({
  libraries,
  versions: new Map(),
});
const LIBRARY = dynamicElf('arm64', needs());
const FOLDER = 'usr/lib/aarch64-linux-gnu';

const GCC = [
  debianPackage('gcc-14-base', { 'usr/share/doc/gcc-14-base/copyright': 'licence of GCC' }),
  debianPackage('libgcc-s1', {
    [`${FOLDER}/libgcc_s.so.1`]: dynamicElf('arm64', needs('libc.so.6')),
    'usr/share/doc/libgcc-s1': '-> gcc-14-base',
  }),
  debianPackage('libstdc++6', {
    [`${FOLDER}/libstdc++.so.6`]: '-> libstdc++.so.6.0.33',
    [`${FOLDER}/libstdc++.so.6.0.33`]: dynamicElf('arm64', needs('libgcc_s.so.1', 'libc.so.6')),
    'usr/share/doc/libstdc++6': '-> gcc-14-base',
  }),
];
const LIBC = debianPackage('libc6', {
  [`${FOLDER}/libc.so.6`]: dynamicElf('arm64', needs('ld-linux-aarch64.so.1')),
  [`${FOLDER}/ld-linux-aarch64.so.1`]: LIBRARY,
  [`${FOLDER}/libnotused.so.1`]: LIBRARY,
  'usr/share/doc/libc6/copyright': 'licence of libc6',
});
const UNUSED = debianPackage('libatomic1', { [`${FOLDER}/libatomic.so.1`]: LIBRARY });

describe('the root file system of a static executable', () => {
  const entries = rootFilesystem(Buffer.from(tinyElf('amd64', 'hello')), 'amd64', BASE_PACKAGES);
  const tar = tarFile(entries, 0);

  it('has a user with a home, certificate authorities and records of the packages, and nothing that runs', () => {
    expect(tarLines(tar).filter((line) => !line.startsWith('0755 0 '))).toEqual([
      '0644 0 etc/group',
      '0644 0 etc/nsswitch.conf',
      '0777 0 etc/os-release -> ../usr/lib/os-release',
      '0644 0 etc/passwd',
      '0644 0 etc/ssl/certs/ca-certificates.crt',
      '0755 65532 home/nonroot/',
      '1777 0 tmp/',
      '0644 0 usr/lib/os-release',
      '0644 0 usr/share/doc/base-files/copyright',
      '0644 0 usr/share/doc/ca-certificates/copyright',
      '0644 0 var/lib/dpkg/status.d/base-files',
      '0644 0 var/lib/dpkg/status.d/ca-certificates',
      '0755 65532 work/',
    ]);
  });

  it('has all authorities in one file, sorted by name', () => {
    expect(textIn(tar, 'etc/ssl/certs/ca-certificates.crt')).toBe('certificate A\ncertificate B\n');
  });
});

describe('the root file system of an executable with shared libraries', () => {
  it('has those, those that they need, the dynamic linker, and the licences', () => {
    const executable = dynamicElf('arm64', needs('libstdc++.so.6', 'libc.so.6'));
    const tar = tarFile(rootFilesystem(executable, 'arm64', [...BASE_PACKAGES, ...GCC, LIBC, UNUSED]), 0);
    expect(tarLines(tar).filter((line) => / (lib|usr\/lib\/|usr\/share\/doc\/lib.*\/c)/.test(line))).toEqual([
      '0777 0 lib -> usr/lib',
      '0755 0 usr/lib/',
      '0755 0 usr/lib/aarch64-linux-gnu/',
      '0755 0 usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1',
      '0755 0 usr/lib/aarch64-linux-gnu/libc.so.6',
      '0755 0 usr/lib/aarch64-linux-gnu/libgcc_s.so.1',
      '0755 0 usr/lib/aarch64-linux-gnu/libstdc++.so.6',
      '0777 0 usr/lib/ld-linux-aarch64.so.1 -> aarch64-linux-gnu/ld-linux-aarch64.so.1',
      '0644 0 usr/lib/os-release',
      '0644 0 usr/share/doc/libc6/copyright',
      '0644 0 usr/share/doc/libgcc-s1/copyright',
      '0644 0 usr/share/doc/libstdc++6/copyright',
    ]);
    expect(textIn(tar, 'usr/share/doc/libgcc-s1/copyright')).toBe('licence of GCC');
  });

  it('has the dynamic linker of amd64 at its path', () => {
    const libc = debianPackage('libc6', {
      'usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2': dynamicElf('amd64', needs()),
      'usr/share/doc/libc6/copyright': 'licence of libc6',
    });
    const executable = dynamicElf('amd64', needs('ld-linux-x86-64.so.2'));
    const lines = tarLines(tarFile(rootFilesystem(executable, 'amd64', [...BASE_PACKAGES, libc]), 0));
    expect(lines.filter((line) => line.includes('->'))).toEqual([
      '0777 0 etc/os-release -> ../usr/lib/os-release',
      '0777 0 lib -> usr/lib',
      '0777 0 lib64 -> usr/lib64',
      '0777 0 usr/lib64/ld-linux-x86-64.so.2 -> ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2',
    ]);
  });

  it.each([
    ['a library', BASE_PACKAGES, 'no package has usr/lib/aarch64-linux-gnu/libc.so.6'],
    ['the authorities', [BASE_PACKAGES[0], LIBC], 'the package ca-certificates is missing'],
  ])('cannot be made without %s', (_, packages, message) => {
    const executable = dynamicElf('arm64', needs('libc.so.6'));
    const present = packages.filter((item) => item !== undefined);
    expect(thrownBy(() => rootFilesystem(executable, 'arm64', present), Error).message).toBe(message);
  });
});
