import { execFileSync } from 'node:child_process';
import { cp } from 'node:fs/promises';

import type { CommandFixture } from './command-fixture.js';

export interface KillScenario {
  readonly name: string;
  /** Whether only `npm run kill` runs it: another scenario has nearly the same steps. */
  readonly onlyInFull?: true;
  readonly prepare?: (fixture: CommandFixture) => Promise<void>;
  readonly command: readonly string[];
  readonly stdin?: string;
  /** The command that finishes the work after a kill. @default the same */
  readonly again?: readonly string[];
  /** The exit codes of `again`, which may find that the work is done. @default 0 */
  readonly codes?: readonly number[];
  /** Returns what later commands see, in parts, each of which must be old or new after a kill. */
  readonly states: (fixture: CommandFixture) => Promise<readonly string[]>;
}

const LIST = 'REGISTRY/app:1';
const [AMD64, ARM64] = ['oci:ROOT/source:amd64', 'oci:ROOT/source:arm64'];
const DRAFT = ['create', LIST, AMD64];
const drafts = async (fixture: CommandFixture): Promise<string[]> => [await fixture.draftState()];
const images =
  (...names: readonly string[]) =>
  async (fixture: CommandFixture): Promise<string[]> =>
    fixture.imageStates(names);
const login = async (fixture: CommandFixture): Promise<string[]> => [
  await fixture.fileState('docker', 'config.json'),
];
const LOGIN = ['login', 'REGISTRY', '--username=jane', '--password-stdin'];

/** The commands that are killed. */
export const SCENARIOS: readonly KillScenario[] = [
  { name: 'create a draft', onlyInFull: true, command: DRAFT, again: [...DRAFT, '--amend'], states: drafts },
  {
    name: 'add to a draft',
    onlyInFull: true,
    prepare: (fixture) => fixture.mustRun(DRAFT),
    command: ['create', LIST, ARM64, '--amend'],
    states: drafts,
  },
  {
    name: 'annotate a draft',
    prepare: (fixture) => fixture.mustRun(DRAFT),
    command: ['annotate', LIST, '--annotation=a=b'],
    states: drafts,
  },
  {
    name: 'remove a draft',
    prepare: (fixture) => fixture.mustRun(DRAFT),
    command: ['rm', LIST],
    codes: [0, 3],
    states: drafts,
  },
  {
    name: 'push a draft, with files that report it',
    prepare: (fixture) => fixture.mustRun(DRAFT),
    command: ['push', LIST, '--digest-file=ROOT/out/digest', '--metadata-file=ROOT/out/metadata'],
    states: async (fixture) => [
      ...(await drafts(fixture)),
      await fixture.imageState(LIST),
      await fixture.fileState('out', 'digest'),
      await fixture.reportedDigest('out', 'metadata'),
    ],
  },
  {
    name: 'push a draft and remove it',
    onlyInFull: true,
    prepare: (fixture) => fixture.mustRun(DRAFT),
    command: ['push', LIST, '--purge'],
    // The draft may be gone.
    codes: [0, 3],
    states: async (fixture) => [...(await drafts(fixture)), await fixture.imageState(LIST)],
  },
  { name: 'create and push to a registry', command: [...DRAFT, '--push'], states: images(LIST) },
  {
    name: 'create and push to a new layout',
    onlyInFull: true,
    command: ['create', 'oci:ROOT/layout:1', AMD64, ARM64, '--push'],
    states: images('oci:ROOT/layout:1'),
  },
  {
    name: 'create and push to a layout with other images',
    prepare: (fixture) => fixture.mustRun(['copy', AMD64, 'oci:ROOT/layout:0']),
    command: ['create', 'oci:ROOT/layout:1', AMD64, ARM64, '--push'],
    states: images('oci:ROOT/layout:1', 'oci:ROOT/layout:0'),
  },
  {
    name: 'replace a tag of a layout',
    onlyInFull: true,
    prepare: (fixture) => fixture.mustRun(['copy', AMD64, 'oci:ROOT/layout:1']),
    command: ['copy', ARM64, 'oci:ROOT/layout:1'],
    states: images('oci:ROOT/layout:1'),
  },
  {
    name: 'create and push to a new archive',
    onlyInFull: true,
    command: ['create', 'oci-archive:ROOT/out/a.tar:1', AMD64, ARM64, '--push'],
    states: images('oci-archive:ROOT/out/a.tar:1'),
  },
  {
    name: 'create and push to an archive with other images',
    prepare: (fixture) => fixture.mustRun(['copy', AMD64, 'oci-archive:ROOT/out/a.tar:0']),
    command: ['create', 'oci-archive:ROOT/out/a.tar:1', AMD64, ARM64, '--push'],
    states: images('oci-archive:ROOT/out/a.tar:1', 'oci-archive:ROOT/out/a.tar:0'),
  },
  {
    name: 'copy from a compressed archive',
    prepare: async (fixture) => {
      await fixture.mustRun(['copy', AMD64, 'oci-archive:ROOT/out/a.tar:1']);
      await cp(fixture.path('out', 'a.tar'), fixture.path('source', 'a.tar'));
      execFileSync('gzip', [fixture.path('source', 'a.tar')]);
    },
    command: ['copy', 'oci-archive:ROOT/source/a.tar.gz:1', 'oci:ROOT/layout:1'],
    states: images('oci:ROOT/layout:1'),
  },
  { name: 'log in', onlyInFull: true, command: LOGIN, stdin: 'secret', states: login },
  {
    name: 'replace a login',
    prepare: (fixture) => fixture.mustRun(LOGIN, 'old'),
    command: LOGIN,
    stdin: 'secret',
    states: login,
  },
  {
    name: 'log out',
    onlyInFull: true,
    prepare: (fixture) => fixture.mustRun(LOGIN, 'secret'),
    command: ['logout', 'REGISTRY'],
    states: login,
  },
  {
    name: 'undo a push',
    prepare: (fixture) => fixture.mustRun([...DRAFT, '--push']),
    command: ['undo', LIST],
    // The push may be undone.
    codes: [0, 1, 3],
    states: images(LIST),
  },
  {
    name: 'read images that the cache keeps',
    command: ['inspect', '--verbose', LIST],
    states: async (fixture) => [(await fixture.run(['inspect', '--verbose', LIST])).stdout],
  },
];
