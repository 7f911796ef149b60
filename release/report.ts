import { actionTag } from './action-commit.js';
import type { Release, ReleaseOptions } from './make-release.js';
import { formatSize } from './notes.js';

/** Returns what was done, the files with their digests, and what to do next. */
export function formatReport(
  { commit, changed, files }: Release,
  { version, mode }: Pick<ReleaseOptions, 'version' | 'mode'>,
): string {
  const tags = `v${version} ${actionTag(version)}`;
  const heading = {
    release: [`changed ${changed.join(', ')}`, `committed ${commit}`, `tagged ${tags}`],
    'dry-run': [
      'dry run: nothing was changed',
      `would change ${changed.join(', ')}`,
      `would commit ${commit}`,
      `would tag ${tags}`,
    ],
    tagged: [`built ${commit}`],
  }[mode];
  const table = files.map(({ name, size, sha256 }) => `${sha256}  ${formatSize(size).padStart(8)}  ${name}`);
  const next = mode === 'release' ? ['', `To publish it: git push --atomic origin HEAD ${tags}`] : [];
  return [`multiarch ${version}`, ...heading, '', ...table, ...next].join('\n');
}
