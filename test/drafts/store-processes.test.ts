import { chmod, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { amendSource, createDraft } from '../../src/drafts/edits.js';
import { draftFileName } from '../../src/drafts/file-name.js';
import { DraftStore } from '../../src/drafts/store.js';
import { at, image, labels } from '../support/drafts.js';
import { leaveDeadLock } from '../support/leftovers.js';
import { run } from '../support/run.js';
import { makeStoreProcesses, type StoreProcesses } from '../support/store-process.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const target = 'example.com/app:1';
const file = draftFileName(target);
const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

let processes: StoreProcesses;
let directory: string;
let store: DraftStore;

beforeAll(async () => {
  processes = await makeStoreProcesses();
});
afterAll(() => processes.remove());
beforeEach(async () => {
  directory = await temporaryDirectory();
  store = new DraftStore(directory);
});

/** One more source for the draft, from this process. */
const save = (source: string): Promise<unknown> =>
  store.update(at(target), (draft) =>
    amendSource(draft ?? createDraft(at(target)), at(source), [image(source, 'linux/arm64')]),
  );

describe('many processes at once', () => {
  it('lose no edit when they amend the same draft, even after a holder of the lock died', async () => {
    await leaveDeadLock(join(directory, `${file}.lock`));
    const names = numbers(10).map((process) => numbers(5).map((update) => `app:${process}-${update}`));
    await Promise.all(names.map((sources) => processes.finish({ directory, target, sources })));
    const { entries } = await store.load(at(target));
    expect(entries).toHaveLength(50);
    expect(new Set(labels({ entries }))).toEqual(new Set(names.flat()));
    expect(await readdir(directory)).toEqual([file]);
  });

  it('do not affect each other with different drafts, one of them damaged', async () => {
    const broken = join(directory, draftFileName('example.com/broken:1'));
    await writeFile(broken, '{"version": 1, "tar');
    const targets = numbers(8).map((process) => `example.com/app:${process}`);
    await Promise.all(
      targets.map((each) => processes.finish({ directory, target: each, sources: ['app:a', 'app:b'] })),
    );
    const { drafts, damaged } = await store.list();
    expect(drafts.map((draft) => [draft.target, labels(draft)])).toEqual(
      targets.map((each) => [each, ['app:a', 'app:b']]),
    );
    expect(damaged.map(({ path }) => path)).toEqual([broken]);
    expect(await readFile(broken, 'utf8')).toBe('{"version": 1, "tar');
  });
});

describe('a process that is killed', () => {
  it('leaves a complete draft at every step of an update, and does not block the next one', async () => {
    await save('app:before');
    const before = await readFile(join(directory, file));
    const { calls } = await processes.finish({ directory, target, sources: ['app:killed'] });
    // Each step that matters is among those that are tried below.
    expect(calls).toEqual(
      expect.arrayContaining(['mkdir', 'open', 'writeFile', 'sync', 'rename', 'rm', 'rmdir']),
    );
    const survived: boolean[] = [];
    for (const step of numbers(calls.length)) {
      await writeFile(join(directory, file), before);
      const job = { directory, target, sources: ['app:killed'], killBefore: step + 1 };
      expect((await processes.start(job)).signal, `before call ${step + 1}, ${calls[step]}`).toBe('SIGKILL');

      const { drafts, damaged } = await store.list();
      expect(damaged).toEqual([]);
      const draft = drafts.flatMap(labels);
      survived.push(draft.includes('app:killed'));
      expect(draft).toEqual(survived.at(-1) === true ? ['app:before', 'app:killed'] : ['app:before']);

      await save('app:after');
      expect(labels(await store.load(at(target)))).toEqual([...draft, 'app:after']);
      expect(await readdir(directory)).toEqual([file]);
    }
    // Saved by one step, and by all that come after it.
    expect(survived).toEqual(survived.toSorted((a, b) => Number(a) - Number(b)));
    expect(new Set(survived)).toEqual(new Set([false, true]));
  });
});

describe('a failing disk', () => {
  it('keeps the old draft if the file cannot be written completely', async () => {
    await processes.finish({ directory, target, sources: ['app:a'] });
    const before = await readFile(join(directory, file));
    // A limit on the size of files, two blocks of 512 bytes, stands in for a full disk, which needs a file system of its
    // own: the first kilobyte is written, and the rest is refused.
    const job = { directory, target, sources: ['app:b'], ballast: 4000 };
    const { stdout, stderr } = await run('sh', [
      '-c',
      'ulimit -f 2 && exec "$@"',
      'sh',
      ...processes.commandLine(job),
    ]);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      error: {
        name: 'FailedError',
        message: `cannot write ${join(directory, file)}: the file size limit is reached`,
        hint: expect.stringContaining('Free some disk space') as string,
      },
    });
    expect(await readFile(join(directory, file))).toEqual(before);
    expect(await readdir(directory)).toEqual([file]);
  });

  it('reports a read-only directory', async () => {
    await processes.finish({ directory, target, sources: ['app:a'] });
    const before = await readFile(join(directory, file));
    await chmod(directory, 0o555);
    // Permissions do not hold root back, so then the process runs as the user `nobody`.
    const user =
      process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
    const [command = '', ...args] = [
      ...user,
      ...processes.commandLine({ directory, target, sources: ['app:b'] }),
    ];
    const { stdout, stderr } = await run(command, args);
    await chmod(directory, 0o755);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      error: {
        name: 'FailedError',
        message: `cannot lock ${join(directory, file)}.lock: permission denied`,
        hint: expect.stringContaining('--store') as string,
      },
    });
    expect(await readFile(join(directory, file))).toEqual(before);
  });
});
