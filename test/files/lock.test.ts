import { EventEmitter, once } from 'node:events';
import { mkdir, readFile, readdir, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';

import { beforeEach, describe, expect, it, vi } from 'vitest';

import { lockPathOf, releaseAbandonedLock, withLock, type Scratch } from '../../src/files/lock.js';
import * as holders from '../../src/files/process-identity.js';
import { CancelledError, ConflictError } from '../../src/oci/errors.js';
import { failureOf } from '../support/failure.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

// The real function, but a test may act between the check of a holder and its result.
vi.mock(import('../../src/files/process-identity.js'), async (original) => {
  const actual = await original();
  return { ...actual, processStatus: vi.fn(actual.processStatus) };
});

const dead = 'dead00000000dead';
/** The ID of a holder that may be running. */
const unknown = '0de7000000000000';
let directory: string;
let path: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
  path = join(directory, 'draft.json.lock');
});

const content = (): Promise<string[]> => readdir(directory, { recursive: true });

/** Creates a lock of another holder. */
async function putLock(id: string, text: string): Promise<void> {
  await mkdir(path);
  await writeFile(join(path, id), text);
}

/** The lock of a process that is no more. */
async function putDeadLock(): Promise<void> {
  await putLock(dead, JSON.stringify({ ...holders.currentProcess(), pid: 0x7f_ff_ff_ff }));
}

interface Deferred {
  readonly promise: Promise<unknown>;
  readonly resolve: () => void;
}

function deferred(): Deferred {
  const gate = new EventEmitter();
  return { promise: once(gate, 'open'), resolve: () => gate.emit('open') };
}

const never = (): Promise<never> => Promise.reject(new Error('this must not be reached'));
/** Gives up on a holder as soon as may be. */
const impatient = { sleep: (): Promise<void> => Promise.resolve() };
/** What the lock of another machine says. */
const elsewhere = '{"pid":2147483647,"host":"build-7","boot":"other"}';

describe('withLock', () => {
  it('returns the result of the work and leaves no files', async () => {
    expect(await withLock(path, () => Promise.resolve(7))).toBe(7);
    expect(await content()).toEqual([]);
  });

  it('is released with its scratch file if the work fails', async () => {
    const work = withLock(path, async (scratch) => {
      await writeFile(scratch.path, 'half');
      throw new Error('from the work');
    });
    await expect(work).rejects.toThrow('from the work');
    expect(await content()).toEqual([]);
  });

  it('admits one holder at a time', async () => {
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((done) => setImmediate(done));
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 20 }, () => withLock(path, work)));
    expect(most).toBe(1);
    expect(await content()).toEqual([]);
  });

  it('describes its holder', async () => {
    await withLock(path, async () => {
      const [id = ''] = await readdir(path);
      const holder = holders.parseProcessIdentity(await readFile(join(path, id), 'utf8'));
      expect(holder).toEqual(holders.currentProcess());
    });
  });

  it('gives each holder a scratch file of its own in the lock', async () => {
    const scratchOf = (): Promise<Scratch> => withLock(path, (scratch) => Promise.resolve(scratch));
    const [one, two] = [await scratchOf(), await scratchOf()];
    expect(one.path).not.toBe(two.path);
    expect([one.path, one.holder].map((file) => dirname(file))).toEqual([path, path]);
  });

  it.runIf(process.platform !== 'win32')('can be opened by its user only, whatever the umask', async () => {
    await withLock(path, async ({ holder }) => {
      expect((await stat(path)).mode & 0o777).toBe(0o700);
      expect((await stat(holder)).mode & 0o777).toBe(0o600);
    });
  });

  it.runIf(process.platform !== 'win32')('is not read through a symbolic link', async () => {
    const outside = await temporaryDirectory();
    await putDeadLock();
    await rename(path, join(outside, 'lock'));
    await symlink(join(outside, 'lock'), path);
    await expect(withLock(path, never, impatient)).rejects.toMatchObject({
      name: 'FailedError',
      message: `cannot lock ${path}: it is a symbolic link`,
    });
    expect(await readdir(join(outside, 'lock'))).toEqual([dead]);
  });

  it('is not released for a dead holder whose file has another name', async () => {
    await putLock('notes', JSON.stringify({ ...holders.currentProcess(), pid: 0x7f_ff_ff_ff }));
    await expect(withLock(path, never, impatient)).rejects.toThrow(`${path} is locked by process 2147483647`);
    expect(await content()).toContain('draft.json.lock/notes');
  });

  it('takes over from a dead process and removes its files', async () => {
    await putDeadLock();
    await writeFile(join(path, `${dead}.new`), 'half');
    expect(await withLock(path, () => content())).not.toContain(`draft.json.lock/${dead}`);
    expect(await content()).toEqual([]);
  });

  it('takes over from a process that was killed while releasing the lock', async () => {
    await mkdir(path);
    await withLock(path, () => Promise.resolve());
    await mkdir(path);
    await writeFile(join(path, `${dead}.new`), 'half');
    await withLock(path, () => Promise.resolve());
    expect(await content()).toEqual([]);
  });

  it('does not remove a lock that was taken after the dead holder was detected', async () => {
    await putDeadLock();
    const taken = deferred();
    const release = deferred();
    const actual = vi.mocked(holders.processStatus).getMockImplementation();
    let fast: Promise<void> | undefined;
    let inside = 0;
    const enter = (): void => {
      inside += 1;
      expect(inside).toBe(1);
    };
    vi.mocked(holders.processStatus).mockImplementationOnce(async (holder, me) => {
      // The slow one has seen the dead lock. Before it acts, the fast one takes the lock over and keeps it.
      fast = withLock(path, async () => {
        enter();
        taken.resolve();
        await release.promise;
        inside -= 1;
      });
      await taken.promise;
      return actual?.(holder, me) ?? 'exited';
    });
    const slow = withLock(path, () => Promise.resolve(enter()));
    await taken.promise;
    // The slow one tries to free the dead lock, then finds the fast one's, which is alive, again and again.
    const looks = vi.mocked(holders.processStatus).mock.calls.length;
    await expect
      .poll(() => vi.mocked(holders.processStatus).mock.calls.length, { timeout: 10_000 })
      .toBeGreaterThan(looks + 2);
    release.resolve();
    await Promise.all([fast, slow]);
    expect(inside).toBe(1);
    expect(await content()).toEqual([]);
  });

  it('does not wait for a dead holder', async () => {
    await putDeadLock();
    expect(await withLock(path, () => Promise.resolve('in'), { sleep: never })).toBe('in');
  });

  it('keeps other files in the directory', async () => {
    await mkdir(path);
    await writeFile(join(path, 'notes.new'), 'mine');
    await expect(withLock(path, never, impatient)).rejects.toThrow('is locked by another program');
    expect(await content()).toContain('draft.json.lock/notes.new');
  });

  describe('gives up', () => {
    it('on a holder that keeps the lock, and names its process', async () => {
      await withLock(path, async () => {
        const error = await failureOf(withLock(path, never, impatient));
        expect(error).toBeInstanceOf(ConflictError);
        expect(error).toMatchObject({
          message: `${path} is locked by process ${process.pid} on ${hostname()}`,
          hint: expect.stringContaining('remove the lock') as string,
        });
      });
      expect(await content()).toEqual([]);
    });

    it.each([
      [undefined, 30_000],
      [100, 100],
    ])('after a timeout of %s milliseconds when it has waited %i', async (timeout, milliseconds) => {
      const waits: number[] = [];
      const sleep = async (pause: number): Promise<void> => void waits.push(pause);
      await putLock('other00000000000', elsewhere);
      await expect(withLock(path, never, { holderTimeout: timeout, sleep })).rejects.toThrow(ConflictError);
      const waited = waits.reduce((sum, pause) => sum + pause, 0);
      expect(waited).toBeGreaterThanOrEqual(milliseconds);
      expect(waited - (waits.at(-1) ?? 0)).toBeLessThan(milliseconds);
    });

    it('on a process of another machine, which may be running', async () => {
      await putLock('other00000000000', elsewhere);
      await expect(withLock(path, never, impatient)).rejects.toThrow(
        `${path} is locked by process 2147483647 on build-7`,
      );
      expect(await content()).toEqual(['draft.json.lock', 'draft.json.lock/other00000000000']);
    });

    it('on a running process of this machine', async () => {
      const { pid, host, boot, namespace } = { ...holders.currentProcess(), pid: process.ppid };
      await putLock('other00000000000', JSON.stringify({ pid, host, boot, namespace }));
      await expect(withLock(path, never, impatient)).rejects.toThrow(
        `is locked by process ${process.ppid} on `,
      );
    });

    it.each(['', 'not JSON', '{"pid":0}'])('on a lock whose file contains %j', async (text) => {
      await putLock(unknown, text);
      await expect(withLock(path, never, impatient)).rejects.toThrow(`${path} is locked by another program`);
      expect(await content()).toEqual(['draft.json.lock', `draft.json.lock/${unknown}`]);
    });

    it('but not while the holders change', async () => {
      let hand = 0;
      await putLock('hand-0', elsewhere);
      const sleep = async (): Promise<void> => {
        // Each look finds another holder, more often than patience would last for one.
        if (hand < 300) await rename(join(path, `hand-${hand}`), join(path, `hand-${hand + 1}`));
        else await rm(path, { recursive: true });
        hand += 1;
      };
      expect(await withLock(path, () => Promise.resolve('mine'), { holderTimeout: 1, sleep })).toBe('mine');
      expect(hand).toBe(301);
    });
  });

  describe('on a process that is not known to run', () => {
    const { boot, namespace = '', ...here } = holders.currentProcess();
    /** In hours. */
    const makeOld = async (id: string, age: number): Promise<void> => {
      const then = Date.now() / 1000 - age * 3600;
      for (const file of [join(path, id), path]) await utimes(file, then, then);
    };

    it.each([
      ['another machine', elsewhere, 1.1, true],
      ['another machine', elsewhere, 0.9, false],
      ['another container', JSON.stringify({ ...here, boot, namespace: `${namespace}0` }), 1.1, true],
      ['another container', JSON.stringify({ ...here, boot, namespace: `${namespace}0` }), 0.9, false],
      ['a file that a power failure has damaged', '', 1.1, true],
      ['this machine, which runs', JSON.stringify(holders.currentProcess()), 5, process.platform !== 'linux'],
    ])('of %s: %s, unchanged for %d hours', async (_, text, age, isReleased) => {
      await putLock(unknown, text);
      await makeOld(unknown, age);
      const taken = await withLock(path, () => Promise.resolve('taken'), impatient).catch(() => 'locked');
      expect(taken).toBe(isReleased ? 'taken' : 'locked');
      expect(await content()).toHaveLength(isReleased ? 0 : 2);
    });

    it('but not while its scratch file changes', async () => {
      await putLock(unknown, elsewhere);
      await makeOld(unknown, 5);
      await writeFile(join(path, `${unknown}.new`), 'more');
      await expect(withLock(path, never, impatient)).rejects.toThrow('is locked by process');
    });

    it('but not a file of another program', async () => {
      await putLock('notes', elsewhere);
      await makeOld('notes', 5);
      await expect(withLock(path, never, impatient)).rejects.toThrow('is locked by process');
    });
  });

  it('stops waiting when it is cancelled', async () => {
    await putLock('other00000000000', elsewhere);
    const controller = new AbortController();
    const sleep = async (): Promise<void> => controller.abort();
    const waiting = withLock(path, never, { signal: controller.signal, sleep });
    await expect(waiting).rejects.toThrow(new CancelledError(`cancelled: lock ${path}`));
    expect(await content()).toEqual(['draft.json.lock', 'draft.json.lock/other00000000000']);
  });

  it('does not wait for the timer when it is cancelled', async () => {
    await withLock(path, async () => {
      const controller = new AbortController();
      const waiting = withLock(path, never, { signal: controller.signal });
      controller.abort();
      await expect(waiting).rejects.toThrow(CancelledError);
    });
    expect(await content()).toEqual([]);
  });

  it('is not taken if it was cancelled before', async () => {
    const work = vi.fn(() => Promise.resolve());
    await expect(withLock(path, work, { signal: AbortSignal.abort() })).rejects.toThrow(CancelledError);
    expect(work).not.toHaveBeenCalled();
  });

  it('reports a missing directory', async () => {
    const lost = join(directory, 'none', 'draft.json.lock');
    await expect(withLock(lost, () => Promise.resolve())).rejects.toMatchObject({
      name: 'FailedError',
      message: expect.stringContaining(`cannot lock ${lost}: a part of the path does not exist`) as string,
    });
  });

  it.runIf(process.platform !== 'win32')(
    'reports where it cannot be created, with the hint of the caller',
    async () => {
      await writeFile(join(directory, 'file'), '');
      const lock = join(directory, 'file', 'lock');
      const lockWith = (alternative?: string): Promise<never> => withLock(lock, never, { alternative });
      await expect(lockWith('use the other')).rejects.toMatchObject({
        name: 'FailedError',
        message: `cannot lock ${lock}: a part of the path is not a directory`,
        hint: 'Move that file away, or use the other.',
      });
      await expect(lockWith()).rejects.toMatchObject({
        hint: 'Move that file away, or choose another directory.',
      });
    },
  );
});

describe('releaseAbandonedLock', () => {
  it.each([
    ['releases the lock of a dead process', putDeadLock, []],
    ['removes an empty lock', () => mkdir(path), []],
    [
      'keeps the lock of another machine',
      () => putLock('other00000000000', elsewhere),
      ['draft.json.lock', 'draft.json.lock/other00000000000'],
    ],
    ['ignores a missing lock', () => Promise.resolve(), []],
  ])('%s', async (_, prepare, left) => {
    await prepare();
    await releaseAbandonedLock(path);
    expect(await content()).toEqual(left);
  });

  it('keeps a lock that is held', async () => {
    await withLock(path, async ({ holder }) => {
      await releaseAbandonedLock(path);
      expect(await readFile(holder, 'utf8')).toContain(String(process.pid));
    });
  });
});

describe('lockPathOf', () => {
  it.each([
    ['config.json', 'config.json.lock'],
    ['x'.repeat(250), `${'x'.repeat(250)}.lock`],
    ['x'.repeat(255), expect.stringMatching(/^[0-9a-f]{64}\.lock$/) as string],
    ['界'.repeat(85), expect.stringMatching(/^[0-9a-f]{64}\.lock$/) as string],
  ])('is beside the file, with a name that file systems allow: %s', async (name, lock) => {
    const found = lockPathOf(join(directory, name));
    expect(dirname(found)).toBe(directory);
    expect(basename(found)).toEqual(lock);
    expect(await withLock(found, () => Promise.resolve('held'))).toBe('held');
  });
});

describe('a wait for another holder', () => {
  it('is reported when it begins, after 5 s, and each time it has doubled, with the holder', async () => {
    await putLock(unknown, JSON.stringify({ pid: 4711, host: 'builder' }));
    const waits: unknown[] = [];
    let slept = 0;
    const sleep = async (milliseconds: number): Promise<void> => {
      slept += milliseconds;
      if (slept > 11_000) await rm(path, { recursive: true, force: true });
    };
    await withLock(path, async () => {}, {
      sleep,
      onWait: ({ holder, milliseconds, isOver }) => {
        waits.push([holder?.pid, Math.floor(milliseconds / 1000), isOver]);
      },
    });
    expect(waits).toEqual([
      [4711, 0, false],
      [4711, 5, false],
      [4711, 10, false],
      [undefined, 11, true],
    ]);
  });

  it('is not reported if the lock is free', async () => {
    const onWait = vi.fn();
    await withLock(path, async () => {}, { onWait });
    expect(onWait).not.toHaveBeenCalled();
  });
});
