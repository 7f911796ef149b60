import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { BuildOptions } from './build-options.js';
import { ROOT } from './checkout.js';
import { buildDebianPackage } from './packages/debian.js';
import { buildExecutables } from './executables/executables.js';
import { writeFormulas } from './packages/formulas.js';
import { buildImage } from './image/image.js';
import { outputOf } from './run.js';
import { toSpdx, type Cyclonedx } from './spdx.js';

/** Writes files of a release and returns their paths. The files of earlier builders exist in the directory. */
export type Builder = (options: BuildOptions) => Promise<readonly string[]>;

/** The builders of all files that users download, in the order in which they run. */
export const BUILDERS: readonly Builder[] = [
  buildPackage,
  buildExecutables,
  buildImage,
  buildDebianPackage,
  writeFormulas,
  buildSboms,
];

/** Packs what is published to npm. */
async function buildPackage({ version, directory }: BuildOptions): Promise<readonly string[]> {
  await outputOf('npm', ['pack', '--ignore-scripts', '--pack-destination', directory], { directory: ROOT });
  return [join(directory, `multiarch-${version}.tgz`)];
}

/** Writes what the bundle contains: as CycloneDX, and the same as SPDX. */
export async function buildSboms({
  version,
  directory,
  sourceDate,
}: BuildOptions): Promise<readonly string[]> {
  const text = await readFile(join(ROOT, 'dist/sbom.cdx.json'), 'utf8');
  const cyclonedx = join(directory, `multiarch-${version}.cdx.json`);
  const spdx = join(directory, `multiarch-${version}.spdx.json`);
  await writeFile(cyclonedx, text);
  await writeFile(
    spdx,
    `${JSON.stringify(toSpdx(JSON.parse(text) as Cyclonedx, sourceDate), undefined, 2)}\n`,
  );
  return [cyclonedx, spdx];
}
