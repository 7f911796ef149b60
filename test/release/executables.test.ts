import { chmod, readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { gunzipSync, gzipSync, inflateRawSync } from 'node:zlib';

import { list } from 'tar';
import { describe, expect, it } from 'vitest';

import { writeExecutableArchive } from '../../release/executables/executable-archive.js';
import { executablePath } from '../../release/executables/executables.js';
import pins from '../../release/executables/node-binaries.json' with { type: 'json' };
import { EXECUTABLE_PLATFORMS, isIntact, ownPlatform } from '../../release/executables/node-binaries.js';
import { zipFile } from '../../release/formats/zip-file.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const DATE = 1_780_000_001;
const LICENCES = { LICENSE: 'Apache', 'THIRD-PARTY-LICENSES.txt': 'MIT' };

describe('the pinned binaries of Node.js', () => {
  it('have one version, from which executables can be built for all platforms', () => {
    expect(pins.version).toMatch(/^(?:2[6-9]|[3-9]\d)\.\d+\.\d+$/);
    expect(EXECUTABLE_PLATFORMS).toEqual([
      'linux-amd64',
      'linux-arm64',
      'darwin-amd64',
      'darwin-arm64',
      'windows-amd64',
    ]);
  });

  it.each(Object.entries(pins.packages))('of %s have an integrity', (_platform, { name, integrity }) => {
    expect(name).toMatch(/^node-[a-z0-9-]+$/);
    expect(Buffer.from(integrity.replace(/^sha512-/, ''), 'base64')).toHaveLength(64);
  });

  it('are used only if they are intact', () => {
    expect(isIntact(Buffer.from('node'), { integrity: EMPTY })).toBe(false);
    expect(isIntact(Buffer.alloc(0), { integrity: EMPTY })).toBe(true);
  });

  it.each([
    ['linux', 'x64', 'linux-amd64'],
    ['darwin', 'arm64', 'darwin-arm64'],
    ['win32', 'x64', 'windows-amd64'],
  ] as const)('include the one that builds on %s %s', (platform, arch, expected) => {
    expect(ownPlatform({ platform, arch })).toBe(expected);
  });

  it('build on no other machine', () => {
    expect(() => ownPlatform({ platform: 'linux', arch: 's390x' })).toThrow('cannot be built on linux-s390x');
  });
});

describe('the archive of an executable', () => {
  async function build(platform: (typeof EXECUTABLE_PLATFORMS)[number]) {
    const options = { version: '1.2.3', directory: await temporaryDirectory(), sourceDate: DATE };
    const path = executablePath(options, platform);
    await writeFile(path, 'program');
    await chmod(path, 0o700);
    const archive = await writeExecutableArchive(options, path, LICENCES);
    return { archive, bytes: await readFile(archive) };
  }

  it('has the program, licences, completion and man pages, and equal bytes again', async () => {
    const { archive, bytes } = await build('darwin-arm64');
    expect(basename(archive)).toBe('multiarch-1.2.3-darwin-arm64.tar.gz');
    const entries = new Map<string, { mode: number | undefined; mtime: number }>();
    await list({
      file: archive,
      onReadEntry: ({ path, mode, mtime }) => entries.set(path, { mode, mtime: Number(mtime) / 1000 }),
    });
    expect([...entries.keys()].filter((name) => !name.startsWith('man/man1/multiarch-'))).toEqual([
      'LICENSE',
      'THIRD-PARTY-LICENSES.txt',
      'completion/',
      'completion/_multiarch',
      'completion/multiarch.bash',
      'completion/multiarch.fish',
      'man/',
      'man/man1/',
      'man/man1/multiarch.1',
      'multiarch',
    ]);
    expect(entries.get('multiarch')).toEqual({ mode: 0o755, mtime: DATE });
    expect(gunzipSync(bytes).includes('program')).toBe(true);
    expect((await build('darwin-arm64')).bytes).toEqual(bytes);
  });

  it('is a zip file for Windows', async () => {
    const { archive, bytes } = await build('windows-amd64');
    expect(basename(archive)).toBe('multiarch-1.2.3-windows-amd64.zip');
    expect(unzip(bytes)).toEqual({ ...LICENCES, 'multiarch.exe': 'program' });
    expect((await build('windows-amd64')).bytes).toEqual(bytes);
  });
});

describe('zipFile', () => {
  it('has sizes, checksums and times', () => {
    const content = Buffer.from('text '.repeat(1000));
    const file = zipFile(
      [
        { name: 'empty', content: Buffer.alloc(0) },
        { name: 'text', content },
      ],
      DATE,
    );
    expect(unzip(file)).toEqual({ empty: '', text: content.toString() });
    const header = file.subarray(file.lastIndexOf('PK\u0001\u0002'));
    const trailer = gzipSync(content).subarray(-8);
    expect(header.subarray(16, 20)).toEqual(trailer.subarray(0, 4));
    expect(header.readUInt32LE(24)).toBe(content.length);
    // 2026-05-28 20:26:40, in steps of two seconds.
    expect(header.readUInt16LE(14)).toBe((46 << 9) | (5 << 5) | 28);
    expect(header.readUInt16LE(12)).toBe((20 << 11) | (26 << 5) | 20);
  });
});

const EMPTY =
  'sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==';

/** Returns the files of a zip file by its central directory. */
function unzip(file: Buffer): Record<string, string> {
  const end = file.subarray(file.lastIndexOf('PK\u0005\u0006'));
  let at = end.readUInt32LE(16);
  const entries: [string, string][] = [];
  for (let left = end.readUInt16LE(10); left > 0; left -= 1) {
    const [size, nameLength, offset] = [
      file.readUInt32LE(at + 20),
      file.readUInt16LE(at + 28),
      file.readUInt32LE(at + 42),
    ];
    const name = file.toString('utf8', at + 46, at + 46 + nameLength);
    expect(file.toString('latin1', offset, offset + 4)).toBe('PK\u0003\u0004');
    const data = offset + 30 + file.readUInt16LE(offset + 26);
    entries.push([name, inflateRawSync(file.subarray(data, data + size)).toString()]);
    at += 46 + nameLength;
  }
  expect(end.readUInt32LE(12)).toBe(at - end.readUInt32LE(16));
  return Object.fromEntries(entries);
}
