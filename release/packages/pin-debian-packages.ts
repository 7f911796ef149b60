/** Writes the current versions of the Debian packages of the image to `debian-packages.json`: `npm run image:pin`. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { PINNED, type PinnedPackage } from './debian-packages.js';
import type { Architecture } from '../formats/elf.js';
import { outputOf } from '../run.js';

const ARCHIVES = [
  ['debian', ''],
  ['debian', '-updates'],
  ['debian-security', '-security'],
] as const;

const { suite, packages } = PINNED;
const snapshot = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
const names = packages.amd64.map(({ name }) => name);
const pins = {
  suite,
  snapshot,
  packages: { amd64: await pinsOf('amd64'), arm64: await pinsOf('arm64') },
};
await writeFile(
  fileURLToPath(new URL('debian-packages.json', import.meta.url)),
  `${JSON.stringify(pins, undefined, 2)}\n`,
);

/** Asks apt, which checks the signatures of Debian, in directories of its own. */
async function pinsOf(architecture: Architecture): Promise<PinnedPackage[]> {
  const directory = await mkdtemp(join(tmpdir(), 'multiarch-apt-'));
  try {
    const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
    const sources = ARCHIVES.map(
      ([archive, suffix]) =>
        `deb [signed-by=${keyring}] http://deb.debian.org/${archive} ${suite}${suffix} main\n`,
    );
    await writeFile(join(directory, 'sources.list'), sources.join(''));
    for (const path of ['state', 'lists/partial', 'cache/archives/partial'])
      await mkdir(join(directory, path), { recursive: true });
    const settings = [
      `APT::Architecture=${architecture}`,
      `APT::Architectures=${architecture}`,
      `Dir::State=${directory}/state`,
      `Dir::State::lists=${directory}/lists`,
      'Dir::State::status=/dev/null',
      `Dir::Cache=${directory}/cache`,
      `Dir::Etc::sourcelist=${directory}/sources.list`,
      'Dir::Etc::sourceparts=/dev/null',
      'APT::Sandbox::User=root',
    ].flatMap((setting) => ['-o', setting]);
    await outputOf('apt-get', [...settings, 'update'], { directory });
    const lines = (
      await outputOf('apt-get', [...settings, 'download', '--print-uris', ...names], { directory })
    ).split('\n');
    return names.map((name) => pinOf(name, lines));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Reads the line of a package: `'URL' FILE SIZE SHA256:…`. The file is named `NAME_VERSION_ARCHITECTURE.deb`. */
function pinOf(name: string, lines: readonly string[]): PinnedPackage {
  for (const line of lines) {
    const [, path = '', file = '', sha256 = ''] =
      /^'http:\/\/deb\.debian\.org\/(\S+)' (\S+) \d+ SHA256:(\w+)$/.exec(line) ?? [];
    const [found, version = ''] = file.split('_');
    if (found === name) return { name, version: version.replace('%3a', ':'), path, sha256 };
  }
  throw new Error(`Debian ${suite} has no package ${name}`);
}
