import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import type { Multiarch } from '../../src/client/multiarch.js';
import { imagesOf, seedImages } from '../support/architectures.js';
import type { Answer, LoggedRequest } from '../support/fake-server.js';
import { startRegistry } from '../support/open-repository.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { openMultiarch } from '../support/test-multiarch.js';
import { tinyIndex } from '../support/tiny-image.mjs';

const images = imagesOf(2);
const [first, second] = [tinyIndex(images.slice(0, 1)), tinyIndex(images.slice(1, 2))];

type Next = () => Promise<Answer>;

/** The write at which a push of the tags `1.2` and `latest` ends, before or after the registry has carried it out. */
interface KillPoint {
  readonly name: string;
  readonly tag: string;
  readonly isDone: boolean;
  readonly moved: 'none' | 'some' | 'all';
}

const KILL_POINTS: readonly KillPoint[] = [
  { name: 'between the record and the first write', tag: '1.2', isDone: false, moved: 'none' },
  { name: 'at the lost response of the first write', tag: '1.2', isDone: true, moved: 'some' },
  { name: 'before the second write', tag: 'latest', isDone: false, moved: 'some' },
  { name: 'between the last write and its record', tag: 'latest', isDone: true, moved: 'all' },
];

/** Changes the recorded process of each push to one that does not exist. */
async function endProcesses(store: string): Promise<void> {
  for (const name of (await readdir(store)).filter((each) => each.endsWith('.history'))) {
    const path = join(store, name);
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replaceAll(`"pid": ${process.pid},`, '"pid": 99999999,'));
  }
}

/**
 * Two tags, and a push of both that stops at a kill point and never continues. Its process is given up: what follows uses
 * another client of the same store.
 */
async function start({ tag, isDone }: KillPoint) {
  let kill: { readonly tag: string; readonly isDone: boolean; readonly stopped: () => void } | undefined;
  const registry = await startRegistry({
    fault: async (request: LoggedRequest, next: Next) => {
      const isAt = request.method === 'PUT' && request.path.endsWith(`/manifests/${kill?.tag}`);
      if (!isAt || kill === undefined) return next();
      if (kill.isDone) await next();
      kill.stopped();
      kill = undefined;
      return { fault: 'stall' };
    },
  });
  const sources = seedImages(registry, 'app', images);
  const list = `${registry.host}/app:1.2`;
  const before = [registry.put('app', first, '1.2'), registry.put('app', second, 'latest')];
  const store = join(await temporaryDirectory(), 'drafts');
  // They fail when their clients are closed after the test, and then write their records.
  const killed: Promise<unknown>[] = [];
  onTestFinished(async () => void (await Promise.all(killed)));
  const client = (): Promise<Multiarch> => openMultiarch({ store });
  const push = async (count: number): Promise<string> => {
    const annotations = { count: String(count) };
    const options = { annotations, tags: ['latest'] };
    const { publication } = await (await client()).createAndPush(list, sources, options);
    return publication.descriptor.digest;
  };
  /** Stops work at the next write of a tag, as if its process was killed. */
  const killNext = async (at: string, work: () => Promise<unknown>, done = false): Promise<void> => {
    const isStopped = new Promise<void>((stopped) => (kill = { tag: at, isDone: done, stopped }));
    killed.push(work().catch(() => {}));
    await isStopped;
    await endProcesses(store);
  };
  await killNext(tag, () => push(1), isDone);
  const tags = (): (string | undefined)[] =>
    ['1.2', 'latest'].map((name) => registry.manifest('app', name)?.digest);
  const undo = async () => (await client()).undo(list);
  return { before, tags, push, undo, registry, killNext };
}

describe.each(KILL_POINTS)('a push that is killed $name', (point) => {
  it('can be undone', async () => {
    const { before, tags, undo } = await start(point);
    if (point.moved === 'none') await expect(undo()).rejects.toThrow('no push');
    else expect((await undo()).tags.map(({ digest }) => digest)).toEqual(before.toReversed());
    expect(tags()).toEqual(before);
  });

  it('counts as part of the next push of the same image', async () => {
    const { before, tags, push, undo } = await start(point);
    const digest = await push(1);
    expect(tags()).toEqual([digest, digest]);
    await undo();
    expect(tags()).toEqual(before);
    await expect(undo()).rejects.toThrow('no push');
  });

  it('leaves no half of it after the next push of another image is undone', async () => {
    const { before, tags, push, undo } = await start(point);
    const [killed] = tags();
    const digest = await push(2);
    expect(tags()).toEqual([digest, digest]);
    await undo();
    // A push that had moved all of its tags is the one before.
    expect(tags()).toEqual(point.moved === 'all' ? [killed, killed] : before);
    if (point.moved === 'all') await undo();
    expect(tags()).toEqual(before);
    await expect(undo()).rejects.toThrow('no push');
  });
});

it('a tag of a push that was killed is read once to be undone', async () => {
  const { undo, registry } = await start(KILL_POINTS[2] as KillPoint);
  registry.clearLog();
  await undo();
  const reads = registry.requests.filter(({ method }) => method === 'HEAD').map(({ path }) => path);
  expect(reads.toSorted()).toEqual(['/v2/app/manifests/1.2', '/v2/app/manifests/latest']);
});

it('an undo that is killed before its record is repeated, and undoes no earlier push', async () => {
  const { before, tags, undo, registry, push, killNext } = await start(KILL_POINTS[0] as KillPoint);
  const digest = await push(2);
  await killNext('latest', () => push(3));
  expect(tags()[0]).not.toBe(digest);
  await killNext('1.2', undo, true);
  expect(tags()).toEqual([digest, digest]);
  registry.clearLog();
  expect((await undo()).tags.map(({ outcome }) => outcome)).toEqual(['unchanged', 'unchanged']);
  expect(tags()).toEqual([digest, digest]);
  await undo();
  expect(tags()).toEqual(before);
});
