import { appendFile, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { NODE_MAJOR } from '../../release/checks.js';
import {
  checkOutput,
  makeRelease,
  releaseTime,
  type Release,
  type ReleaseOptions,
} from '../../release/make-release.js';
import { ReleaseError } from '../../release/release-error.js';
import { Repository } from '../../release/repository.js';
import { failureOf } from '../support/failure.js';
import { sharedDirectory } from '../support/sandbox.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const CHANGELOG = '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n';

/** Files of a repository, and what is done with it before the release. */
const FILES: Readonly<Record<string, string>> = {
  '.gitignore': 'dist/\nnode_modules/\n',
  'package.json': '{\n  "name": "multiarch",\n  "version": "0.1.0"\n}\n',
  'package-lock.json':
    '{\n  "name": "multiarch",\n  "version": "0.1.0",\n  "packages": {\n    "": {\n      "version": "0.1.0"\n    }\n  }\n}\n',
  'CHANGELOG.md': CHANGELOG,
  'README.md': 'npx multiarch@0.1.0 push app:0.1.0\n',
  'docs/page.md': 'unchanged\n',
  'action/action.yml': 'runs: { using: node24, main: ../dist/action.cjs }\n',
  'action/main.ts': 'export {};\n',
  'src/a.ts': "const schema = 'multiarch 0.1.0';\n",
};

async function commit(repository: Repository, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(repository.directory, path, '..'), { recursive: true });
    await writeFile(join(repository.directory, path), text);
  }
  await repository.git(['add', '--all']);
  await repository.git(['commit', '--quiet', '--message=Change'], {
    GIT_AUTHOR_DATE: '@1700000000 +0100',
    GIT_COMMITTER_DATE: '@1700000000 +0100',
  });
}

let template: Awaited<ReturnType<typeof sharedDirectory>>;

beforeAll(async () => {
  template = await sharedDirectory();
  const repository = new Repository(template.directory);
  await repository.git(['init', '--quiet', '--template=', '--initial-branch=main']);
  await writeFile(
    join(template.directory, '.git/config'),
    '[user]\nname = A Maintainer\nemail = maintainer@example.com\n[commit]\ngpgSign = false\n[tag]\ngpgSign = false\n',
  );
  await commit(repository, FILES);
});

afterAll(() => template.remove());

/** A repository on main with one commit. */
async function makeRepository(): Promise<Repository> {
  const directory = join(await temporaryDirectory(), 'work');
  await cp(template.directory, directory, { recursive: true });
  return new Repository(directory);
}

type Overrides = Partial<Omit<ReleaseOptions, 'steps'>> & {
  readonly steps?: Partial<ReleaseOptions['steps']>;
};

/** Makes a release with steps that take no time. */
async function release(repository: Repository, overrides: Overrides = {}): Promise<Release> {
  const done = async (): Promise<void> => {};
  return makeRelease({
    root: repository.directory,
    version: '1.0.0',
    mode: 'release',
    output: join(repository.directory, 'dist/release'),
    nodeVersion: `${NODE_MAJOR}.1.0`,
    now: new Date('2027-01-02T13:14:15Z'),
    log: () => {},
    ...overrides,
    steps: {
      install: done,
      check: done,
      // The files have what the real builders depend on: the sources, the commit and its time.
      build: async (checkout, directory) => {
        const clone = new Repository(checkout);
        const head = await clone.git(['log', '-1', '--format=%H %cI %an <%ae>']);
        await writeFile(join(directory, 'b.txt'), head);
        await writeFile(join(directory, 'a.txt'), await readFile(join(checkout, 'CHANGELOG.md')));
        await mkdir(join(checkout, 'dist'), { recursive: true });
        for (const name of ['action.cjs', 'cli.cjs', 'index.js']) {
          await writeFile(join(checkout, 'dist', name), `// ${name}\n`);
        }
      },
      ...overrides.steps,
    },
  });
}

/** Everything that a release could change. */
async function everythingOf({ directory }: Repository): Promise<unknown> {
  const files = (await readdir(directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    // Git may refresh its cache of the work tree.
    .filter((path) => !path.endsWith('.git/index'));
  return Promise.all(files.toSorted().map(async (path) => [path, await readFile(path, 'latin1')]));
}

const textOf = async ({ directory }: Repository, path: string): Promise<string> =>
  readFile(join(directory, path), 'utf8');

it('is one commit with version and changelog, an annotated tag, and the files, as in the dry run and from the tag', async () => {
  const repository = await makeRepository();
  const before = await everythingOf(repository);
  const dry = await release(repository, { mode: 'dry-run', output: undefined });
  expect(await everythingOf(repository)).toEqual(before);

  const { head: parent } = await repository.workTree();
  const real = await release(repository, { now: new Date('2027-01-02T23:59:59Z') });
  expect(real).toEqual(dry);
  expect(real.changed).toEqual(['CHANGELOG.md', 'README.md', 'package-lock.json', 'package.json']);
  expect(real.files.map(({ name }) => name)).toEqual(['a.txt', 'b.txt']);
  expect(await repository.workTree()).toEqual({ head: real.commit, branch: 'main', behind: 0, changes: [] });
  expect(await repository.releases()).toEqual({
    released: new Map([['1.0.0', real.commit]]),
    previous: '1.0.0',
  });
  expect(await repository.git(['log', '-1', '--format=%P %s', 'v1.0.0'])).toBe(`${parent} Release 1.0.0`);
  expect(await repository.git(['cat-file', 'tag', 'v1.0.0'])).toContain(
    'tagger A Maintainer <maintainer@example.com> 1798848000 +0000\n\nmultiarch 1.0.0',
  );
  expect(await repository.git(['log', '-1', '--format=%H %P %s', 'action-v1.0.0'])).toBe(
    `${real.action} ${real.commit} GitHub Actions of multiarch 1.0.0`,
  );
  expect(await repository.git(['ls-tree', '-r', '--name-only', real.action])).toBe(
    ['README.md', 'action/action.yml', 'dist/action.cjs', 'dist/cli.cjs', 'package.json'].join('\n'),
  );
  expect(await textOf(repository, 'README.md')).toBe('npx multiarch@1.0.0 push app:0.1.0\n');
  expect(await textOf(repository, 'src/a.ts')).toBe(FILES['src/a.ts']);
  expect(await textOf(repository, 'CHANGELOG.md')).toContain('## [Unreleased]\n\n## [1.0.0] - 2027-01-02\n');
  expect(await textOf(repository, 'dist/release/b.txt')).toBe(
    `${real.commit} 2027-01-02T00:00:00+00:00 A Maintainer <maintainer@example.com>`,
  );
  expect((await readdir(join(repository.directory, 'dist'), { recursive: true })).toSorted()).toEqual([
    'release',
    'release/a.txt',
    'release/b.txt',
  ]);

  // The files of the last release are replaced.
  await writeFile(join(repository.directory, 'dist/release/old.txt'), '');
  const tagged = await release(repository, { mode: 'tagged', now: new Date('2030-01-01') });
  expect(tagged).toEqual({ ...dry, changed: [] });
  expect(await readdir(join(repository.directory, 'dist/release'))).toEqual(['a.txt', 'b.txt']);

  // The files of the action must be those of the build.
  await repository.git(['tag', '--force', '--annotate', '--message=x', 'action-v1.0.0', real.commit]);
  expect(await failureOf(release(repository, { mode: 'tagged' }), ReleaseError)).toMatchObject({
    message: 'the files of action-v1.0.0 are not those of the build',
  });
  await repository.git(['tag', '--delete', 'action-v1.0.0']);
  expect(await failureOf(release(repository, { mode: 'tagged' }), ReleaseError)).toMatchObject({
    message: 'the tag action-v1.0.0 does not exist',
  });
});

it('reads the state of a repository', async () => {
  const repository = await makeRepository();
  for (const line of [
    'tag v0.1.0',
    'tag v0.2.0-rc.1',
    'tag not-a-version',
    'commit --quiet --allow-empty --message=Theirs',
    'tag v1.1.0',
    'update-ref refs/remotes/origin/main HEAD',
    'reset --quiet --hard HEAD^',
    'mv README.md docs/ü',
  ]) {
    await repository.git(line.split(' '));
  }
  await appendFile(
    join(repository.directory, '.git/config'),
    '[remote "origin"]\nurl = .\nfetch = +refs/heads/*:refs/remotes/origin/*\n[branch "main"]\nremote = origin\nmerge = refs/heads/main\n',
  );
  await writeFile(join(repository.directory, 'package.json'), '{}');
  await writeFile(join(repository.directory, 'new file'), '');
  expect(await repository.workTree()).toEqual({
    head: expect.stringMatching(/^[0-9a-f]{40}$/u) as string,
    branch: 'main',
    behind: 1,
    changes: ['docs/ü', 'package.json', 'new file'],
  });
  const { released, previous } = await repository.releases();
  expect([...released.keys()]).toEqual(['0.1.0', '0.2.0-rc.1', '1.1.0']);
  expect(previous).toBe('0.2.0-rc.1');
});

it.each([
  ['2027-01-02T13:14:15Z', '2026-12-31T00:00:00Z', '2027-01-02T00:00:00Z'],
  ['2027-01-02T13:14:15Z', '2027-01-02T11:00:00Z', '2027-01-02T11:00:00Z'],
  ['2001-01-01T00:00:00Z', '2027-01-02T11:00:00Z', '2027-01-02T11:00:00Z'],
])('a release at %s after a commit at %s has the time %s', (now, parent, time) => {
  const seconds = (text: string): number => Date.parse(text) / 1000;
  expect(releaseTime(new Date(now), seconds(parent))).toBe(seconds(time));
});

describe('a failure', () => {
  it('leaves everything as it was', async () => {
    const repository = await makeRepository();
    const before = await everythingOf(repository);
    const interrupted = new AbortController();
    const cases: readonly [string, Overrides][] = [
      ['0.0.9 is older than 0.1.0 in package.json', { version: '0.0.9' }],
      ['interrupted', { steps: { check: async () => interrupted.abort() }, signal: interrupted.signal }],
      ['dist/action.cjs is missing', { steps: { build: async () => {} } }],
      [
        'the build has changed sources: docs/page.md',
        { steps: { build: async (checkout) => writeFile(join(checkout, 'docs/page.md'), 'changed') } },
      ],
    ];
    for (const [message, overrides] of cases) {
      expect((await failureOf(release(repository, overrides), ReleaseError)).message).toBe(message);
      expect(await everythingOf(repository)).toEqual(before);
    }
  });

  it('is a commit during the build, which stays', async () => {
    const repository = await makeRepository();
    const build = async (): Promise<void> => commit(repository, { 'docs/page.md': 'changed\n' });
    expect(await failureOf(release(repository, { steps: { build } }))).toMatchObject({
      message: 'HEAD has changed during the build',
    });
    expect(await textOf(repository, 'docs/page.md')).toBe('changed\n');
    expect((await repository.releases()).released.size).toBe(0);
  });

  it('to write the files undoes the commit and the tag', async () => {
    const repository = await makeRepository();
    const { head } = await repository.workTree();
    // A directory cannot be replaced by this name.
    const output = `${await temporaryDirectory()}/.`;
    expect(await failureOf(release(repository, { output }))).toMatchObject({ code: 'EINVAL' });
    expect(await repository.workTree()).toMatchObject({ head, changes: [] });
    expect((await repository.releases()).released.size).toBe(0);
    expect(await textOf(repository, 'README.md')).toBe(FILES['README.md']);
  });

  it('is an output with other files', async () => {
    const directory = await temporaryDirectory();
    await checkOutput(join(directory, 'missing'));
    await checkOutput(directory);
    await writeFile(join(directory, 'thesis.txt'), '');
    expect(await failureOf(checkOutput(directory), ReleaseError)).toMatchObject({
      hint: 'Use another --output.',
    });
    await writeFile(join(directory, 'SHA256SUMS'), '');
    await checkOutput(directory);
  });
});
