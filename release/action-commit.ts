import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { ReleaseError } from './release-error.js';
import { linesOf, type Repository } from './repository.js';

/** The sources that the GitHub Actions need besides the bundle. The runner downloads all files of a commit for each job. */
const SOURCES = ['action', 'bin', 'LICENSE', 'README.md', 'package.json'];

/** The name of the tag that a workflow can name: `uses: multiarch-cli/multiarch/action@action-v1.2.3`. */
export function actionTag(version: string): string {
  return `action-v${version}`;
}

/**
 * Returns the tree of what the runner of GitHub Actions downloads: the metadata of the actions and the bundle that they run, which
 * is built and therefore not on a branch. Equal files give an equal tree.
 *
 * @param repository a checkout whose `dist` has been built
 */
async function actionTree(repository: Repository): Promise<string> {
  const built = await readdir(join(repository.directory, 'dist')).catch((): string[] => []);
  const bundle = built.filter((name) => name.endsWith('.cjs') || name === 'THIRD-PARTY-LICENSES.txt');
  if (!bundle.includes('action.cjs')) {
    throw new ReleaseError('dist/action.cjs is missing', 'npm run build writes it.');
  }
  // An index of its own, so that the checkout has no changes.
  const env = {
    GIT_INDEX_FILE: join(repository.directory, '.git', 'action-index'),
    GIT_LITERAL_PATHSPECS: '1',
  };
  await repository.git(['read-tree', '--empty'], env);
  const sources = linesOf(await repository.git(['ls-files', '--', ...SOURCES]));
  // The TypeScript is in the bundle.
  const needed = sources.filter((path) => !path.endsWith('.ts'));
  const paths = [...needed, ...bundle.map((name) => `dist/${name}`)].toSorted();
  await repository.git(['add', '--force', '--', ...paths], env);
  return repository.git(['write-tree'], env);
}

/**
 * Commits the tree of the actions. The parent is the commit of the release, so that the history says what it was built from.
 *
 * @param identity the variables of the author, with a time
 */
export async function commitAction(
  repository: Repository,
  version: string,
  identity: Readonly<Record<string, string>>,
): Promise<string> {
  const tree = await actionTree(repository);
  const message = `GitHub Actions of multiarch ${version}`;
  return repository.git(['commit-tree', tree, '-p', 'HEAD', '-m', message], identity);
}

/**
 * Returns the commit of the actions of a released version, whose files are those of a build.
 *
 * @param origin the repository with the tag
 * @param checkout where the release has been built
 * @throws {@link ReleaseError} if the tag does not exist, or has other files: then they do not come from the release
 */
export async function checkAction(
  origin: Repository,
  checkout: Repository,
  version: string,
): Promise<string> {
  const tag = actionTag(version);
  const found = await origin.git(['for-each-ref', '--format=%(*objectname)', `refs/tags/${tag}`]);
  if (found === '') {
    throw new ReleaseError(`the tag ${tag} does not exist`, `Push it: git push origin ${tag}`);
  }
  if ((await origin.git(['rev-parse', `${found}^{tree}`])) === (await actionTree(checkout))) return found;
  throw new ReleaseError(
    `the files of ${tag} are not those of the build`,
    'Do not publish them. Make a new release.',
  );
}
