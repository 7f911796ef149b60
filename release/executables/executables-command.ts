/**
 * Builds single executables and their archives into `dist/release`: `npm run executables [-- [--verify] PLATFORM...]`, such as
 * `linux-amd64`. With `--verify`, they are built twice and compared.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';

import { buildOfCheckout } from '../checkout.js';
import { filesIn, formatChecksums } from '../checksums.js';
import { buildExecutables } from './executables.js';
import { runMain } from '../main.js';
import { EXECUTABLE_PLATFORMS } from './node-binaries.js';
import { ReleaseError } from '../release-error.js';

await runMain(async (args) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { verify: { type: 'boolean', default: false } },
  });
  const platforms = EXECUTABLE_PLATFORMS.filter(
    (each) => positionals.length === 0 || positionals.includes(each),
  );
  const unknown = positionals.filter((name) => !EXECUTABLE_PLATFORMS.some((each) => each === name));
  if (unknown.length > 0) {
    throw new ReleaseError(
      `unknown platform: ${unknown.join(', ')}`,
      `Use ${EXECUTABLE_PLATFORMS.join(', ')}.`,
    );
  }
  const options = await buildOfCheckout();
  const names = new Set((await buildExecutables(options, platforms)).map((path) => basename(path)));
  const built = (await filesIn(options.directory)).filter(({ name }) => names.has(name));
  const checksums = formatChecksums(built);
  if (values.verify) {
    const directory = await mkdtemp(join(tmpdir(), 'multiarch-verify-'));
    try {
      await buildExecutables({ ...options, directory }, platforms);
      if (formatChecksums(await filesIn(directory)) !== checksums) {
        throw new ReleaseError('two builds have different bytes');
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
  await writeFile(join(options.directory, 'SHA256SUMS'), checksums);
  for (const { name, size } of built) console.log(`${size} ${name}`);
});
