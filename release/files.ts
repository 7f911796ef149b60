/** Builds the files of a release from the checkout, whose version is that of `package.json`: `npm run release:files -- DIRECTORY`. */
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';

import { VERSION } from '../src/version.js';
import { buildFiles, readChangelog } from './build-files.js';
import { BUILDERS } from './builders.js';
import { ROOT } from './checkout.js';
import { buildDependencies } from './dependencies.js';
import { runMain } from './main.js';
import { ReleaseError } from './release-error.js';
import { Repository } from './repository.js';
import { outputOf } from './run.js';

await runMain(async ([name, ...others]) => {
  if (name === undefined || others.length > 0) {
    throw new ReleaseError('one argument is required: the directory for the files');
  }
  const directory = resolve(name);
  await mkdir(directory, { recursive: true });
  const repository = new Repository(ROOT);
  await buildFiles({
    builders: BUILDERS,
    changelog: await readChangelog(ROOT),
    version: VERSION,
    directory,
    sourceDate: await repository.timeOf('HEAD'),
    commit: await repository.git(['rev-parse', 'HEAD']),
    tools: { node: process.version, npm: await outputOf('npm', ['--version'], { directory: ROOT }) },
    dependencies: await buildDependencies(VERSION),
  });
});
