import { describe, expect, it, vi } from 'vitest';

import type { WorkEvent } from '../../src/content/events.js';
import { MemoryStore } from '../../src/content/memory-store.js';
import type { Source } from '../../src/content/source.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import { digestOf } from '../../src/oci/digest.js';
import { documentDescriptor, type IndexDocument } from '../../src/oci/document.js';
import { CancelledError, FailedError, InvalidError } from '../../src/oci/errors.js';
import { OCI_CONFIG, OCI_INDEX } from '../../src/oci/media-type.js';
import { parseDocument } from '../../src/oci/parse.js';
import { parseReference, parseTag } from '../../src/oci/reference.js';
import { createIndexDocument } from '../../src/oci/serialise.js';
import { planPush } from '../../src/publish/plan.js';
import type { SourcedEntry } from '../../src/publish/target-state.js';
import { publish } from '../../src/publish/publish.js';
import { manifestOf } from '../contract/contract-content.js';
import { amd64, arm64, pair } from '../support/images.js';
import { storeNested } from '../support/nested-indexes.js';
import { storeContent } from '../support/stored.js';
import { WatchedStore } from '../support/watched-store.js';

const V1 = parseTag('v1');
const LATEST = parseTag('latest');

async function childOf(
  source: MemoryStore,
  content: Parameters<typeof storeContent>[1],
): Promise<SourcedEntry> {
  const descriptor = documentDescriptor(await storeContent(source, content));
  return { descriptor, source };
}

function indexOf(children: readonly SourcedEntry[]): IndexDocument {
  const manifests = children.map(({ descriptor }) => descriptor);
  return createIndexDocument({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
}

/** Children from one source, and an index of them. */
async function prepare(...contents: readonly Parameters<typeof storeContent>[1][]): Promise<{
  readonly source: MemoryStore;
  readonly children: readonly SourcedEntry[];
  readonly index: IndexDocument;
}> {
  const source = new MemoryStore('source');
  const children: SourcedEntry[] = [];
  for (const content of contents) children.push(await childOf(source, content));
  return { source, children, index: indexOf(children) };
}

describe('publish', () => {
  it('copies what is missing: blobs before their manifest, manifests before the index, the index before its tag', async () => {
    const { children, index } = await prepare(amd64, arm64);
    const target = new WatchedStore();
    await storeContent(target, arm64);
    target.log.length = 0;

    const publication = await publish({ document: index, children, destinations: [{ target, tag: V1 }] });

    const blobs = [amd64.config, ...amd64.layers].map(({ digest }) => `blob ${digest}`);
    expect(new Set(target.writes.slice(0, 2))).toEqual(new Set(blobs));
    expect(target.writes.slice(2)).toEqual([`manifest ${amd64.manifest.digest}`, `tag v1 ${index.digest}`]);
    expect(publication).toEqual({
      descriptor: documentDescriptor(index),
      pushed: [{ repository: 'memory', digest: amd64.manifest.digest }],
      tags: [{ repository: 'memory', tag: V1, outcome: 'moved' }],
    });
    expect(Buffer.from((await target.readManifest(V1)).bytes).equals(index.bytes)).toBe(true);
  });

  it('requests the tag and each child once before it writes anything, and the tag again before it moves', async () => {
    const { children, index } = await prepare(amd64, arm64);
    const target = new WatchedStore();

    await publish({ document: index, children, destinations: [{ target, tag: V1 }] });

    const finds = ['v1', amd64.manifest.digest, arm64.manifest.digest].map((selector) => `find ${selector}`);
    expect(target.log.slice(0, 3)).toEqual(finds);
    expect(target.log.slice(3)).toEqual([
      ...target.writes.slice(0, -1),
      'find v1',
      ...target.writes.slice(-1),
    ]);
  });

  it('copies a shared blob once, and an image that is listed twice once', async () => {
    const source = new MemoryStore();
    const layer = source.addBlob(Buffer.from('shared'), 'application/vnd.oci.image.layer.v1.tar');
    const children: SourcedEntry[] = [];
    for (const text of ['{"os":"linux"}', '{"os":"windows"}']) {
      const config = source.addBlob(Buffer.from(text), OCI_CONFIG);
      const descriptor = await source.writeManifest(manifestOf(config, [layer, layer]));
      children.push({ descriptor, source }, { descriptor, source });
    }
    const target = new WatchedStore();

    await publish({ document: indexOf(children), children, destinations: [{ target, tag: V1 }] });

    expect(target.writes.filter((line) => line === `blob ${layer.digest}`)).toHaveLength(1);
    expect(target.writes.filter((line) => line.startsWith('blob '))).toHaveLength(3);
    expect(target.writes.filter((line) => line.startsWith('manifest '))).toHaveLength(2);
  });

  it('skips non-distributable layers', async () => {
    const source = new MemoryStore();
    const config = source.addBlob(Buffer.from('{}'), OCI_CONFIG);
    const foreign: Descriptor = {
      mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      digest: documentDescriptor(indexOf([])).digest,
      size: 5,
      urls: ['https://example.com/layer'],
    };
    const manifest = manifestOf(config, [foreign]);
    await source.writeManifest(manifest);
    const children = [{ descriptor: documentDescriptor(manifest), source }];
    const target = new WatchedStore();

    await publish({ document: indexOf(children), children, destinations: [{ target, tag: V1 }] });

    expect(target.writes.filter((line) => line.startsWith('blob '))).toEqual([`blob ${config.digest}`]);
    expect((await target.readManifest(manifest.digest)).value).toMatchObject({ layers: [foreign] });
  });

  it('copies a nested index with its content, children first', async () => {
    const { children, index } = await prepare(pair);
    const target = new WatchedStore();

    await publish({ document: index, children, destinations: [{ target, tag: V1 }] });

    const manifests = target.writes.filter((line) => !line.startsWith('blob '));
    expect(new Set(manifests.slice(0, 2))).toEqual(
      new Set([`manifest ${amd64.manifest.digest}`, `manifest ${arm64.manifest.digest}`]),
    );
    expect(manifests.slice(2)).toEqual([
      `manifest ${children[0]?.descriptor.digest}`,
      `tag v1 ${index.digest}`,
    ]);
  });

  it('reads and copies an index once, even if it is listed many times', async () => {
    const { source, children } = await prepare(amd64);
    const [image] = children;
    if (image === undefined) throw new Error('no image');
    const nested = await storeNested(source, image.descriptor, 3);
    const child = { descriptor: documentDescriptor(nested), source };
    const reads = vi.spyOn(source, 'readManifest');
    const target = new WatchedStore();

    await publish({ document: indexOf([child]), children: [child], destinations: [{ target, tag: V1 }] });

    expect(reads).toHaveBeenCalledTimes(4);
    const manifests = target.writes.filter((line) => line.startsWith('manifest '));
    expect(manifests).toHaveLength(4);
    expect(manifests[0]).toBe(`manifest ${image.descriptor.digest}`);
    expect(manifests[3]).toBe(`manifest ${nested.digest}`);
  });

  it('rejects more than four nested indexes', async () => {
    const { source, children } = await prepare(amd64);
    const [image] = children;
    if (image === undefined) throw new Error('no image');
    const child = { descriptor: documentDescriptor(await storeNested(source, image.descriptor, 4)), source };
    const request = { document: indexOf([child]), children: [child] };
    const target = new WatchedStore();

    const error = new InvalidError('source nests image indexes more than 4 deep');
    await expect(publish({ ...request, destinations: [{ target, tag: V1 }] })).rejects.toThrow(error);
    expect(target.writes).toEqual([]);
    await expect(planPush({ ...request, destinations: [{ target, tag: V1 }] })).rejects.toThrow(error);
  });

  it('rejects what a registry would reject, before any request', async () => {
    const { children } = await prepare(amd64);
    const [image] = children;
    if (image === undefined) throw new Error('no image');
    const value = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [image.descriptor] };
    const padded = JSON.stringify(value).padEnd(4 * 1024 * 1024 + 1);
    const large = parseDocument(Buffer.from(padded), { mediaType: OCI_INDEX });
    const target = new WatchedStore('app');
    const repository = parseReference('registry.example.com/app');
    const request = { document: large, children, destinations: [{ target, tag: V1 }] };
    const ofRegistry = {
      ...request,
      destinations: [{ target: Object.assign(new WatchedStore('app'), { repository }), tag: V1 }],
    };

    const message = `the image index ${large.digest} is ${large.bytes.length} bytes long; registries such as app accept at most 4194304`;
    await expect(publish(ofRegistry)).rejects.toThrow(new InvalidError(message));
    await expect(planPush(ofRegistry)).rejects.toThrow(new InvalidError(message));
    expect(ofRegistry.destinations[0]?.target.log).toEqual([]);
    // Layouts have no such limit.
    expect((await publish(request)).descriptor.digest).toBe(large.digest);
  });

  it.each([
    ['the image index', OCI_INDEX],
    ['the manifest', 'application/vnd.oci.image.manifest.v1+json'],
  ])('rejects an entry that a registry would reject, before any write: %s', async (what, mediaType) => {
    const { children } = await prepare(amd64, arm64);
    const [image] = children;
    if (image === undefined) throw new Error('no image');
    const size = (4 << 20) + 1;
    const descriptor = { ...image.descriptor, mediaType, digest: digestOf(Buffer.from('large')), size };
    const entries = [...children, { descriptor, source: image.source }];
    const repository = parseReference('registry.example.com/app');
    const target = Object.assign(new WatchedStore('app'), { repository });
    const request = { document: indexOf(entries), children: entries, destinations: [{ target, tag: V1 }] };
    const message = `${what} ${descriptor.digest} is ${size} bytes long; registries such as app accept at most 4194304`;
    await expect(publish(request)).rejects.toThrow(new InvalidError(message));
    expect(target.writes).toEqual([]);
  });

  it('writes nothing if the tag has this digest already', async () => {
    const { children, index } = await prepare(amd64, arm64);
    const target = new WatchedStore();
    await publish({ document: index, children, destinations: [{ target, tag: V1 }] });
    target.log.length = 0;

    const publication = await publish({ document: index, children, destinations: [{ target, tag: V1 }] });

    expect(target.writes).toEqual([]);
    expect(publication.tags).toEqual([
      { repository: 'memory', tag: V1, previous: index.digest, outcome: 'unchanged' },
    ]);
    expect(publication.pushed).toEqual([]);
  });

  it('reports the previous digest of a tag', async () => {
    const { children, index } = await prepare(amd64);
    const target = new MemoryStore();
    const before = await storeContent(target, arm64, 'v1');

    const { tags } = await publish({ document: index, children, destinations: [{ target, tag: V1 }] });

    expect(tags).toEqual([{ repository: 'memory', tag: V1, previous: before.digest, outcome: 'moved' }]);
  });

  it('moves the tags of all destinations in the given order, after all content is in all of them', async () => {
    const { children, index } = await prepare(amd64);
    const [one, other] = [new WatchedStore('one'), new WatchedStore('other')];
    const order: string[] = [];
    one.before = (line) => void order.push(`one ${line}`);
    other.before = (line) => void order.push(`other ${line}`);
    const destinations = [
      { target: one, tag: V1 },
      { target: other, tag: V1 },
      { target: one, tag: LATEST },
    ];

    const publication = await publish({ document: index, children, destinations });

    const tags = [`one tag v1`, `other tag v1`, `one tag latest`].map((line) => `${line} ${index.digest}`);
    expect(order.slice(-3)).toEqual(tags);
    expect(order.filter((line) => line.includes(' tag '))).toHaveLength(3);
    expect(publication.tags.map(({ repository, tag }) => `${repository} ${tag}`)).toEqual([
      'one v1',
      'other v1',
      'one latest',
    ]);
    expect(one.log.filter((line) => line === `find ${amd64.manifest.digest}`)).toHaveLength(1);
    expect(publication.pushed).toEqual(
      ['one', 'other'].map((repository) => ({ repository, digest: amd64.manifest.digest })),
    );
  });

  it.each([
    ['the first', ['latest', 'v1', 'v2'], ['v1', 'v2', 'latest']],
    ['one in the middle', ['v2', 'latest', 'v1'], ['v2', 'v1', 'latest']],
    ['none', ['v2', 'stable', 'v1'], ['v2', 'stable', 'v1']],
  ])('moves latest after all others, and those in the order given: %s', async (_, given, moved) => {
    const { children, index } = await prepare(amd64);
    const target = new WatchedStore();
    const destinations = given.map((tag) => ({ target, tag: parseTag(tag) }));

    const { tags } = await publish({ document: index, children, destinations });

    expect(target.writes.filter((line) => line.startsWith('tag '))).toEqual(
      moved.map((tag) => `tag ${tag} ${index.digest}`),
    );
    expect(tags.map(({ tag }) => tag)).toEqual(moved);
  });

  it('publishes by digest if there is no tag', async () => {
    const { children, index } = await prepare(amd64);
    const target = new WatchedStore();

    const { tags } = await publish({ document: index, children, destinations: [{ target }] });

    expect(tags).toEqual([]);
    expect(target.writes.at(-1)).toBe(`manifest ${index.digest}`);
  });

  it('does not request children that are known to be present', async () => {
    const { children, index } = await prepare(amd64, arm64);
    const target = new WatchedStore();
    await storeContent(target, amd64);
    await storeContent(target, arm64);
    target.log.length = 0;

    await publish({
      document: index,
      children,
      destinations: [{ target, tag: V1 }],
      presentDigests: new Map([
        [target, new Set([amd64.manifest.digest, arm64.manifest.digest].map(digestIn(children)))],
      ]),
    });

    expect(target.log).toEqual(['find v1', `tag v1 ${index.digest}`]);
  });

  it('does not read a manifest that is known', async () => {
    const { source, children, index } = await prepare(amd64);
    const document = await source.readManifest(digestIn(children)(amd64.manifest.digest));
    source.readManifest = () => Promise.reject(new Error('it was read again'));
    const target = new WatchedStore();

    await publish({
      document: index,
      children: children.map((child) => ({ ...child, document })),
      destinations: [{ target, tag: V1 }],
    });

    expect(await target.find(document.digest)).toBeDefined();
  });

  it('reports what it does', async () => {
    const { children, index } = await prepare(amd64);
    const events: WorkEvent[] = [];
    const target = new MemoryStore();

    await publish(
      { document: index, children, destinations: [{ target, tag: V1 }] },
      { onEvent: (event) => events.push(event) },
    );

    for (const { digest, size } of [amd64.config, ...amd64.layers]) {
      const own = events.filter((event) => 'digest' in event && event.digest === digest);
      expect(own[0]).toEqual({ kind: 'blob-started', digest, size });
      expect(own.at(-1)).toEqual({ kind: 'blob-done', digest, size, outcome: 'copied' });
      const sent = own.map((event) => (event.kind === 'blob-progress' ? event.bytes : 0));
      expect(sent.reduce((sum, bytes) => sum + bytes, 0)).toBe(size);
    }
    expect(events.slice(-2)).toEqual([
      { kind: 'child-pushed', repository: 'memory', digest: amd64.manifest.digest },
      { kind: 'tagged', repository: 'memory', tag: V1, digest: index.digest, outcome: 'moved' },
    ]);
  });
});

describe('publish, after a failure', () => {
  it('moves no tag, starts nothing more, and waits for running tasks', async () => {
    const { children, index } = await prepare(amd64, arm64);
    const target = new WatchedStore();
    const failure = new FailedError('no space left');
    const underWay: string[] = [];
    const stopped: string[] = [];
    target.before = async (line) => {
      if (line === `blob ${amd64.config.digest}`) {
        // Not before another one has started.
        while (underWay.length === 0) await new Promise(setImmediate);
        throw failure;
      }
      underWay.push(line);
      await new Promise(setImmediate);
      await new Promise(setImmediate);
      stopped.push(line);
    };

    await expect(publish({ document: index, children, destinations: [{ target, tag: V1 }] })).rejects.toBe(
      failure,
    );

    expect(underWay).not.toEqual([]);
    expect(new Set(stopped)).toEqual(new Set(underWay));
    expect(target.writes.filter((line) => !line.startsWith('blob '))).toEqual([]);
    const writes = target.writes.length;
    await new Promise(setImmediate);
    expect(target.writes).toHaveLength(writes);
  });

  it('stops running transfers', async () => {
    const { children, index } = await prepare(amd64, arm64);
    const failure = new FailedError('no space left');
    const signals: AbortSignal[] = [];
    const target = new MemoryStore();
    const stuck = arm64.layers[0]?.digest;
    target.copyBlob = async ({ digest }, _, options) => {
      if (digest !== stuck) {
        while (signals.length === 0) await new Promise(setImmediate);
        throw failure;
      }
      const { signal } = options ?? {};
      if (signal === undefined) throw new Error('no signal');
      signals.push(signal);
      // A transfer that never ends by itself.
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve);
      });
      throw new CancelledError('Cancelled');
    };

    await expect(publish({ document: index, children, destinations: [{ target, tag: V1 }] })).rejects.toBe(
      failure,
    );

    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  it('does not move the tags after the one that fails', async () => {
    const { children, index } = await prepare(amd64);
    const target = new WatchedStore();
    target.before = (line) => {
      if (line.startsWith('tag v2')) throw new FailedError('refused');
    };
    const destinations = [V1, parseTag('v2'), parseTag('v3'), LATEST].map((tag) => ({ target, tag }));

    await expect(publish({ document: index, children, destinations })).rejects.toThrow('refused');

    // The tag before it was new, and is deleted again.
    expect(await target.find(V1)).toBeUndefined();
    expect(target.writes.filter((line) => /^tag (v3|latest)/.test(line))).toEqual([]);
  });

  it('moves no tag if content cannot be copied to one of several targets', async () => {
    const { children, index } = await prepare(amd64);
    const [good, full] = [new WatchedStore('good'), new WatchedStore('full')];
    full.before = () => {
      throw new FailedError('no space left');
    };
    const destinations = [good, full].map((target) => ({ target, tag: V1 }));

    await expect(publish({ document: index, children, destinations })).rejects.toThrow('no space left');

    expect(await good.find(V1)).toBeUndefined();
  });

  it('writes nothing if the caller cancels', async () => {
    const { children, index } = await prepare(amd64);
    const target = new WatchedStore();
    const signal = AbortSignal.abort();

    const published = publish({ document: index, children, destinations: [{ target, tag: V1 }] }, { signal });

    await expect(published).rejects.toThrow(CancelledError);
    expect(target.writes).toEqual([]);
  });

  it('rejects corrupt content of the source, and puts no tag', async () => {
    const { source, children, index } = await prepare(amd64);
    const [layer] = amd64.layers;
    const tampered: Source = {
      label: 'tampered',
      resolve: (...args) => source.resolve(...args),
      find: (...args) => source.find(...args),
      readManifest: (...args) => source.readManifest(...args),
      openBlob: async (descriptor, options) => {
        if (descriptor.digest !== layer?.digest) return source.openBlob(descriptor, options);
        const other = new MemoryStore().addBlob(Buffer.alloc(descriptor.size), 'x');
        const from = new MemoryStore();
        from.addBlob(Buffer.alloc(descriptor.size), 'x');
        return from.openBlob(other);
      },
    };
    const target = new WatchedStore();

    const published = publish({
      document: index,
      children: children.map(({ descriptor }) => ({ descriptor, source: tampered })),
      destinations: [{ target, tag: V1 }],
    });

    await expect(published).rejects.toThrow(InvalidError);
    expect(target.writes.filter((line) => !line.startsWith('blob '))).toEqual([]);
  });

  it.each(['moved', 'there already'])(
    'refuses a child of another size than the index says: %s',
    async (state) => {
      const { children } = await prepare(amd64);
      const wrong = children.map(({ descriptor, source }) => ({
        descriptor: { ...descriptor, size: descriptor.size + 1 },
        source,
      }));
      const target = new WatchedStore();
      if (state === 'there already') await storeContent(target, amd64);

      const published = publish({
        document: indexOf(wrong),
        children: wrong,
        destinations: [{ target, tag: V1 }],
      });

      await expect(published).rejects.toThrow(InvalidError);
      await expect(published).rejects.toThrow(`has ${amd64.manifest.size} bytes`);
      expect(target.writes.filter((line) => line.startsWith('tag '))).toEqual([]);
    },
  );
});

/** The same digest, as the type that children have. */
function digestIn(children: readonly SourcedEntry[]): (text: string) => SourcedEntry['descriptor']['digest'] {
  return (text) => {
    const child = children.find(({ descriptor }) => descriptor.digest === text);
    if (child === undefined) throw new Error(`no child ${text}`);
    return child.descriptor.digest;
  };
}
