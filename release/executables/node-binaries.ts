import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { extract } from 'tar';

import pins from './node-binaries.json' with { type: 'json' };
import { outputOf } from '../run.js';

/** What an executable is built for: its operating system and processor as image platforms name them. */
export type ExecutablePlatform = keyof typeof pins.packages;

/** All platforms that executables are built for. */
export const EXECUTABLE_PLATFORMS = Object.keys(pins.packages) as readonly ExecutablePlatform[];

/** An unpacked binary of Node.js. */
export interface NodeBinary {
  readonly path: string;
  /** The text of Node's licence and of those of its parts. The packages for Windows lack it. */
  readonly licence: string | undefined;
}

/** Outside of the sources, so that all checkouts of one machine share it. */
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/multiarch/node-binaries/', import.meta.url));

/**
 * Unpacks the binary of Node.js for a platform, from the pinned npm package. It is downloaded once, and its integrity is
 * verified before each use.
 *
 * @param directory an existing directory, where it is unpacked
 * @throws Error if the package cannot be downloaded or is not the pinned one
 */
export async function unpackNode(platform: ExecutablePlatform, directory: string): Promise<NodeBinary> {
  const { name, integrity } = pins.packages[platform];
  const archive = await packageFile({ name, integrity, version: pins.version });
  const folder = join(directory, platform);
  await mkdir(folder);
  const binary = platform.startsWith('windows-') ? 'bin/node.exe' : 'bin/node';
  const wanted = new Set([`package/${binary}`, 'package/LICENSE']);
  await extract({ file: archive, cwd: folder, strip: 1, filter: (path) => wanted.has(path) });
  const licence = await readFile(join(folder, 'LICENSE'), 'utf8').catch(() => undefined);
  return { path: join(folder, binary), licence };
}

/** The platform of this process, whose binary of Node.js builds the executables of all platforms. */
export function ownPlatform({
  platform,
  arch,
}: Pick<NodeJS.Process, 'platform' | 'arch'> = process): ExecutablePlatform {
  const name = `${platform === 'win32' ? 'windows' : platform}-${arch === 'x64' ? 'amd64' : arch}`;
  const own = EXECUTABLE_PLATFORMS.find((each) => each === name);
  if (own === undefined)
    throw new Error(
      `executables cannot be built on ${name}: release/executables/node-binaries.json lacks it`,
    );
  return own;
}

/** A package of the npm registry. */
export interface PinnedPackage {
  readonly name: string;
  readonly version: string;
  /** A subresource integrity, as package-lock.json has it. */
  readonly integrity: string;
}

async function packageFile(pinned: PinnedPackage): Promise<string> {
  const { name, version } = pinned;
  const file = join(CACHE, `${name}-${version}.tgz`);
  const kept = await readFile(file).catch(() => undefined);
  if (kept !== undefined && isIntact(kept, pinned)) return file;
  await mkdir(CACHE, { recursive: true });
  const download = await mkdtemp(join(CACHE, '.download-'));
  try {
    const args = ['pack', `${name}@${version}`, '--ignore-scripts', '--pack-destination', download];
    await outputOf('npm', args, { directory: download });
    const downloaded = join(download, `${name}-${version}.tgz`);
    if (!isIntact(await readFile(downloaded), pinned)) {
      throw new Error(
        `${name}@${version} does not have the integrity in release/executables/node-binaries.json`,
      );
    }
    await rename(downloaded, file);
  } finally {
    await rm(download, { recursive: true, force: true });
  }
  return file;
}

/** Reports whether bytes are those of the pinned package. */
export function isIntact(bytes: Uint8Array, { integrity }: Pick<PinnedPackage, 'integrity'>): boolean {
  return integrity === `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
}
