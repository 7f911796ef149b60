import { createHash, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, readlink, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import pins from './debian-packages.json' with { type: 'json' };
import type { Architecture } from '../formats/elf.js';
import { outputOf } from '../run.js';

/** The file of a package: its content, or the target of a symbolic link. */
export type PackageFile = { readonly content: Buffer } | { readonly link: string };

/** A Debian package, unpacked. */
export interface DebianPackage {
  readonly name: string;
  /** The control file (deb-control(5)). */
  readonly control: string;
  /** By path without a leading slash. */
  readonly files: ReadonlyMap<string, PackageFile>;
}

/** A package file whose version and content are fixed. `npm run image:pin` writes them. */
export interface PinnedPackage {
  readonly name: string;
  readonly version: string;
  /** Below the root of the mirror: `debian/pool/…`. */
  readonly path: string;
  readonly sha256: string;
}

export interface PinnedPackages {
  readonly suite: string;
  /** When the packages were current: a time of snapshot.debian.org, such as `20261130T000000Z`. */
  readonly snapshot: string;
  readonly packages: Readonly<Record<Architecture, readonly PinnedPackage[]>>;
}

export const PINNED: PinnedPackages = pins;

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/multiarch-release/debian/', import.meta.url));

/** Outside the PATH. apt has no other command that downloads a file that its lists no longer have. */
const APT_HELPER = '/usr/lib/apt/apt-helper';

/** The time of the pinned packages, in seconds since 1970. */
export function snapshotTime({ snapshot }: PinnedPackages = PINNED): number {
  const iso = snapshot.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  return Date.parse(iso) / 1000;
}

/** Downloads and unpacks the pinned packages. Downloads are kept. @throws Error if the content of a package is another one */
export async function fetchPackages(architecture: Architecture): Promise<DebianPackage[]> {
  await mkdir(CACHE, { recursive: true });
  const packages: DebianPackage[] = [];
  for (const pin of PINNED.packages[architecture]) packages.push(await unpack(pin.name, await download(pin)));
  return packages;
}

/** @returns the path of the package file */
async function download({ path, sha256 }: PinnedPackage): Promise<string> {
  const file = join(CACHE, `${sha256}.deb`);
  if ((await digestOf(file)) === sha256) return file;
  // Packages of both architectures may be one file, and be downloaded at the same time.
  const temporary = `${file}.${randomUUID()}`;
  // The mirror has current versions only, and is faster.
  const [archive = '', ...rest] = path.split('/');
  const urls = [
    `http://deb.debian.org/${path}`,
    `http://snapshot.debian.org/archive/${archive}/${PINNED.snapshot}/${rest.join('/')}`,
  ];
  try {
    for (const [index, url] of urls.entries()) {
      try {
        await outputOf(APT_HELPER, ['download-file', url, temporary, `SHA256:${sha256}`], {
          directory: CACHE,
        });
        break;
      } catch (error) {
        if (index === urls.length - 1) throw error;
      }
    }
    if ((await digestOf(temporary)) !== sha256) throw new Error(`${path} is not the pinned file`);
    await rename(temporary, file);
    return file;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function digestOf(file: string): Promise<string | undefined> {
  try {
    return createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
  } catch {
    return undefined;
  }
}

async function unpack(name: string, file: string): Promise<DebianPackage> {
  const directory = await mkdtemp(join(tmpdir(), 'multiarch-deb-'));
  try {
    await outputOf('dpkg-deb', ['--extract', file, directory], { directory });
    const control = `${await outputOf('dpkg-deb', ['--field', file], { directory })}\n`;
    const files = new Map<string, PackageFile>();
    for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      const below = path.slice(directory.length + 1);
      if (entry.isSymbolicLink()) files.set(below, { link: await readlink(path) });
      else if (entry.isFile()) files.set(below, { content: await readFile(path) });
    }
    return { name, control, files };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
