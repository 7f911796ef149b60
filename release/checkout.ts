import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { list } from 'tar';

import { VERSION } from '../src/version.js';
import type { BuildOptions } from './build-options.js';
import type { Architecture } from './formats/elf.js';
import { Repository } from './repository.js';

/** The top directory of the repository. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Returns the options of a build of this checkout into `dist/release`, dated as its last commit. */
export async function buildOfCheckout(): Promise<BuildOptions> {
  const directory = join(ROOT, 'dist/release');
  await mkdir(directory, { recursive: true });
  return { version: VERSION, directory, sourceDate: await new Repository(ROOT).timeOf('HEAD') };
}

/** The path of an executable for Linux in the directory of the release files. */
export function executableFile({ version, directory }: BuildOptions, architecture: Architecture): string {
  return join(directory, `multiarch-${version}-linux-${architecture}`);
}

/**
 * Returns the licences of the tool and of all that an executable contains, by their names in its archive, which exists in the
 * directory of the release files.
 */
export async function licencesOf(
  options: BuildOptions,
  architecture: Architecture,
): Promise<Readonly<Record<string, string>>> {
  const file = `${executableFile(options, architecture)}.tar.gz`;
  const texts = new Map<string, Buffer[]>();
  await list({
    file,
    filter: (path) => path.startsWith('LICENSE') || path.startsWith('THIRD-PARTY-LICENSES'),
    onReadEntry(entry) {
      const chunks: Buffer[] = [];
      texts.set(entry.path, chunks);
      entry.on('data', (chunk: Buffer) => chunks.push(chunk));
    },
  });
  if (texts.size < 2) throw new Error(`${file} has no licences`);
  return Object.fromEntries([...texts].map(([name, chunks]) => [name, Buffer.concat(chunks).toString()]));
}
