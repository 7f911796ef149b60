import { hasUnreleasedChanges, sectionOf } from './changelog.js';
import { ReleaseError } from './release-error.js';
import type { Releases, WorkTree } from './repository.js';
import { compareVersions, parseVersion } from './version.js';

/**
 * The line of Node.js that builds releases. Another line compresses to other bytes. The workflow of releases installs the
 * same one.
 */
export const NODE_MAJOR = 24;

/** What is checked before a release. */
export interface Candidate {
  readonly version: string;
  readonly repository: WorkTree & Releases;
  /** The version in `package.json`. */
  readonly ownVersion: string;
  /** The text of CHANGELOG.md. */
  readonly changelog: string;
  /** Such as `24.11.1`. */
  readonly nodeVersion: string;
}

/** What is wrong, and what to do about it. */
type Problem = readonly [message: string, hint: string];

/**
 * Checks that a version can be released.
 *
 * @throws {@link ReleaseError} with everything that has to be changed first
 */
export function checkRelease(candidate: Candidate): void {
  const { version } = candidate;
  parseVersion(version);
  report(version, [
    ...commonProblems(candidate),
    ...branchProblems(candidate),
    ...versionProblems(candidate),
    ...changelogProblems(candidate),
  ]);
}

/**
 * Checks that HEAD is the commit of a release: its tag, version and changelog.
 *
 * @throws {@link ReleaseError} with everything that differs
 */
export function checkTagged(candidate: Candidate): void {
  const { version, repository, ownVersion, changelog } = candidate;
  const problems = [...commonProblems(candidate)];
  const tagged = repository.released.get(version);
  if (tagged !== repository.head) {
    const message =
      tagged === undefined ? `the tag v${version} does not exist` : `HEAD is not the commit of v${version}`;
    problems.push([message, `Run "git fetch --tags", then "git checkout v${version}".`]);
  }
  const hint = 'Delete the tag, and let "npm run release" make it.';
  if (ownVersion !== version) problems.push([`package.json has version ${ownVersion}`, hint]);
  if (sectionOf(changelog, version) === undefined) {
    problems.push([`CHANGELOG.md has no section ${version}`, hint]);
  }
  report(version, problems);
}

function report(version: string, problems: readonly Problem[]): void {
  const [first, ...others] = problems;
  if (first === undefined) return;
  if (others.length === 0) throw new ReleaseError(...first);
  const lines = problems.map(([message, hint]) => `\n  ${message}\n    ${hint}`);
  throw new ReleaseError(`${version} cannot be released for ${problems.length} reasons:${lines.join('')}`);
}

function commonProblems({ nodeVersion, repository: { changes } }: Candidate): readonly Problem[] {
  const problems: Problem[] = [];
  if (!nodeVersion.startsWith(`${NODE_MAJOR}.`)) {
    const hint = `Use Node.js ${NODE_MAJOR}: another line compresses to other bytes than the workflow does.`;
    problems.push([`this is Node.js ${nodeVersion}`, hint]);
  }
  if (changes.length > 0) {
    const some = `${changes.slice(0, 5).join(', ')}${changes.length > 5 ? ', …' : ''}`;
    const count = changes.length === 1 ? 'a change' : `${changes.length} changes`;
    problems.push([`the work tree has ${count}: ${some}`, 'Commit, stash or remove them first.']);
  }
  return problems;
}

function branchProblems({ version, repository: { branch, behind } }: Candidate): readonly Problem[] {
  const { major, minor } = parseVersion(version);
  const hotfix = `release/${major}.${minor}`;
  if (branch !== 'main' && branch !== hotfix) {
    const message = branch === '' ? 'HEAD is detached' : `the branch is ${branch}`;
    return [[message, `Releases are made on main, and hotfixes of ${version} on ${hotfix}.`]];
  }
  if (behind === 0) return [];
  const count = behind === 1 ? 'a commit' : `${behind} commits`;
  return [[`${branch} lacks ${count} of its upstream`, 'Run "git pull --ff-only" first.']];
}

function versionProblems({ version, ownVersion, repository }: Candidate): readonly Problem[] {
  const { released, previous } = repository;
  if (released.has(version)) {
    return [[`the tag v${version} exists`, 'A released version is never changed. Use the next one.']];
  }
  if (previous !== undefined && compareVersions(version, previous) <= 0) {
    return [[`${version} is not newer than ${previous}`, `Use a version after ${previous}.`]];
  }
  if (compareVersions(version, ownVersion) < 0) {
    return [
      [`${version} is older than ${ownVersion} in package.json`, `Use ${ownVersion} or a later version.`],
    ];
  }
  return [];
}

function changelogProblems({ version, changelog }: Candidate): readonly Problem[] {
  const problems: Problem[] = [];
  if (!hasUnreleasedChanges(changelog)) {
    const hint = 'Describe what has changed since the last release.';
    problems.push(['CHANGELOG.md has no changes under "## [Unreleased]"', hint]);
  }
  if (sectionOf(changelog, version) !== undefined) {
    problems.push([`CHANGELOG.md already has a section ${version}`, 'Rename or remove it.']);
  }
  return problems;
}
