import { spawnSync } from 'node:child_process';
import { mkdir, readFile, readdir, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { buildDebianPackage } from '../../release/packages/debian.js';
import { mustRun } from '../support/run.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { tinyElf } from '../support/tiny-elf.mjs';
import { dynamicElf } from './dynamic-elf.js';

/** dpkg-deb exists on Debian and its derivatives only. */
const hasDpkg = spawnSync('dpkg-deb', ['--version']).error === undefined;

const SOURCE_DATE = Date.UTC(2026, 10, 30) / 1000;

/** Builds packages of tiny executables. @returns their paths */
async function build(version = '1.2.3'): Promise<string[]> {
  const directory = await temporaryDirectory();
  const write = async (name: string, content: string | Uint8Array): Promise<string> => {
    await writeFile(join(directory, name), content);
    return join(directory, name);
  };
  const needs = { libraries: ['libc.so.6'], versions: new Map([['libc.so.6', ['GLIBC_2.28']]]) };
  const parts = {
    executables: {
      amd64: await write('amd64', tinyElf('amd64', 'hello from the package\n')),
      arm64: await write('arm64', dynamicElf('arm64', needs)),
    },
    licences: 'licences of the packages',
  };
  return buildDebianPackage({ version, directory, sourceDate: SOURCE_DATE }, parts);
}

/** Installs a package into an empty root with a dpkg database of its own. */
async function makeRoot(): Promise<{ root: string; dpkg: (...args: string[]) => Promise<string> }> {
  const root = await temporaryDirectory();
  await mkdir(join(root, 'var/lib/dpkg/info'), { recursive: true });
  await mkdir(join(root, 'var/lib/dpkg/updates'), { recursive: true });
  await writeFile(join(root, 'var/lib/dpkg/status'), '');
  return {
    root,
    dpkg: (...args) =>
      mustRun('dpkg', [`--root=${root}`, '--force-not-root', '--force-bad-path', '--log=/dev/null', ...args]),
  };
}

describe.runIf(hasDpkg)('the Debian package', () => {
  it('has the fields of its architecture', async () => {
    const [amd64 = '', arm64 = ''] = await build('1.2.3-rc.1');
    const field = async (file: string, name: string): Promise<string> =>
      (await mustRun('dpkg-deb', ['--field', file, name])).trim();
    expect(amd64).toMatch(/\/multiarch_1\.2\.3-rc\.1_amd64\.deb$/);
    expect(await field(amd64, 'Architecture')).toBe('amd64');
    expect(await field(amd64, 'Depends')).toBe('');
    expect(arm64).toMatch(/\/multiarch_1\.2\.3-rc\.1_arm64\.deb$/);
    expect(await field(arm64, 'Architecture')).toBe('arm64');
    expect(await field(arm64, 'Depends')).toBe('libc6 (>= 2.28)');
    // Before 1.2.3, as in Semantic Versioning.
    expect(await field(amd64, 'Version')).toBe('1.2.3~rc.1');

    const before = process.umask(0o077);
    try {
      const [again = ''] = await build('1.2.3-rc.1');
      expect((await readFile(again)).equals(await readFile(amd64))).toBe(true);
    } finally {
      process.umask(before);
    }
  });

  it('installs the command, the docker plugin, man pages and completion, and leaves nothing when it is removed', async () => {
    const [file = ''] = await build();
    const { root, dpkg } = await makeRoot();
    await dpkg('--install', file);

    const command = join(root, 'usr/bin/multiarch');
    if (process.arch === 'x64' && process.platform === 'linux') {
      expect(await mustRun(command, [])).toBe('hello from the package\n');
    }
    const plugin = join(root, 'usr/libexec/docker/cli-plugins/docker-multiarch');
    expect(await readlink(plugin)).toBe('../../../bin/multiarch');
    expect((await stat(plugin)).mode & 0o777).toBe(0o755);
    const read = (path: string): Promise<Buffer> => readFile(join(root, 'usr/share', path));
    expect(gunzipSync(await read('man/man1/multiarch-push.1.gz'))).toEqual(
      await readFile('man/multiarch-push.1'),
    );
    expect(await readdir(join(root, 'usr/share/man/man1'))).toHaveLength(
      (await readdir('man')).filter((name) => name.endsWith('.1')).length,
    );
    expect((await read('bash-completion/completions/multiarch')).toString()).toContain('# bash completion');
    expect((await read('zsh/vendor-completions/_multiarch')).toString()).toMatch(/^#compdef/);
    expect((await read('fish/vendor_completions.d/multiarch.fish')).toString()).toContain('complete');
    expect(gunzipSync(await read('doc/multiarch/changelog.gz')).toString()).toMatch(
      /^multiarch \(1\.2\.3\) stable;[^]* {2}Mon, 30 Nov 2026 00:00:00 \+0000\n$/,
    );

    expect(await dpkg('--verify', 'multiarch')).toBe('');
    await writeFile(command, 'changed');
    const { stdout } = spawnSync('dpkg', [`--root=${root}`, '--verify', 'multiarch'], { encoding: 'utf8' });
    expect(stdout).toContain('/usr/bin/multiarch');

    await dpkg('--purge', 'multiarch');
    const left = await readdir(root, { recursive: true });
    expect(left.filter((path) => !/^var(\/|$)/.test(path))).toEqual([]);
  });
});
