import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { draftFileName, historyFileName } from '../../src/drafts/file-name.js';
import { lockPathOf, withLock } from '../../src/files/lock.js';
import { leftoversIn } from '../support/leftovers.js';
import { run, type RunResult } from '../support/run.js';
import { snapshot } from '../support/snapshot.js';
import { CommandFixture } from './command-fixture.js';

const isRoot = process.getuid?.() === 0;
const onPosix = process.platform !== 'win32';
const NOBODY = 65_534;
const AS_NOBODY = isRoot ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : [];

/** Commands that write each kind of file. */
const WRITERS = [
  { kind: 'a draft', directory: 'drafts', command: ['create', 'app:1', 'oci:ROOT/source:amd64'] },
  { kind: 'a layout', directory: 'layout', command: ['copy', 'oci:ROOT/source:amd64', 'oci:ROOT/layout:1'] },
  {
    kind: 'an archive',
    directory: 'out',
    command: ['copy', 'oci:ROOT/source:amd64', 'oci-archive:ROOT/out/a.tar:1'],
  },
  {
    kind: 'a login',
    directory: 'docker',
    command: ['login', 'REGISTRY', '--username=jane', '--password-stdin'],
    stdin: 'secret',
  },
] as const;

let fixture: CommandFixture;

async function open(name?: string): Promise<void> {
  const started = await CommandFixture.start(name);
  onTestFinished(() => started.remove());
  fixture = started;
  await fixture.reset();
}

/** Runs each command, and what reads its result. */
async function writeAndRead(): Promise<void> {
  for (const { command, ...rest } of WRITERS) {
    const { code, stderr } = await fixture.run(command, 'stdin' in rest ? rest.stdin : '');
    expect(code, stderr).toBe(0);
  }
  await fixture.mustRun(['annotate', 'app:1', '--annotation=a=b']);
  expect(JSON.parse(await fixture.draftState())).toHaveLength(1);
  const states = await fixture.imageStates(['oci:ROOT/layout:1', 'oci-archive:ROOT/out/a.tar:1']);
  expect(states).toEqual([expect.stringMatching(/^sha256:/), states[0]]);
  expect(await fixture.fileState('docker', 'config.json')).toContain('"auths"');
  expect(await leftoversIn(fixture.root)).toEqual([]);
}

describe('names of directories and files', { timeout: 60_000 }, () => {
  it.each([
    ['spaces and quotes', 'a b  \'c\' "d"'],
    ['characters of a shell', '$HOME;`x`&*?'],
    ['non-ASCII characters', 'ü 界 é 🐳'],
    ['255 bytes', 'x'.repeat(255)],
    ['255 bytes of non-ASCII characters', '界'.repeat(85)],
  ])('with %s', async (_, name) => {
    if (!onPosix && /["*?]/.test(name)) return;
    await open(name);
    await writeAndRead();
  });

  it('with 255 bytes for the files that commands name', async () => {
    await open();
    const [archive, digest, auth] = ['a', 'd', 'l'].map((first) => first + 'x'.repeat(254));
    await fixture.mustRun(['create', `oci-archive:ROOT/out/${archive}:1`, 'oci:ROOT/source:amd64', '--push']);
    await fixture.mustRun([
      'create',
      'REGISTRY/app:3',
      'oci:ROOT/source:amd64',
      '--push',
      `--digest-file=ROOT/out/${digest}`,
    ]);
    await fixture.mustRun(
      ['login', 'REGISTRY', '--username=jane', '--password-stdin', `--authfile=ROOT/docker/${auth}`],
      'secret',
    );
    expect(await fixture.imageState(`oci-archive:ROOT/out/${archive}:1`)).toMatch(/^sha256:/);
    expect(await readdir(fixture.path('docker'))).toEqual([auth]);
    expect(await leftoversIn(fixture.root)).toEqual([]);
  });
});

describe('a case-insensitive file system', () => {
  const names = [
    'app:a',
    'app:A',
    'oci:/x:a',
    'oci:/X:a',
    `app:${'a'.repeat(120)}`,
    `app:${'A'.repeat(120)}`,
  ];

  it.each([
    ['drafts', draftFileName],
    ['histories', historyFileName],
    ['locks of drafts', (name: string) => lockPathOf(draftFileName(name))],
  ])('keeps the %s of references apart that differ in case', (_, fileName) => {
    const folded = names.map((name) => fileName(name).normalize('NFD').toLowerCase());
    expect(new Set(folded).size).toBe(names.length);
  });
});

describe.runIf(process.platform === 'linux')('a directory without the right to write', () => {
  it.each(WRITERS)('$kind: says so, and changes nothing', async ({ command, directory, ...rest }) => {
    await open();
    const path = fixture.path(directory);
    const stdin = 'stdin' in rest ? rest.stdin : '';
    await fixture.run(command, stdin);
    const other = command.map((arg) => arg.replace(/:1$/, ':2').replace('jane', 'joe'));
    for (const file of await readdir(path, { recursive: true })) await chmod(join(path, file), 0o755);
    await chmod(path, 0o555);
    const before = await snapshot(fixture.root);
    const { code, stdout, stderr } = await fixture.runProcess(other, { via: AS_NOBODY, stdin });
    await chmod(path, 0o755);
    expect({ code, stdout }, stderr).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(
      /^error: cannot \w+ .*: permission denied\nhint: Check its owner and permissions, or /m,
    );
    expect(stderr).toContain(path);
    expect(await snapshot(fixture.root)).toEqual(before);
  });
});

/** Mounts a small file system; `false` if this is not allowed, as in most containers. */
function mountSmall(path: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    console.warn('a small file system cannot be mounted: skipping the full disk');
    return false;
  }
  onTestFinished(() => void execFileSync('umount', ['-l', path]));
  return true;
}

describe.runIf(isRoot && process.platform === 'linux')('a full disk', () => {
  it.each(WRITERS)(
    '$kind: says so, changes nothing, and goes on with space',
    async ({ command, directory, ...rest }) => {
      await open();
      const path = fixture.path(directory);
      const stdin = 'stdin' in rest ? rest.stdin : '';
      await mkdir(path, { recursive: true });
      if (!mountSmall(path)) return;
      await fixture.run(command, stdin);
      const other = command.map((arg) => arg.replace(/:1$/, ':2').replace(':amd64', ':arm64'));
      const before = await snapshot(path);
      execFileSync('sh', ['-c', 'cat /dev/zero > "$1/ballast" || :', 'sh', path], { stdio: 'ignore' });
      const failed = await fixture.run(other, stdin === '' ? '' : 'another secret');
      expect(failed.code, failed.stderr).toBe(1);
      expect(failed.stderr).toMatch(
        /^error: cannot \w+ .*: the disk is full\nhint: Free some disk space, or /m,
      );
      execFileSync('rm', [join(path, 'ballast')]);
      expect(await snapshot(path)).toMatchObject(before);
      expect(await leftoversIn(path)).toEqual([]);
      expect(await fixture.run(other, stdin)).toMatchObject({ code: 0 });
    },
  );
});

describe.runIf(onPosix)('without a umask', () => {
  beforeEach(() => {
    const umask = process.umask(0);
    onTestFinished(() => void process.umask(umask));
  });

  /** The paths that others can write to, and those that they can read. */
  async function openToOthers(): Promise<{ writable: string[]; readable: string[] }> {
    const found = { writable: [] as string[], readable: [] as string[] };
    for (const directory of ['drafts', 'layout', 'out', 'docker']) {
      const names = await readdir(fixture.path(directory), { recursive: true });
      for (const name of ['', ...names]) {
        const path = join(directory, name);
        const { mode } = await stat(fixture.path(path));
        if ((mode & 0o002) !== 0) found.writable.push(path);
        if ((mode & 0o044) !== 0) found.readable.push(path);
      }
    }
    return found;
  }

  it('nothing is writable by others, and drafts, histories and logins are private', async () => {
    await open();
    await chmod(fixture.path('out'), 0o755);
    await writeAndRead();
    await fixture.mustRun(
      ['create', 'REGISTRY/app:3', 'oci:ROOT/source:amd64', '--push', '--keep-draft'].concat(
        '--digest-file=ROOT/out/digest',
        '--metadata-file=ROOT/out/metadata',
      ),
    );
    const { writable, readable } = await openToOthers();
    expect(writable).toEqual([]);
    expect(readable.filter((path) => /^(?:drafts|docker)/.test(path))).toEqual([]);
    expect(readable).toEqual(expect.arrayContaining(['layout/index.json', 'out/a.tar', 'out/digest']));
    expect((await readdir(fixture.path('drafts'))).some((name) => name.endsWith('.history'))).toBe(true);
  });

  it('an archive that everyone could write to is protected when it is replaced', async () => {
    await open();
    await fixture.mustRun(['copy', 'oci:ROOT/source:amd64', 'oci-archive:ROOT/out/a.tar:1']);
    await chmod(fixture.path('out', 'a.tar'), 0o666);
    await fixture.mustRun(['copy', 'oci:ROOT/source:arm64', 'oci-archive:ROOT/out/a.tar:2']);
    expect((await stat(fixture.path('out', 'a.tar'))).mode & 0o777).toBe(0o664);
  });

  it.runIf(isRoot)('another user cannot plant a file in a lock', async () => {
    await open();
    const directory = fixture.path('shared');
    await mkdir(directory, { mode: 0o777 });
    await writeFile(join(directory, 'victim'), '');
    await chown(join(directory, 'victim'), NOBODY, NOBODY);
    const lock = join(directory, 'config.json.lock');
    const plant = (path: string): string[] => ['ln', '-s', join(directory, 'victim'), path];
    const planted = await withLock(lock, ({ path }): Promise<RunResult> => {
      const [program = '', ...args] = [...AS_NOBODY, ...plant(path)];
      return run(program, args);
    });
    expect(planted.code).not.toBe(0);
    expect(planted.stderr).toContain('Permission denied');
  });
});
