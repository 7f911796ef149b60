import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { actionTag, checkAction, commitAction } from './action-commit.js';
import { releaseChangelog } from './changelog.js';
import { checkRelease, checkTagged } from './checks.js';
import { filesIn, type ReleaseFile } from './checksums.js';
import { ReleaseError } from './release-error.js';
import { linesOf, Repository } from './repository.js';
import { quotesVersion, readVersion, setVersion } from './version.js';

/** The steps that take minutes. Tests replace them. */
interface Steps {
  /** Installs the dependencies in a checkout. */
  readonly install: (checkout: string) => Promise<void>;
  /** Runs all checks and tests of a checkout. */
  readonly check: (checkout: string) => Promise<void>;
  /** Builds the release files of a checkout into an existing directory. */
  readonly build: (checkout: string, directory: string) => Promise<void>;
}

export interface ReleaseOptions {
  /** The work tree. */
  readonly root: string;
  readonly version: string;
  /**
   * `release` commits and tags. `dry-run` does the same, and keeps neither. `tagged` builds the files of HEAD, which has the
   * tag already.
   */
  readonly mode: 'release' | 'dry-run' | 'tagged';
  /** The directory for the release files. Undefined if they are not kept. */
  readonly output: string | undefined;
  readonly steps: Steps;
  /** Such as `24.11.1`. */
  readonly nodeVersion: string;
  /** Its day is that of the release. */
  readonly now: Date;
  /** Told what is done next. */
  readonly log: (line: string) => void;
  /** Ends the release before the next step, and leaves everything as it was. */
  readonly signal?: AbortSignal;
}

export interface Release {
  readonly commit: string;
  /** The commit with the GitHub Actions. */
  readonly action: string;
  readonly files: readonly ReleaseFile[];
  /** The paths that the commit changes. Empty if the commit existed. */
  readonly changed: readonly string[];
}

/**
 * Makes a release in a temporary clone. Only after everything has succeeded, the work tree and its repository get the commit, the
 * tag and the files; a failure leaves them as they were.
 *
 * @throws {@link ReleaseError} if the release cannot be made
 */
export async function makeRelease(options: ReleaseOptions): Promise<Release> {
  const { root, version, mode, steps, nodeVersion } = options;
  const next = (line: string): void => {
    if (options.signal?.aborted === true) throw new ReleaseError('interrupted', 'Nothing was changed.');
    options.log(line);
  };
  const repository = new Repository(root);
  next(`check ${mode === 'tagged' ? 'the tag' : 'the work tree'}`);
  const workTree = await repository.workTree();
  const releases = await repository.releases();
  const { head, branch } = workTree;
  (mode === 'tagged' ? checkTagged : checkRelease)({
    version,
    nodeVersion,
    repository: { ...workTree, ...releases },
    ownVersion: await readVersion(root),
    changelog: await readFile(join(root, 'CHANGELOG.md'), 'utf8'),
  });
  const temporary = await realpath(await mkdtemp(join(tmpdir(), 'multiarch-release-')));
  try {
    const checkout = join(temporary, 'multiarch');
    await repository.git(['clone', '--quiet', '--no-tags', '--no-checkout', '--', root, checkout]);
    const clone = new Repository(checkout);
    await clone.git(['checkout', '--quiet', '--detach', head]);
    let changed: readonly string[] = [];
    if (mode !== 'tagged') {
      next('set the version');
      changed = await commitRelease(clone, repository, releases.previous, options);
    }
    next('install the dependencies');
    await steps.install(checkout);
    next('run all checks and tests');
    await steps.check(checkout);
    next('build the release files');
    const directory = join(temporary, 'files');
    await mkdir(directory);
    await steps.build(checkout, directory);
    const { changes, head: commit } = await clone.workTree();
    if (changes.length > 0) throw new ReleaseError(`the build has changed sources: ${changes.join(', ')}`);
    const files = await filesIn(directory);
    const now = await repository.workTree();
    if (now.head !== head || now.branch !== branch) {
      throw new ReleaseError('HEAD has changed during the build', 'Run the release again.');
    }
    const action =
      mode === 'tagged'
        ? await checkAction(repository, clone, version)
        : await commitAction(clone, version, await repository.identity(await clone.timeOf(commit)));
    next(options.output === undefined ? 'keep nothing' : `write ${options.output}`);
    await finish({ repository, checkout, directory, head, commit, action }, options);
    return { commit, action, files, changed };
  } finally {
    await rm(temporary, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Commits the version and the changelog to the clone, and returns the changed paths. */
async function commitRelease(
  clone: Repository,
  origin: Repository,
  previous: string | undefined,
  { version, mode, now }: ReleaseOptions,
): Promise<readonly string[]> {
  const { directory } = clone;
  const time = releaseTime(now, await clone.timeOf('HEAD'));
  const quoting = linesOf(await clone.git(['ls-files'])).filter(quotesVersion);
  const changed = await setVersion(directory, version, quoting);
  const changelog = join(directory, 'CHANGELOG.md');
  const date = new Date(time * 1000).toISOString().slice(0, 10);
  await writeFile(
    changelog,
    releaseChangelog(await readFile(changelog, 'utf8'), { version, date, previous }),
  );
  const unsigned = mode === 'dry-run' ? ['--no-gpg-sign'] : [];
  await clone.git(
    ['commit', '--quiet', '--all', '--no-verify', ...unsigned, `--message=Release ${version}`],
    await origin.identity(time),
  );
  return ['CHANGELOG.md', ...changed].toSorted();
}

/**
 * Returns the time of a release: the start of the day, or the time of its parent if that is later. So all runs of a day make the
 * same commit.
 *
 * @param parent in seconds since 1970, as the result
 */
export function releaseTime(now: Date, parent: number): number {
  return Math.max(Math.floor(now.getTime() / 86_400_000) * 86_400, parent);
}

interface Built {
  readonly repository: Repository;
  readonly checkout: string;
  readonly directory: string;
  readonly head: string;
  readonly commit: string;
  readonly action: string;
}

/** Keeps the files, the tag and the commit: all, or none. */
async function finish(built: Built, { version, mode, output }: ReleaseOptions): Promise<void> {
  const { repository, checkout, directory, head, commit, action } = built;
  if (output === undefined) return;
  // On the file system of the output, so that it can be renamed.
  await mkdir(dirname(output), { recursive: true });
  const staged = await mkdtemp(`${output}.new-`);
  const undo: (() => Promise<unknown>)[] = [() => rm(staged, { recursive: true, force: true })];
  try {
    await chmod(staged, 0o755);
    await cp(directory, staged, { recursive: true, preserveTimestamps: true });
    if (mode === 'release') {
      await new Repository(checkout).git(['update-ref', 'refs/heads/action', action]);
      await repository.git(['fetch', '--quiet', '--no-tags', checkout, 'HEAD', 'refs/heads/action']);
      const identity = await repository.identity(await repository.timeOf(commit));
      const tags = { [`v${version}`]: commit, [actionTag(version)]: action };
      for (const [name, tagged] of Object.entries(tags)) {
        await repository.git(['tag', '--annotate', `--message=multiarch ${version}`, name, tagged], identity);
        undo.push(() => repository.git(['tag', '--delete', name]));
      }
      // Fails if a file of the commit has changed during the build.
      await repository.git(['merge', '--quiet', '--ff-only', commit]);
      undo.push(() => repository.git(['reset', '--quiet', '--keep', head]));
    }
    await rm(output, { recursive: true, force: true });
    await rename(staged, output);
  } catch (error) {
    for (const step of undo.toReversed()) await step();
    throw error;
  }
}

/**
 * Checks that a directory can be replaced by release files.
 *
 * @throws {@link ReleaseError} if it has other files
 */
export async function checkOutput(directory: string): Promise<void> {
  const names = await readdir(directory).catch((): string[] => []);
  if (names.length > 0 && !names.includes('SHA256SUMS')) {
    throw new ReleaseError(`${directory} has other files than those of a release`, 'Use another --output.');
  }
}
