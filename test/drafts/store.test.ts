import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeEach, describe, expect, it, vi } from 'vitest';

import { annotateIndex } from '../../src/drafts/annotate.js';
import type { Draft } from '../../src/drafts/draft.js';
import { addEntries, createDraft } from '../../src/drafts/edits.js';
import { draftFileName } from '../../src/drafts/file-name.js';
import { DraftStore } from '../../src/drafts/store.js';
import { withLock } from '../../src/files/lock.js';
import { InvalidError, NotFoundError } from '../../src/oci/errors.js';
import { at, image } from '../support/drafts.js';
import { failureOf } from '../support/failure.js';
import { leaveLeftovers } from '../support/leftovers.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const app = at('app:1');
const appName = 'docker.io/library/app:1';
const draft = addEntries(createDraft(app), at('app:1-amd64'), [image('amd64', 'linux/amd64')]);

let root: string;
let directory: string;
let store: DraftStore;
let path: string;

beforeEach(async () => {
  root = await temporaryDirectory();
  directory = join(root, 'state', 'drafts');
  store = new DraftStore(directory);
  path = join(directory, draftFileName(appName));
});

const save = (value: Draft = draft, target = app): Promise<Draft> => store.update(target, () => value);

describe('update', () => {
  it('creates the directory and saves a draft that load returns', async () => {
    expect(await save()).toBe(draft);
    expect(await store.load(app)).toEqual(draft);
    expect(await store.load(at('docker://index.docker.io/library/app:1'))).toEqual(draft);
    expect(await readdir(directory)).toEqual([draftFileName(appName)]);
  });

  it('writes indented JSON', async () => {
    await save(createDraft(app));
    expect(await readFile(path, 'utf8')).toBe(
      `{\n  "version": 1,\n  "target": "${appName}",\n  "format": "auto",\n  "entries": []\n}\n`,
    );
  });

  it('passes the current draft to the edit', async () => {
    const edit = vi.fn((current: Draft | undefined) => current ?? draft);
    await store.update(app, edit);
    await store.update(app, edit);
    expect(edit.mock.calls).toEqual([[undefined], [draft]]);
  });

  it('removes the draft if the edit returns undefined', async () => {
    await save();
    expect(await store.update(app, () => undefined)).toBeUndefined();
    expect(await store.find(app)).toBeUndefined();
    await store.update(app, () => undefined);
    expect(await readdir(directory)).toEqual([]);
  });

  it('keeps the old draft if the edit throws', async () => {
    await save();
    const edit = store.update(app, () => {
      throw new NotFoundError('from the edit');
    });
    await expect(edit).rejects.toThrow('from the edit');
    expect(await store.load(app)).toEqual(draft);
    expect(await readdir(directory)).toEqual([draftFileName(appName)]);
  });

  it('loses no edit of many at the same time', async () => {
    await Promise.all(
      Array.from({ length: 25 }, (_, number) =>
        store.update(app, (current = draft) => annotateIndex(current, { annotations: { [number]: 'x' } })),
      ),
    );
    expect(Object.keys((await store.load(app)).annotations ?? {})).toHaveLength(25);
  });

  it('saves an image without a platform, which annotate may set', async () => {
    const odd = addEntries(createDraft(app), at('app:odd'), [image('none')]);
    await save(odd);
    expect(await store.load(app)).toEqual(odd);
  });

  it('does not save an invalid draft', async () => {
    await save();
    const broken = addEntries(draft, at('app:2'), [image('x', 'linux/amd64', { size: -1 })]);
    await expect(save(broken)).rejects.toThrow(
      expect.objectContaining({
        name: 'InvalidError',
        message: expect.stringContaining(
          `the draft ${appName} is not valid: /entries/1/descriptor/size`,
        ) as string,
      }),
    );
    await expect(save(createDraft(at('app:2')))).rejects.toThrow(
      'cannot be saved as docker.io/library/app:1',
    );
    expect(await store.load(app)).toEqual(draft);
  });

  it('can be cancelled while it waits', async () => {
    await save();
    await withLock(`${path}.lock`, async () => {
      const signal = AbortSignal.timeout(10);
      await expect(store.update(app, () => draft, { signal })).rejects.toMatchObject({ kind: 'cancelled' });
      await expect(store.remove(app, { signal })).rejects.toMatchObject({ kind: 'cancelled' });
    });
    expect(await store.load(app)).toEqual(draft);
  });

  it('waits for another holder for the given time', async () => {
    await save();
    await withLock(`${path}.lock`, async () => {
      const impatient = new DraftStore(directory, { holderTimeout: 10 });
      await expect(impatient.update(app, () => draft)).rejects.toMatchObject({
        name: 'ConflictError',
        message: expect.stringContaining(`${path}.lock is locked by process ${process.pid} on `) as string,
      });
      // Readers do not wait.
      expect(await impatient.load(app)).toEqual(draft);
    });
  });

  describe('finds that its lock was removed by hand', () => {
    const lost = {
      name: 'FailedError',
      message: expect.stringContaining('its lock was removed while it was held') as string,
    };

    it('and saves nothing', async () => {
      await save();
      const update = store.update(app, () => {
        rmSync(`${path}.lock`, { recursive: true });
        return { ...draft, format: 'oci' };
      });
      await expect(update).rejects.toMatchObject(lost);
      expect(await store.load(app)).toEqual(draft);
      expect(await readdir(directory)).toEqual([draftFileName(appName)]);
    });

    it('and saves nothing over what the next holder saved', async () => {
      await save();
      const update = store.update(app, () => {
        // The state after the next holder has taken the lock.
        rmSync(`${path}.lock`, { recursive: true });
        mkdirSync(`${path}.lock`);
        writeFileSync(join(`${path}.lock`, 'next'), '');
        return { ...draft, format: 'oci' };
      });
      await expect(update).rejects.toMatchObject(lost);
      expect(await store.load(app)).toEqual(draft);
      expect(await readdir(`${path}.lock`)).toEqual(['next']);
    });
  });
});

describe('load, find and has', () => {
  it('report a missing draft as docker does', async () => {
    await expect(store.load(app)).rejects.toThrow(
      expect.objectContaining({ name: 'NotFoundError', message: `No such manifest: ${appName}` }),
    );
    expect(await store.find(app)).toBeUndefined();
  });

  it('treat null in a descriptor as absent', async () => {
    const text = JSON.stringify(draft).replace('"size":', '"urls":null,"annotations":null,"size":');
    await save();
    await writeFile(path, text);
    expect(text).toContain('null');
    expect(await store.load(app)).toEqual(draft);
  });

  it('report whether a draft exists, even a damaged one', async () => {
    expect(await store.has(app)).toBe(false);
    await save();
    await writeFile(path, '{');
    expect(await store.has(app)).toBe(true);
  });

  it('do not create the directory', async () => {
    await store.find(app);
    await store.has(app);
    await store.list();
    await expect(store.remove(app)).rejects.toThrow(NotFoundError);
    await store.removeAll();
    expect(await readdir(root)).toEqual([]);
  });
});

describe('remove', () => {
  it('leaves an empty directory', async () => {
    await save();
    await store.remove(app);
    expect(await readdir(directory)).toEqual([]);
    await expect(store.remove(app)).rejects.toThrow(`No such manifest: ${appName}`);
  });

  it('removes a damaged draft', async () => {
    await save();
    await writeFile(path, 'garbage');
    await store.remove(app);
    expect(await readdir(directory)).toEqual([]);
  });

  it('reports that another process was faster', async () => {
    await save();
    const removals = await Promise.allSettled([store.remove(app), store.remove(app), store.remove(app)]);
    expect(removals.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
  });
});

describe('removeAll', () => {
  it('removes all drafts, even damaged ones, and nothing else', async () => {
    await save();
    await writeFile(path, 'garbage');
    await save(createDraft(at('app:2')), at('app:2'));
    const long = at(`example.com/${'long/'.repeat(40)}app:1`);
    await save(createDraft(long), long);
    await writeFile(join(directory, 'package.json'), '{}');
    await writeFile(join(directory, 'notes.txt'), 'mine');
    await store.removeAll();
    expect(await readdir(directory)).toEqual(['notes.txt', 'package.json']);
    expect(await store.list()).toMatchObject({ drafts: [], damaged: [] });
  });
});

describe('list', () => {
  it('sorts the drafts by name', async () => {
    const targets = ['b:1', 'a:2', 'a:10', 'localhost:5000/z:1', 'a:V1', 'a:v1'].map(at);
    for (const target of targets) await save(createDraft(target), target);
    const { drafts, damaged } = await store.list();
    expect(drafts.map(({ target }) => target)).toEqual([
      'docker.io/library/a:10',
      'docker.io/library/a:2',
      'docker.io/library/a:V1',
      'docker.io/library/a:v1',
      'docker.io/library/b:1',
      'localhost:5000/z:1',
    ]);
    expect(damaged).toEqual([]);
  });

  it('includes a draft whose file name is cut', async () => {
    const long = at(`example.com/${'long/'.repeat(40)}app:1`);
    await save(createDraft(long), long);
    expect((await store.list()).drafts).toEqual([createDraft(long)]);
    expect(await store.load(long)).toEqual(createDraft(long));
  });

  it('reports the path and name of a damaged draft', async () => {
    await save();
    await save(createDraft(at('app:2')), at('app:2'));
    await writeFile(path, '{"version":1');
    const { drafts, damaged } = await store.list();
    expect(drafts.map(({ target }) => target)).toEqual(['docker.io/library/app:2']);
    expect(damaged).toEqual([
      { path, target: appName, problem: expect.stringContaining('is not JSON') as string },
    ]);
  });
});

describe('a damaged draft', () => {
  const text = JSON.stringify(draft);
  const { version: _, ...unversioned } = draft;

  it.each([
    ['nothing', '', /is not JSON/],
    ['half of it', text.slice(0, text.length / 2), /is not JSON: line 1, column \d+/],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00]), /is not UTF-8/],
    ['something else in JSON', '[]', /must be an object/],
    ['no version', JSON.stringify(unversioned), /version/],
    ['an older version', JSON.stringify({ ...draft, version: 0 }), /\/version/],
    ['a version that is none', JSON.stringify({ ...draft, version: '2' }), /\/version/],
    ['an unknown member', JSON.stringify({ ...draft, more: 1 }), /more/],
    ['a duplicate member', text.replace('{', '{"version":1,'), /is a duplicate member/],
    ['a digest that is none', text.replaceAll('sha256:', 'sha256:0'), /\/entries\/0\/descriptor\/digest/],
    [
      'another target',
      JSON.stringify({ ...draft, target: 'docker.io/library/app:2' }),
      /\/target is docker.io\/library\/app:2/,
    ],
  ])('with %s is reported with a remedy', async (_name, content, problem) => {
    await save();
    await writeFile(path, content);
    const error = await failureOf(store.load(app), InvalidError);
    expect(error.message).toContain(path);
    expect(error.message).toMatch(problem);
    expect(error.problems).not.toEqual([]);
    expect(error.hint).toContain(`\`multiarch rm ${appName}\``);
    // Nothing that would write over it is done either.
    await expect(save()).rejects.toThrow(InvalidError);
    expect(await readFile(path)).toEqual(Buffer.from(content));
  });

  it('of a newer version requires a newer multiarch', async () => {
    await save();
    await writeFile(path, JSON.stringify({ version: 2, whatever: true }));
    const error = await failureOf(store.load(app), InvalidError);
    expect(error.message).toBe(`the draft in ${path} was written by a newer multiarch`);
    expect(error.hint).toContain('The file has format version 2, but this release reads version 1');
  });

  it('whose file has the name of another draft is rejected', async () => {
    await save();
    const other = join(directory, draftFileName('docker.io/library/app:2'));
    await rename(path, other);
    expect((await failureOf(store.load(at('app:2')), InvalidError)).message).toContain(other);
    expect((await store.list()).damaged.map((each) => each.path)).toEqual([other]);
  });

  it('whose file has the wrong hashed name is rejected', async () => {
    await save();
    const long = join(directory, draftFileName(`example.com/${'long/'.repeat(40)}app:1`));
    await rename(path, long);
    const { damaged } = await store.list();
    expect(damaged).toEqual([{ path: long, problem: expect.stringContaining('/target') as string }]);
  });
});

describe('a failing disk', () => {
  it('is reported with its path if the directory is a file', async () => {
    await writeFile(join(root, 'state'), '');
    await expect(save()).rejects.toMatchObject({
      name: 'FailedError',
      message: `cannot create ${directory}: a part of the path is not a directory`,
      hint: expect.stringContaining('--store') as string,
    });
    await expect(store.find(app)).rejects.toMatchObject({
      name: 'FailedError',
      message: expect.stringContaining(path) as string,
    });
    await expect(store.list()).rejects.toMatchObject({
      name: 'FailedError',
      message: expect.stringContaining(directory) as string,
    });
  });

  it('does not hide the other drafts when one cannot be read', async () => {
    await save();
    await mkdir(join(directory, draftFileName('docker.io/library/app:2')));
    const { drafts, damaged } = await store.list();
    expect(drafts).toEqual([draft]);
    expect(damaged).toMatchObject([{ target: 'docker.io/library/app:2' }]);
  });
});

it('saves no draft that it could not read again', async () => {
  await save();
  const [entry] = draft.entries;
  if (entry === undefined) throw new Error('the draft has no entry');
  const entries = Array.from({ length: 80_000 }, () => entry);
  await expect(store.update(app, () => ({ ...draft, entries }))).rejects.toThrow(/has too many entries/);
  expect(await store.load(app)).toEqual(draft);
});

describe('the leftovers of killed processes', () => {
  const other = draftFileName('docker.io/library/other:1');

  it.each<[string, () => Promise<unknown>]>([
    ['list', () => store.list()],
    ['find', () => store.find(app)],
    ['update', () => store.update(app, () => ({ ...draft, format: 'oci' }))],
    ['remove', () => store.remove(app)],
    ['removeAll', () => store.removeAll()],
    ['an update of another draft', () => store.update(at('b:1'), () => undefined)],
  ])('are removed by %s, and nothing else is', async (_, access) => {
    await save();
    store = new DraftStore(directory);
    const own = new Set(await readdir(directory));
    await leaveLeftovers(directory, [`${draftFileName(appName)}.lock`, `${other}.lock`]);
    const others = ['work.tmp', 'a.json.lock', `${other}.tmp`];
    for (const name of others) await mkdir(join(directory, name));
    await access();
    const left = await readdir(directory);
    expect(left).toEqual(expect.arrayContaining(others));
    expect(left.filter((name) => !others.includes(name) && !own.has(name))).toEqual([]);
  });
});
