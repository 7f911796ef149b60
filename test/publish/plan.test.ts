import { describe, expect, it, vi } from 'vitest';

import { MemoryStore } from '../../src/content/memory-store.js';
import { documentDescriptor, type IndexDocument } from '../../src/oci/document.js';
import { ConflictError } from '../../src/oci/errors.js';
import { OCI_CONFIG, OCI_INDEX } from '../../src/oci/media-type.js';
import { parseReference, parseTag } from '../../src/oci/reference.js';
import { createIndexDocument } from '../../src/oci/serialise.js';
import { planPush } from '../../src/publish/plan.js';
import type { SourcedEntry } from '../../src/publish/target-state.js';
import { publish } from '../../src/publish/publish.js';
import { manifestOf } from '../contract/contract-content.js';
import { amd64, arm64 } from '../support/images.js';
import { storeNested } from '../support/nested-indexes.js';
import { storeContent } from '../support/stored.js';
import { tinyIndex } from '../support/tiny-image.mjs';

const V1 = parseTag('v1');

/** A store that rejects every write. */
class ReadOnlyStore extends MemoryStore {
  isClosed = false;
  /** Set if it represents a repository of a registry. */
  repository?: ReturnType<typeof parseReference>;

  override copyBlob(...args: Parameters<MemoryStore['copyBlob']>): ReturnType<MemoryStore['copyBlob']> {
    if (this.isClosed) throw new Error('a dry run has written a blob');
    return super.copyBlob(...args);
  }

  override writeManifest(
    ...args: Parameters<MemoryStore['writeManifest']>
  ): ReturnType<MemoryStore['writeManifest']> {
    if (this.isClosed) throw new Error('a dry run has written a manifest');
    return super.writeManifest(...args);
  }
}

async function prepare(
  ...contents: readonly Parameters<typeof storeContent>[1][]
): Promise<{ source: ReadOnlyStore; target: ReadOnlyStore; children: SourcedEntry[]; index: IndexDocument }> {
  const source = new ReadOnlyStore('source');
  const children: SourcedEntry[] = [];
  for (const content of contents) {
    children.push({ descriptor: documentDescriptor(await storeContent(source, content)), source });
  }
  return { source, target: new ReadOnlyStore('target'), children, index: indexOf(children) };
}

function indexOf(children: readonly SourcedEntry[]): IndexDocument {
  const manifests = children.map(({ descriptor }) => descriptor);
  return createIndexDocument({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
}

const short = (plan: Awaited<ReturnType<typeof planPush>>): string[] =>
  plan.content.map(({ action, kind, digest }) => `${action} ${kind} ${digest}`);

describe('planPush', () => {
  it('lists the content that is present or missing, and the tag changes', async () => {
    const { target, children, index } = await prepare(amd64, arm64);
    await storeContent(target, arm64, V1);
    for (const { bytes, mediaType } of amd64.layers) target.addBlob(bytes, mediaType);
    target.isClosed = true;

    const plan = await planPush({ document: index, children, destinations: [{ target, tag: V1 }] });

    expect(plan).toEqual({
      digest: index.digest,
      mediaType: index.mediaType,
      size: index.bytes.length,
      content: [
        ...[amd64.config, ...amd64.layers].map(({ digest, size }, position) => ({
          repository: 'target',
          kind: 'blob',
          digest,
          size,
          action: position === 0 ? 'upload' : 'present',
        })),
        {
          repository: 'target',
          kind: 'manifest',
          digest: amd64.manifest.digest,
          size: amd64.manifest.size,
          action: 'put',
        },
        {
          repository: 'target',
          kind: 'manifest',
          digest: arm64.manifest.digest,
          size: arm64.manifest.size,
          action: 'present',
        },
      ],
      tags: [{ repository: 'target', tag: V1, previous: arm64.manifest.digest, outcome: 'moved' }],
    });
  });

  it('matches what publish does afterwards', async () => {
    const { target, children, index } = await prepare(tinyIndex([amd64], { attestations: true }), arm64);
    await storeContent(target, arm64);
    const request = { document: index, children, destinations: [{ target, tag: V1 }] };
    target.isClosed = true;
    const plan = await planPush(request);
    target.isClosed = false;
    const done: string[] = [];
    const put = target.writeManifest.bind(target);
    target.writeManifest = (document, options) => {
      done.push(`put manifest ${document.digest}`);
      return put(document, options);
    };

    await publish(request, {
      onEvent: (event) => {
        if (event.kind === 'blob-done') done.push(`upload blob ${event.digest}`);
      },
    });

    const planned = short(plan).filter((line) => !line.startsWith('present '));
    expect(planned.length).toBeGreaterThan(5);
    expect([...planned, `put manifest ${index.digest}`].sort()).toEqual(done.sort());
  });

  it('is empty after a push', async () => {
    const { target, children, index } = await prepare(amd64);
    const request = { document: index, children, destinations: [{ target, tag: V1 }] };
    await publish(request);
    target.isClosed = true;
    const plan = await planPush(request);
    expect(short(plan)).toEqual([`present manifest ${amd64.manifest.digest}`]);
    expect(plan.tags).toEqual([
      { repository: 'target', tag: V1, previous: index.digest, outcome: 'unchanged' },
    ]);
  });

  it.each([
    ['registry.example.com/build', 'mount'],
    ['other.example.com/app', 'upload'],
  ])('mounts what is in %s: %s', async (from, action) => {
    const { source, target, children, index } = await prepare(amd64);
    source.repository = parseReference(from);
    target.repository = parseReference('registry.example.com/app');
    const plan = await planPush({ document: index, children, destinations: [{ target, tag: V1 }] });
    expect(new Set(plan.content.map((content) => `${content.kind} ${content.action}`))).toEqual(
      new Set([`blob ${action}`, 'manifest put']),
    );
    expect(plan.content[0]?.repository).toBe('registry.example.com/app');
  });

  it('counts a shared layer once, for the first image', async () => {
    const source = new MemoryStore();
    const near = Object.assign(new MemoryStore(), { repository: parseReference('registry.example.com/a') });
    const children: SourcedEntry[] = [];
    for (const [store, text] of [
      [near, '{"os":"linux"}'],
      [source, '{"os":"windows"}'],
    ] as const) {
      const layer = store.addBlob(Buffer.from('shared'), 'application/vnd.oci.image.layer.v1.tar');
      const config = store.addBlob(Buffer.from(text), OCI_CONFIG);
      children.push({ descriptor: await store.writeManifest(manifestOf(config, [layer])), source: store });
    }
    const target = Object.assign(new MemoryStore(), { repository: parseReference('registry.example.com/b') });
    const plan = await planPush({
      document: indexOf(children),
      children,
      destinations: [{ target, tag: V1 }],
    });
    const layers = plan.content.filter(({ kind, size }) => kind === 'blob' && size === 6);
    expect(layers.map(({ action }) => action)).toEqual(['mount']);
  });

  it('reads and counts an index once, even if it is listed many times', async () => {
    const { source, target, children } = await prepare(amd64);
    const [image] = children;
    if (image === undefined) throw new Error('no image');
    const nested = await storeNested(source, image.descriptor, 3);
    const child = { descriptor: documentDescriptor(nested), source };
    const reads = vi.spyOn(source, 'readManifest');

    const plan = await planPush({
      document: indexOf([child]),
      children: [child],
      destinations: [{ target, tag: V1 }],
    });

    expect(reads).toHaveBeenCalledTimes(4);
    const manifests = plan.content.filter(({ kind }) => kind === 'manifest');
    expect(manifests).toHaveLength(4);
    expect(manifests[0]?.digest).toBe(image.descriptor.digest);
    expect(manifests[3]?.digest).toBe(nested.digest);
  });

  it('includes the index itself if it gets no tag', async () => {
    const { target, children, index } = await prepare(amd64);
    await storeContent(target, amd64);
    const plan = await planPush({ document: index, children, destinations: [{ target }] });
    expect(short(plan)).toEqual([
      `present manifest ${amd64.manifest.digest}`,
      `put manifest ${index.digest}`,
    ]);
    expect(plan.tags).toEqual([]);
  });

  it('lists tags in the order in which they would move', async () => {
    const { target, children, index } = await prepare(amd64);
    const destinations = ['latest', 'v1', 'v2'].map((tag) => ({ target, tag: parseTag(tag) }));
    const plan = await planPush({ document: index, children, destinations });
    expect(plan.tags.map(({ tag }) => tag)).toEqual(['v1', 'v2', 'latest']);
  });

  it('fails as the push would if the tag is not as expected', async () => {
    const { target, children, index } = await prepare(amd64);
    await storeContent(target, arm64, V1);
    const request = {
      document: index,
      children,
      destinations: [{ target, tag: V1 }],
      expectCurrent: 'none',
    } as const;
    await expect(planPush(request)).rejects.toThrow(ConflictError);
  });
});
