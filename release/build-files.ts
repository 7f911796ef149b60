import { readFile, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import type { BuildOptions } from './build-options.js';
import type { Builder } from './builders.js';
import { sectionOf } from './changelog.js';
import { filesIn, formatChecksums } from './checksums.js';
import { releaseNotes } from './notes.js';
import { provenance, type Build } from './provenance.js';
import { ReleaseError } from './release-error.js';

/** What the files of a release are built from. */
export interface FilesOptions extends BuildOptions, Omit<Build, 'version'> {
  readonly builders: readonly Builder[];
  /** The text of CHANGELOG.md. */
  readonly changelog: string;
}

/**
 * Builds all files of a release into an empty directory: those of the builders, their provenance, their checksums and the notes.
 *
 * @throws {@link ReleaseError} if the changelog does not have the version, or a builder writes other files than it returns
 */
export async function buildFiles(options: FilesOptions): Promise<void> {
  const { builders, changelog, version, directory, sourceDate } = options;
  const changes = sectionOf(changelog, version);
  if (changes === undefined) {
    throw new ReleaseError(
      `CHANGELOG.md has no section ${version}`,
      'Run "npm run release", which writes the section, or use --dry-run.',
    );
  }
  const written: string[] = [];
  for (const build of builders) {
    written.push(...(await build({ version, directory, sourceDate })).map((path) => basename(path)));
  }
  const found = await readdir(directory);
  const differing = [
    ...found.filter((name) => !written.includes(name)),
    ...written.filter((name) => !found.includes(name)),
  ];
  if (differing.length > 0) {
    throw new ReleaseError(`${directory} has other files than the builders report: ${differing.join(', ')}`);
  }
  const files = await filesIn(directory);
  const statement = provenance(files, options);
  await writeFile(join(directory, `multiarch-${version}.intoto.jsonl`), `${JSON.stringify(statement)}\n`);
  const all = await filesIn(directory);
  await writeFile(join(directory, 'SHA256SUMS'), formatChecksums(all));
  await writeFile(join(directory, 'NOTES.md'), releaseNotes({ version, changes, files: all }));
}

/** Returns the text of the changelog of a checkout. */
export async function readChangelog(checkout: string): Promise<string> {
  return readFile(join(checkout, 'CHANGELOG.md'), 'utf8');
}
