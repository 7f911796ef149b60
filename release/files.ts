/** Builds the files of a release from the checkout, whose version is that of `package.json`: `npm run release:files -- DIRECTORY`. */
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';

import { buildFiles, readChangelog } from './build-files.js';
import { buildDependencies, BUILDERS, ROOT } from './builders.js';
import { ReleaseError } from './release-error.js';
import { runMain } from './main.js';
import { Repository } from './repository.js';
import { outputOf } from './run.js';
import { readVersion } from './version.js';

await runMain(async ([name, ...others]) => {
  if (name === undefined || others.length > 0) {
    throw new ReleaseError('one argument is required: the directory for the files');
  }
  const directory = resolve(name);
  await mkdir(directory, { recursive: true });
  const repository = new Repository(ROOT);
  const commit = await repository.git(['rev-parse', 'HEAD']);
  await buildFiles({
    builders: BUILDERS,
    changelog: await readChangelog(ROOT),
    version: await readVersion(ROOT),
    directory,
    sourceDate: await repository.timeOf(commit),
    commit,
    tools: { node: process.version, npm: await outputOf('npm', ['--version'], { directory: ROOT }) },
    dependencies: await buildDependencies(),
  });
});
