import { expect, it } from 'vitest';

import { checkRelease, checkTagged, NODE_MAJOR, type Candidate } from '../../release/checks.js';
import { ReleaseError } from '../../release/release-error.js';
import type { Releases, WorkTree } from '../../release/repository.js';
import { thrownBy } from '../support/failure.js';

const CHANGELOG = '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n';
const RELEASED = `${CHANGELOG}\n## [1.0.0] - 2027-01-01\n\n- Old.\n`;

type Changes = Partial<Omit<Candidate, 'repository'>> & {
  readonly repository?: Partial<WorkTree & Releases>;
};

function candidate({ repository, ...changes }: Changes): Candidate {
  return {
    version: '1.0.0',
    ownVersion: '0.1.0',
    changelog: CHANGELOG,
    nodeVersion: `${NODE_MAJOR}.1.0`,
    repository: {
      head: 'c0ffee',
      branch: 'main',
      behind: 0,
      changes: [],
      released: new Map(),
      previous: undefined,
      ...repository,
    },
    ...changes,
  };
}

const released = (...versions: readonly string[]): Partial<WorkTree & Releases> => ({
  released: new Map(versions.map((version) => [version, 'c0ffee'])),
  previous: versions.at(-1),
});

it.each<[string, Changes]>([
  ['the first version, which package.json has already', { version: '0.1.0' }],
  ['a later version', { repository: released('0.1.0', '0.9.0') }],
  ['a pre-release', { version: '1.0.0-rc.1', repository: released('0.9.0') }],
  ['a version after its pre-release', { ownVersion: '1.0.0-rc.1', repository: released('1.0.0-rc.1') }],
  [
    'a hotfix on its branch',
    { version: '1.0.1', repository: { ...released('1.0.0'), branch: 'release/1.0' } },
  ],
])('%s can be released', (_, changes) => {
  expect(() => checkRelease(candidate(changes))).not.toThrow();
});

it.each<[string, Changes]>([
  ['the work tree has a change: a.ts', { repository: { changes: ['a.ts'] } }],
  [
    'the work tree has 6 changes: 1, 2, 3, 4, 5, …',
    { repository: { changes: ['1', '2', '3', '4', '5', '6'] } },
  ],
  ['the branch is topic', { repository: { branch: 'topic' } }],
  ['the branch is release/0.9', { repository: { branch: 'release/0.9' } }],
  ['HEAD is detached', { repository: { branch: '' } }],
  ['main lacks a commit of its upstream', { repository: { behind: 1 } }],
  ['main lacks 12 commits of its upstream', { repository: { behind: 12 } }],
  ['the tag v1.0.0 exists', { repository: released('1.0.0') }],
  ['1.0.0 is not newer than 1.1.0', { repository: released('1.1.0') }],
  ['1.0.0-rc.1 is not newer than 1.0.0', { version: '1.0.0-rc.1', repository: released('1.0.0') }],
  ['0.0.9 is older than 0.1.0 in package.json', { version: '0.0.9' }],
  ['CHANGELOG.md has no changes under "## [Unreleased]"', { changelog: '# Changelog\n\n## [Unreleased]\n' }],
  ['CHANGELOG.md already has a section 1.0.0', { changelog: RELEASED }],
  ['this is Node.js 20.19.0', { nodeVersion: '20.19.0' }],
  ['invalid version "1.0"', { version: '1.0' }],
])('a release fails: %s', (message, changes) => {
  const error = thrownBy(() => checkRelease(candidate(changes)), ReleaseError);
  expect(error.message).toBe(message);
  expect(error.hint).toMatch(/^[A-Z].*\.$/u);
});

it('all reasons are reported at once', () => {
  const changes = { nodeVersion: '20.19.0', repository: { branch: 'topic' } };
  const { message } = thrownBy(() => checkRelease(candidate(changes)), ReleaseError);
  expect(message.split('\n')).toEqual([
    '1.0.0 cannot be released for 2 reasons:',
    '  this is Node.js 20.19.0',
    `    Use Node.js ${NODE_MAJOR}: another line compresses to other bytes than the workflow does.`,
    '  the branch is topic',
    '    Releases are made on main, and hotfixes of 1.0.0 on release/1.0.',
  ]);
});

const TAGGED: Changes = { ownVersion: '1.0.0', changelog: RELEASED, repository: released('1.0.0') };

it('a tagged version can be built, also without a branch and after newer versions', () => {
  const repository = { ...released('1.0.0', '2.0.0'), branch: '' };
  expect(() => checkTagged(candidate({ ...TAGGED, repository }))).not.toThrow();
});

it.each<[string, Changes]>([
  ['the tag v1.0.0 does not exist', { repository: {} }],
  ['HEAD is not the commit of v1.0.0', { repository: { ...released('1.0.0'), head: 'beef' } }],
  ['package.json has version 0.1.0', { ownVersion: '0.1.0' }],
  ['CHANGELOG.md has no section 1.0.0', { changelog: CHANGELOG }],
  ['this is Node.js 22.1.0', { nodeVersion: '22.1.0' }],
  ['the work tree has a change: a.ts', { repository: { ...released('1.0.0'), changes: ['a.ts'] } }],
])('the build of a tag fails: %s', (message, changes) => {
  const error = thrownBy(() => checkTagged(candidate({ ...TAGGED, ...changes })), ReleaseError);
  expect(error.message).toBe(message);
  expect(error.hint).toMatch(/^[A-Z].*\.$/u);
});
