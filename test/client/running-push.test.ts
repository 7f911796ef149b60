import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { Multiarch } from '../../src/client/multiarch.js';
import { ConflictError } from '../../src/oci/errors.js';
import { imagesOf, seedImages } from '../support/architectures.js';
import { failureOf } from '../support/failure.js';
import { failure, type Answer, type LoggedRequest } from '../support/fake-server.js';
import { startRegistry } from '../support/open-repository.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { openMultiarch } from '../support/test-multiarch.js';
import { tinyIndex } from '../support/tiny-image.mjs';

const images = imagesOf(2);
const [first, second] = [tinyIndex(images.slice(0, 1)), tinyIndex(images.slice(1, 2))];

type Fault = (next: () => Promise<Answer>) => Answer | Promise<Answer>;

/** Two tags, and clients that share a store. */
async function start() {
  /** Faults of the next PUT of a tag. */
  const faults = new Map<string, Fault>();
  const registry = await startRegistry({
    fault: async ({ method, path }: LoggedRequest, next) => {
      const tag = path.split('/manifests/')[1] ?? '';
      const fault = method === 'PUT' ? faults.get(tag) : undefined;
      if (fault === undefined) return next();
      faults.delete(tag);
      return fault(next);
    },
  });
  const sources = seedImages(registry, 'app', images);
  const list = `${registry.host}/app:1.2`;
  const before = [registry.put('app', first, '1.2'), registry.put('app', second, 'latest')];
  const store = join(await temporaryDirectory(), 'drafts');
  const client = (): Promise<Multiarch> => openMultiarch({ store });
  const push = async (count: number): Promise<string> => {
    const options = { annotations: { count: String(count) }, tags: ['latest'] };
    const { publication } = await (await client()).createAndPush(list, sources, options);
    return publication.descriptor.digest;
  };
  const undo = async () => (await client()).undo(list);
  const tags = (): (string | undefined)[] =>
    ['1.2', 'latest'].map((tag) => registry.manifest('app', tag)?.digest);
  /** Starts a push that stops before or after the write of a tag. Returns what lets it continue. */
  const startPush = async (count: number, tag: string, isDone: boolean) => {
    let resume = (): void => {};
    const resumed = new Promise<void>((resolve) => (resume = resolve));
    const pushing = await new Promise<{ readonly done: Promise<string> }>((resolve) => {
      const done: Promise<string> = new Promise((settle) => {
        faults.set(tag, async (next) => {
          const answer = isDone ? await next() : undefined;
          resolve({ done });
          await resumed;
          return answer ?? next();
        });
        settle(push(count));
      });
    });
    return () => {
      resume();
      return pushing.done;
    };
  };
  return { before, faults, push, undo, tags, startPush };
}

describe.each([
  ['before its first write', '1.2', false],
  ['after its first write', '1.2', true],
  ['before its last write', 'latest', false],
  ['after its last write', 'latest', true],
] as const)('an undo during a push, %s,', (_, tag, isDone) => {
  it('is rejected and moves no tag: the push would move its other tags afterwards', async () => {
    const { before, push, undo, tags, startPush } = await start();
    const earlier = await push(1);
    const resume = await startPush(2, tag, isDone);
    const during = tags();

    const error = await failureOf<ConflictError>(undo());
    expect(error).toBeInstanceOf(ConflictError);
    expect(error.message).toContain(`is running on this machine (process ${process.pid})`);
    expect(tags()).toEqual(during);

    const digest = await resume();
    expect(tags()).toEqual([digest, digest]);
    await undo();
    expect(tags()).toEqual([earlier, earlier]);
    await undo();
    expect(tags()).toEqual(before);
  });
});

describe('the record of a push that is running', () => {
  it('stays if another push begins before it has moved a tag, and fails', async () => {
    const { before, faults, push, undo, tags, startPush } = await start();
    const resume = await startPush(1, '1.2', false);
    faults.set('1.2', () => failure(403, 'DENIED', 'denied'));
    await expect(push(2)).rejects.toThrow('denied');
    const digest = await resume();
    expect(tags()).toEqual([digest, digest]);
    await undo();
    expect(tags()).toEqual(before);
  });

  it('is not added again if another push begins after it has moved all tags', async () => {
    const { before, push, undo, tags, startPush } = await start();
    const resume = await startPush(1, 'latest', true);
    const [running] = tags();
    const digest = await push(2);
    await resume();
    expect(tags()).toEqual([digest, digest]);
    await undo();
    expect(tags()).toEqual([running, running]);
    await undo();
    expect(tags()).toEqual(before);
    await expect(undo()).rejects.toThrow('no push');
  });

  it('says that the push has ended if its outcome is unknown, also in a process that goes on', async () => {
    const { before, faults, push, undo, tags } = await start();
    faults.set('latest', () => {
      // Moving back is denied.
      faults.set('1.2', () => failure(403, 'DENIED', 'denied'));
      return failure(403, 'DENIED', 'denied');
    });
    await expect(push(1)).rejects.toThrow('denied');
    expect(tags()[0]).not.toBe(before[0]);
    await undo();
    expect(tags()).toEqual(before);
  });
});
