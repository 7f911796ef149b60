import { describe, expect, it } from 'vitest';

import type { WorkEvent } from '../../src/content/events.js';
import { MemoryStore } from '../../src/content/memory-store.js';
import { CancelledError, FailedError } from '../../src/oci/errors.js';
import { documentDescriptor } from '../../src/oci/document.js';
import { parseTag } from '../../src/oci/reference.js';
import { publish } from '../../src/publish/publish.js';
import { putInTurn } from '../../src/publish/put-in-turn.js';
import { amd64 } from '../support/images.js';
import { indexOf } from '../support/indexes.js';
import { storeContent } from '../support/stored.js';
import { WatchedStore } from '../support/watched-store.js';

/** A target whose writes become durable when it commits, as a file that is replaced as a whole. */
class CommittingStore extends WatchedStore {
  fails: Error | undefined;

  commit(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    if (options.signal?.aborted === true) return Promise.reject(new CancelledError('Cancelled'));
    this.log.push('commit');
    void this.before('commit');
    return this.fails === undefined ? Promise.resolve() : Promise.reject(this.fails);
  }
}

describe('putInTurn', () => {
  it.each([
    ['one target', ['A1'], ['put A1', 'commit A', 'lasts A1']],
    ['one target with two tags', ['A1', 'A2'], ['put A1', 'put A2', 'commit A', 'lasts A1', 'lasts A2']],
    [
      'a later target waits',
      ['A1', 'B1'],
      ['put A1', 'commit A', 'lasts A1', 'put B1', 'commit B', 'lasts B1'],
    ],
    [
      'a target that comes again commits once',
      ['A1', 'B1', 'A2'],
      ['put A1', 'put B1', 'commit B', 'lasts B1', 'put A2', 'commit A', 'lasts A1', 'lasts A2'],
    ],
    [
      'a target that does not commit lasts at once',
      ['x1', 'A1', 'x2'],
      ['put x1', 'lasts x1', 'put A1', 'commit A', 'lasts A1', 'put x2', 'lasts x2'],
    ],
  ])('%s', async (_, names, expected) => {
    const done: string[] = [];
    const targets = new Map<string, MemoryStore>();
    const targetOf = (name: string): MemoryStore => {
      const known = targets.get(name);
      if (known !== undefined) return known;
      const store = name === 'x' ? new MemoryStore(name) : new CommittingStore(name);
      if (store instanceof CommittingStore) store.before = () => void done.push(`commit ${name}`);
      targets.set(name, store);
      return store;
    };
    const all = names.map((name) => ({ name, target: targetOf(name.charAt(0)) }));

    await putInTurn(all, {
      put: ({ name }) => Promise.resolve(done.push(`put ${name}`)),
      onCommitted: ({ name }) => done.push(`lasts ${name}`),
    });

    expect(done).toEqual(expected);
  });
});

describe('publish to a target that commits', () => {
  const [V1, LATEST] = [parseTag('v1'), parseTag('latest')];

  async function prepare() {
    const source = new MemoryStore('source');
    const descriptor = documentDescriptor(await storeContent(source, amd64));
    return { document: indexOf([descriptor]), children: [{ descriptor, source }] };
  }

  it('commits after its last tag, and reports its tags only then', async () => {
    const { document, children } = await prepare();
    const target = new CommittingStore('file');
    const other = new WatchedStore('other');
    other.before = (line) => void target.log.push(`other ${line}`);
    const destinations = [
      { target, tag: LATEST },
      { target, tag: V1 },
      { target: other, tag: LATEST },
    ];
    const onEvent = (event: WorkEvent): void => {
      if (event.kind === 'tagged') target.log.push(`heard ${event.repository}:${event.tag}`);
    };

    const { tags } = await publish({ document, children, destinations }, { onEvent });

    const from = target.log.indexOf(`tag v1 ${document.digest}`);
    expect(target.log.slice(from)).toEqual([
      `tag v1 ${document.digest}`,
      `tag latest ${document.digest}`,
      'commit',
      'heard file:v1',
      'heard file:latest',
      `other tag latest ${document.digest}`,
      'heard other:latest',
    ]);
    expect(tags.map(({ repository, tag }) => `${repository}:${tag}`)).toEqual([
      'file:v1',
      'file:latest',
      'other:latest',
    ]);
  });

  it.each([
    ['without a tag', {}],
    ['whose tag has the digest already', { tag: V1 }],
  ])('commits %s too', async (_, destination) => {
    const { document, children } = await prepare();
    const target = new CommittingStore();
    await storeContent(target, amd64);
    await target.writeManifest(document, { tag: V1 });
    await publish({ document, children, destinations: [{ target, ...destination }] });
    expect(target.log.at(-1)).toBe('commit');
    expect(target.log.filter((line) => line === 'commit')).toHaveLength(1);
  });

  it('fails with the commit, and moves no later tag', async () => {
    const { document, children } = await prepare();
    const target = new CommittingStore('file');
    target.fails = new FailedError('no space left');
    const other = new WatchedStore('other');
    const heard: WorkEvent[] = [];

    const published = publish(
      {
        document,
        children,
        destinations: [
          { target, tag: V1 },
          { target: other, tag: V1 },
        ],
      },
      { onEvent: (event) => heard.push(event) },
    );

    await expect(published).rejects.toThrow('no space left');
    expect(heard.filter(({ kind }) => kind === 'tagged')).toEqual([]);
    expect(other.writes.filter((line) => line.startsWith('tag '))).toEqual([]);
  });

  it('does not commit if content cannot be copied', async () => {
    const { document, children } = await prepare();
    const target = new CommittingStore();
    target.before = (line) => {
      if (line.startsWith('manifest ')) throw new FailedError('no space left');
    };
    const published = publish({ document, children, destinations: [{ target, tag: V1 }] });
    await expect(published).rejects.toThrow('no space left');
    expect(target.log).not.toContain('commit');
  });
});
