import { chown, mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { currentProcess } from '../../src/files/process-identity.js';
import { sweep } from '../../src/files/sweep.js';
import { temporaryName } from '../../src/files/temporary-name.js';
import { temporaryNameOf, UNUSED_PID } from '../support/leftovers.js';
import { mustRun } from '../support/run.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

/** In seconds, as `utimes` takes it. */
const hoursAgo = (count: number): number => Date.now() / 1000 - count * 3600;
const isRoot = process.getuid?.() === 0;
const onLinux = process.platform === 'linux';

let directory: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
});

async function makeFile(name: string, hours = 0): Promise<void> {
  await writeFile(join(directory, name), '');
  await utimes(join(directory, name), hoursAgo(hours), hoursAgo(hours));
}

const afterSweep = async (): Promise<string[]> => {
  await sweep(directory, (name) => name === 'file.lock');
  return readdir(directory);
};

describe('a temporary file', () => {
  it.each<[string, string, number, boolean]>([
    ['of a process that has exited', temporaryNameOf({ pid: String(UNUSED_PID) }), 0, true],
    ['of another process with the same number', temporaryNameOf({ started: '1' }), 0, onLinux],
    ['of this machine before it was restarted', temporaryNameOf({ boot: 'abcdef01' }), 0, onLinux],
    ['of this process, which is running', temporaryName(), 5, !onLinux],
    [
      'of another machine',
      temporaryNameOf({ pid: String(UNUSED_PID), host: 'abcdef01', boot: 'abcdef01' }),
      0.9,
      false,
    ],
    [
      'of another machine, unchanged for long',
      temporaryNameOf({ pid: String(UNUSED_PID), host: 'abcdef01', boot: 'abcdef01' }),
      1.1,
      true,
    ],
    [
      'of another container',
      temporaryNameOf({ pid: String(UNUSED_PID), namespace: 'abcdef01' }),
      0.9,
      !onLinux,
    ],
    ['without an owner', '.multiarch-tmp-0b5e', 0.9, false],
    ['without an owner, unchanged for long', '.multiarch-tmp-0b5e', 1.1, true],
    ['of another program', 'other.tmp', 5, false],
  ])('%s', async (_, name, hours, isRemoved) => {
    await makeFile(name, hours);
    expect(await afterSweep()).toEqual(isRemoved ? [] : [name]);
  });

  it('of a process that was killed just now', async () => {
    const { pid, started } = JSON.parse(
      await mustRun(process.execPath, [
        '-e',
        `const stat = () => fs.readFileSync('/proc/self/stat', 'latin1').split(') ')[1].split(' ')[19];
         let started = '0';
         try { started = stat(); } catch {}
         console.log(JSON.stringify({ pid: process.pid, started }));`,
      ]),
    ) as { pid: number; started: string };
    await makeFile(temporaryNameOf({ pid: String(pid), started: started }));
    expect(await afterSweep()).toEqual([]);
  });

  it.runIf(isRoot)('of another user is kept', async () => {
    const name = temporaryNameOf({ pid: String(UNUSED_PID) });
    await makeFile(name, 5);
    await chown(join(directory, name), 65_534, 65_534);
    expect(await afterSweep()).toEqual([name]);
  });
});

describe('a temporary directory', () => {
  it('of an unknown process is kept while a file in it changes', async () => {
    for (const [name, age] of [
      ['.multiarch-tmp-busy', 0.9],
      ['.multiarch-tmp-idle', 1.1],
    ] as const) {
      await mkdir(join(directory, name));
      await makeFile(join(name, 'large'), age);
      await utimes(join(directory, name), hoursAgo(5), hoursAgo(5));
    }
    expect(await afterSweep()).toEqual(['.multiarch-tmp-busy']);
  });

  it('of a process that has exited is removed with all its files', async () => {
    const name = temporaryNameOf({ pid: String(UNUSED_PID) });
    await mkdir(join(directory, name, 'blobs', 'sha256'), { recursive: true });
    await makeFile(join(name, 'blobs', 'sha256', 'abc'));
    expect(await afterSweep()).toEqual([]);
  });

  it.runIf(process.platform !== 'win32')('is not one if it is a link, whose target is kept', async () => {
    const outside = await temporaryDirectory();
    await writeFile(join(outside, 'precious'), '');
    await symlink(outside, join(directory, temporaryNameOf({ pid: String(UNUSED_PID) })));
    expect(await afterSweep()).toEqual([]);
    expect(await readdir(outside)).toEqual(['precious']);
  });
});

describe('a lock', () => {
  const lockOf = async (name: string, pid: number): Promise<void> => {
    await mkdir(join(directory, name));
    const holder = JSON.stringify({ ...currentProcess(), pid });
    await writeFile(join(directory, name, '0123456789abcdef'), holder);
  };

  it('of a process that has exited is removed, if its name is that of a lock', async () => {
    await lockOf('file.lock', UNUSED_PID);
    await lockOf('other.lock', UNUSED_PID);
    expect(await afterSweep()).toEqual(['other.lock']);
  });

  it('of a running process is kept', async () => {
    await lockOf('file.lock', process.pid);
    expect(await afterSweep()).toEqual(['file.lock']);
  });
});

it('goes on after what cannot be removed', async () => {
  await writeFile(join(directory, 'file.lock'), 'the lock file of another program');
  await makeFile(temporaryNameOf({ pid: String(UNUSED_PID) }));
  expect(await afterSweep()).toEqual(['file.lock']);
});

it('ignores a missing directory', async () => {
  await expect(sweep(join(directory, 'none'))).resolves.toBeUndefined();
});
