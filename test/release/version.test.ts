import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import {
  compareVersions,
  parseVersion,
  quotesVersion,
  replaceVersion,
  setVersion,
} from '../../release/version.js';
import { thrownBy } from '../support/failure.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('a version', () => {
  it.each(['0.1.0', '1.2.3', '10.20.30', '1.0.0-rc.1', '1.0.0-0.a-b.7'])('can be %s', (text) => {
    const { major, minor, patch, prerelease } = parseVersion(text);
    const suffix = prerelease.length === 0 ? '' : `-${prerelease.join('.')}`;
    expect(`${major}.${minor}.${patch}${suffix}`).toBe(text);
  });

  it.each([
    '',
    '1',
    '1.2',
    'v1.2.3',
    '01.2.3',
    '1.2.3.4',
    '1.2.3-',
    '1.2.3-01',
    '1.2.3+5',
    '1.2.3-a..b',
    '1.2.3\n',
  ])('cannot be %j', (text) => {
    expect(thrownBy(() => parseVersion(text))).toMatchObject({
      name: 'ReleaseError',
      message: `invalid version "${text}"`,
    });
  });

  it('is ordered as the example of Semantic Versioning', () => {
    const ordered = [
      '0.9.9',
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
      '1.0.1',
      '1.2.0',
      '1.10.0',
      '2.0.0',
    ];
    expect(ordered.toReversed().toSorted(compareVersions)).toEqual(ordered);
    expect(ordered.map((version) => compareVersions(version, version))).toEqual(ordered.map(() => 0));
  });
});

describe('a quoted version', () => {
  it.each([
    'multiarch 0.1.0',
    'multiarch-0.1.0.tgz',
    'multiarch-0.1.0-linux-amd64.tar.gz',
    'multiarch_0.1.0_amd64.deb',
    'npx multiarch@0.1.0 push app:1.2',
    'ghcr.io/multiarch-cli/multiarch:0.1.0',
    'uses: multiarch-cli/multiarch/action@v0.1.0',
    'https://github.com/multiarch-cli/multiarch/releases/download/v0.1.0/multiarch-0.1.0.tgz',
    '.TH MULTIARCH-PUSH 1 "" "multiarch 0.1.0"',
    'MULTIARCH_VERSION=0.1.0',
  ])('is replaced: %s', (text) => {
    expect(replaceVersion(text, '0.1.0', '1.2.3-rc.1')).toBe(text.replaceAll('0.1.0', '1.2.3-rc.1'));
  });

  it.each([
    'app:0.1.0',
    'multiarch 10.1.0',
    'multiarch 0.1.01',
    'multiarch 0.1.0.1',
    'multiarch 0a1b0',
    'multiarch push app:0.1.0',
    'SchemaVersion: 0.1.0',
  ])('is of something else: %s', (text) => {
    expect(replaceVersion(text, '0.1.0', '1.2.3')).toBe(text);
  });
});

describe('setting the version', () => {
  it('changes the version of the repository, and no other character', async () => {
    const directory = await temporaryDirectory();
    const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
    const quoting = tracked.filter(quotesVersion);
    expect(quoting).toEqual(expect.arrayContaining(['README.md', 'man/multiarch.1', 'docs/commands.md']));
    const paths = ['package.json', 'package-lock.json', ...quoting];
    for (const path of paths) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await cp(join(root, path), join(directory, path));
    }
    const before = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string })
      .version;
    await setVersion(directory, '77.88.99', quoting);
    const changed: string[] = [];
    for (const path of paths) {
      const [old, set] = await Promise.all(
        [root, directory].map((from) => readFile(join(from, path), 'utf8')),
      );
      if (old !== set) changed.push(path);
      expect(set?.replaceAll('77.88.99', before)).toBe(old);
    }
    expect(changed).toEqual(expect.arrayContaining(['package.json', 'package-lock.json', 'man/multiarch.1']));
    const lock = JSON.parse(await readFile(join(directory, 'package-lock.json'), 'utf8')) as {
      readonly version: string;
      readonly packages: Readonly<Record<string, { readonly version: string }>>;
    };
    expect([lock.version, lock.packages['']?.version]).toEqual(['77.88.99', '77.88.99']);
  });
});
