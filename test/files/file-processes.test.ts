import { spawnSync } from 'node:child_process';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { replaceFile } from '../../src/files/atomic-write.js';
import { withLock } from '../../src/files/lock.js';
import { MODES } from '../../src/files/make-directory.js';
import { sweep } from '../../src/files/sweep.js';
import { makeFileProcesses, type FileJob, type FileProcesses } from '../support/file-process.js';
import { run } from '../support/run.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

let processes: FileProcesses;
let directory: string;
let path: string;

beforeAll(async () => {
  processes = await makeFileProcesses();
});
afterAll(() => processes.remove());
beforeEach(async () => {
  directory = await temporaryDirectory();
  path = join(directory, 'file');
  await writeFile(path, 'before\n');
});

const lines = async (): Promise<string[]> => (await readFile(path, 'utf8')).trimEnd().split('\n');

/** Lines for each of some processes to write, no two the same. */
const texts = (name: string, count: number, each: number): string[][] =>
  numbers(count).map((process) => numbers(each).map((edit) => `${name} ${process}-${edit}\n`));

const quoted = (command: readonly string[]): string[] =>
  command.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`);

const trimmed = (pieces: readonly string[][]): string[] => pieces.flat().map((piece) => piece.trimEnd());

describe('many processes that edit one file under its lock', () => {
  it('lose no edit, even after the holder of the lock was killed', async () => {
    const { calls } = await processes.finish({ path, pieces: ['killed\n'], as: 'edits' });
    const killBefore = calls.indexOf('sync') + 1;
    await processes.start({ path, pieces: ['killed\n'], as: 'edits', killBefore });
    expect((await readdir(directory)).toSorted()).toEqual(['file', 'file.lock']);

    const each = texts('line', 8, 5);
    await Promise.all(each.map((pieces) => processes.finish({ path, pieces, as: 'edits' })));
    expect((await lines()).toSorted()).toEqual(['before', 'killed', ...trimmed(each)].toSorted());
    expect(await readdir(directory)).toEqual(['file']);
  });

  it('lose no edit while others are killed at every step', async () => {
    const each = texts('line', 6, 4);
    const doomed = texts('doomed', 12, 1).map((pieces, process): FileJob => ({
      path,
      pieces,
      as: 'edits',
      killBefore: 6 + process,
    }));
    const [, killed] = await Promise.all([
      Promise.all(each.map((pieces) => processes.finish({ path, pieces, as: 'edits' }))),
      Promise.all(doomed.map((job) => processes.start(job))),
    ]);
    expect(killed.map(({ signal }) => signal)).toContain('SIGKILL');
    const written = await lines();
    expect(written).toEqual(expect.arrayContaining(trimmed(each)));
    expect(new Set(written)).toHaveLength(written.length);
  });
});

/** Reports whether a program can be run with this prefix, for which most containers have no rights. */
const canRun = (prefix: readonly string[]): boolean =>
  spawnSync(prefix[0] ?? '', [...prefix.slice(1), 'true'], { stdio: 'ignore' }).status === 0;

describe('two processes that see different numbers of processes or times', () => {
  it.for([
    // Both are in a PID namespace, and `/proc` is that of another one.
    ['the same PID namespace without its /proc', ['unshare', '--pid', '--fork'], []],
    ['different time namespaces', [], ['unshare', '--time', '--boottime', '5000', '--fork']],
    ['different PID namespaces', [], ['unshare', '--pid', '--fork', '--mount-proc']],
  ] as const)('do not break the lock of each other: %s', async ([, both, second], { skip }) => {
    const prefixes = [both, second].filter((prefix) => prefix.length > 0);
    if (!prefixes.every(canRun)) skip('namespaces cannot be created');
    const [first = [], other = []] = texts('line', 2, 40);
    const commands = [first, other].map((pieces) => processes.commandLine({ path, pieces, as: 'edits' }));
    const [one = [], two = []] = commands.map(quoted);
    const script = `${one.join(' ')} & ${[...second, ...two].join(' ')}; code=$?; wait $! && exit $code`;
    const { code, stdout, stderr } = await run('sh', ['-c', 'exec "$@"', 'sh', ...both, 'sh', '-c', script]);
    expect(code, stdout + stderr).toBe(0);
    expect((await lines()).toSorted()).toEqual(['before', ...trimmed([first, other])].toSorted());
  });
});

describe.each(['edits', 'stream'] as const)('a process that is killed while it writes (%s)', (as) => {
  it('leaves the complete old or new content at every step, and blocks no other process', async () => {
    const pieces = as === 'edits' ? ['killed\n'] : ['before\n', 'kil', 'led\n'];
    const { calls } = await processes.finish({ path, pieces, as });
    // Each step that matters is among those that are tried below.
    expect(calls).toEqual(expect.arrayContaining(['open', 'writeFile', 'sync', 'rename']));
    const survived: boolean[] = [];
    for (const step of numbers(calls.length)) {
      await writeFile(path, 'before\n');
      const { signal } = await processes.start({ path, pieces, as, killBefore: step + 1 });
      expect(signal, `before call ${step + 1}, ${calls[step]}`).toBe('SIGKILL');
      const left = await readFile(path, 'utf8');
      survived.push(left !== 'before\n');
      expect(left).toBe(survived.at(-1) === true ? 'before\nkilled\n' : 'before\n');

      await withLock(`${path}.lock`, (scratch) =>
        replaceFile(path, scratch, 'after', { mode: MODES.sharedFile }),
      );
      expect(await readFile(path, 'utf8')).toBe('after');
      await sweep(directory);
      expect(await readdir(directory)).toEqual(['file']);
    }
    // Saved by one step, and by all that come after it.
    expect(survived).toEqual(survived.toSorted((a, b) => Number(a) - Number(b)));
    expect(new Set(survived)).toEqual(new Set([false, true]));
  });
});

describe('a failing disk', () => {
  it.runIf(process.platform !== 'win32').each(['edits', 'stream'] as const)(
    'leaves the file as it was when the end cannot be written (%s)',
    async (as) => {
      // A limit on the size of files, two blocks of 512 bytes, stands in for a full disk, which needs a file system of
      // its own: the first kilobyte is written, and the rest is refused.
      const job: FileJob = { path, pieces: ['x'.repeat(4000)], as };
      const command = processes.commandLine(job);
      const { stdout, stderr } = await run('sh', ['-c', 'ulimit -f 2 && exec "$@"', 'sh', ...command]);
      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toMatchObject({ code: 'EFBIG' });
      expect(await readFile(path, 'utf8')).toBe('before\n');
      expect(await readdir(directory)).toEqual(['file']);
    },
  );
});
