import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { VERSION } from '../src/version.js';
import type { BuildOptions } from './build-options.js';
import type { Architecture } from './elf.js';
import { Repository } from './repository.js';

/** The top directory of the repository. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The licences of the tool and of what it contains, by their names in packages. */
export const LICENCES = {
  LICENSE: join(ROOT, 'LICENSE'),
  'THIRD-PARTY-LICENSES.txt': join(ROOT, 'dist/THIRD-PARTY-LICENSES.txt'),
};

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
