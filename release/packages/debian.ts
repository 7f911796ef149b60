import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { shellScript } from '../../src/cli/complete/shell-scripts.js';
import type { BuildOptions } from '../build-options.js';
import { executableFile, licencesOf, ROOT } from '../checkout.js';
import { debianDependencies } from './debian-dependencies.js';
import { architectureOf, type Architecture } from '../formats/elf.js';
import { outputOf } from '../run.js';
import { gzipped, type TarEntry } from '../formats/tar-file.js';

const HOMEPAGE = 'https://github.com/multiarch-cli/multiarch';
const MAINTAINER = 'multiarch maintainers <multiarch-cli@users.noreply.github.com>';

/** What Debian packages are made of. */
export interface DebianParts {
  /** The paths of the executables for Linux. */
  readonly executables: Readonly<Record<Architecture, string>>;
  /** The text of the licences of what the executables contain. */
  readonly licences: string;
}

/**
 * Builds a Debian package for each architecture: the executable, also as a docker plugin, with man pages and completion. Needs
 * `dpkg-deb`.
 * @param given by default, the executables in the directory of the release files
 */
export async function buildDebianPackage(options: BuildOptions, given?: DebianParts): Promise<string[]> {
  const { executables, licences } = given ?? {
    executables: { amd64: executableFile(options, 'amd64'), arm64: executableFile(options, 'arm64') },
    licences: (await licencesOf(options, 'amd64'))['THIRD-PARTY-LICENSES.txt'] ?? '',
  };
  const common = await commonFiles(options, licences);
  const architectures = Object.keys(executables) as Architecture[];
  return Promise.all(
    architectures.map((architecture) => build(architecture, executables[architecture], common, options)),
  );
}

async function build(
  architecture: Architecture,
  path: string,
  common: readonly TarEntry[],
  { version, directory, sourceDate }: BuildOptions,
): Promise<string> {
  const executable = await readFile(path);
  const actual = architectureOf(executable);
  if (actual !== architecture) throw new Error(`${path} is for ${actual}`);
  const entries: TarEntry[] = [...common, { path: 'usr/bin/multiarch', content: executable, mode: 0o755 }];
  const control = {
    Package: 'multiarch',
    Version: debianVersion(version),
    Architecture: architecture,
    Maintainer: MAINTAINER,
    'Installed-Size': String(installedSize(entries)),
    Depends: debianDependencies(executable).join(', '),
    Suggests: 'bash-completion, docker-cli | docker.io | docker-ce-cli',
    Section: 'utils',
    Priority: 'optional',
    Homepage: HOMEPAGE,
    Description: DESCRIPTION,
  };
  const fields = Object.entries(control).filter(([, value]) => value !== '');
  const file = join(directory, `multiarch_${version}_${architecture}.deb`);
  const staging = await mkdtemp(join(tmpdir(), 'multiarch-deb-'));
  try {
    await chmod(staging, 0o755);
    await stage(staging, [
      ...entries,
      {
        path: 'DEBIAN/control',
        content: fields.map(([name, value]) => `${name}: ${value}\n`).join(''),
        mode: 0o644,
      },
      { path: 'DEBIAN/md5sums', content: checksums(entries), mode: 0o644 },
    ]);
    await outputOf('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', staging, file], {
      directory,
      // The time of all that is newer, and so of everything.
      env: { SOURCE_DATE_EPOCH: String(sourceDate) },
    });
    return file;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

const DESCRIPTION = `assembles per-architecture container images into one image index
 multiarch joins single-platform container images into one multi-platform
 image: an OCI image index, which Docker calls a manifest list. It checks the
 index and publishes it to any registry, image layout or archive. It has the
 commands and flags of "docker manifest", and needs neither docker nor a
 daemon.
 .
 This package also installs it as a docker plugin: "docker multiarch".`;

/** @param year of the release */
const copyright = (
  year: number,
): string => `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: multiarch
Source: ${HOMEPAGE}

Files: *
Copyright: ${year} the multiarch authors
License: Apache-2.0
 On Debian systems, the text of the Apache License 2.0 is in
 /usr/share/common-licenses/Apache-2.0.
Comment:
 The executable contains Node.js and npm packages with licences of their own.
 They are in /usr/share/doc/multiarch/THIRD-PARTY-LICENSES.txt.gz.
`;

/** The files that are the same for all architectures. */
async function commonFiles({ version, sourceDate }: BuildOptions, licences: string): Promise<TarEntry[]> {
  const date = new Date(sourceDate * 1000);
  const changelog = `multiarch (${debianVersion(version)}) stable; urgency=medium

  * Release ${version}. Its changes are in CHANGELOG.md.gz.

 -- ${MAINTAINER}  ${date.toUTCString().replace('GMT', '+0000')}
`;
  const text = (path: string, content: string): TarEntry => ({ path, content, mode: 0o644 });
  const compressed = async (path: string, content: string): Promise<TarEntry> => ({
    path: `${path}.gz`,
    content: await gzipped(Buffer.from(content)),
    mode: 0o644,
  });
  const doc = 'usr/share/doc/multiarch';
  const pages = (await readdir(join(ROOT, 'man'))).filter((name) => name.endsWith('.1'));
  return [
    // One of the directories that every docker client searches.
    { path: 'usr/libexec/docker/cli-plugins/docker-multiarch', link: '../../../bin/multiarch' },
    text('usr/share/bash-completion/completions/multiarch', shellScript('bash')),
    text('usr/share/zsh/vendor-completions/_multiarch', shellScript('zsh')),
    text('usr/share/fish/vendor_completions.d/multiarch.fish', shellScript('fish')),
    text(`${doc}/copyright`, copyright(date.getUTCFullYear())),
    await compressed(`${doc}/changelog`, changelog),
    await compressed(`${doc}/CHANGELOG.md`, await readFile(join(ROOT, 'CHANGELOG.md'), 'utf8')),
    await compressed(`${doc}/THIRD-PARTY-LICENSES.txt`, licences),
    ...(await Promise.all(
      pages.map(async (name) =>
        compressed(`usr/share/man/man1/${name}`, await readFile(join(ROOT, 'man', name), 'utf8')),
      ),
    )),
  ];
}

/** Debian sorts `1.0.0~rc.1` before `1.0.0`, and reads what follows a hyphen as a revision. */
function debianVersion(version: string): string {
  return version.replaceAll('-', '~');
}

/** In KiB, each file in whole ones (deb-substvars(5)). */
function installedSize(entries: readonly TarEntry[]): number {
  const sizes = entries.map((entry) =>
    'content' in entry ? Math.ceil(Buffer.byteLength(entry.content) / 1024) : 1,
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** For `dpkg --verify`. */
function checksums(entries: readonly TarEntry[]): string {
  const lines = entries.flatMap((entry) =>
    'content' in entry ? [`${createHash('md5').update(entry.content).digest('hex')}  ${entry.path}\n`] : [],
  );
  return lines.join('');
}

/** Writes files and links below a directory, with the same modes for every umask. */
async function stage(root: string, entries: readonly TarEntry[]): Promise<void> {
  for (const entry of entries) {
    const path = join(root, entry.path);
    await makeDirectories(root, dirname(entry.path));
    if ('link' in entry) await symlink(entry.link, path);
    if ('content' in entry) {
      await writeFile(path, entry.content);
      await chmod(path, entry.mode);
    }
  }
}

async function makeDirectories(root: string, path: string): Promise<void> {
  if (path === '.') return;
  await makeDirectories(root, dirname(path));
  await mkdir(join(root, path), { recursive: true });
  await chmod(join(root, path), 0o755);
}
