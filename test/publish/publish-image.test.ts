import { describe, expect, it } from 'vitest';

import { MemoryStore } from '../../src/content/memory-store.js';
import { documentDescriptor, type ManifestOrIndex } from '../../src/oci/document.js';
import { FailedError } from '../../src/oci/errors.js';
import { parseTag } from '../../src/oci/reference.js';
import { planPush } from '../../src/publish/plan.js';
import { publish, type PublishRequest } from '../../src/publish/publish.js';
import { amd64, arm64 } from '../support/images.js';
import { storeContent } from '../support/stored.js';
import { WatchedStore } from '../support/watched-store.js';

const V1 = parseTag('v1');
const LATEST = parseTag('latest');
const blobs = [amd64.config, ...amd64.layers].map(({ digest }) => `blob ${digest}`);

async function prepare(): Promise<Pick<PublishRequest, 'document' | 'children'> & { source: MemoryStore }> {
  const source = new MemoryStore('source');
  const document = await storeContent(source, amd64);
  return { source, document, children: childrenOf(document, source) };
}

/** An image, as the only child of itself. */
function childrenOf(document: ManifestOrIndex, source: MemoryStore): PublishRequest['children'] {
  return [{ descriptor: documentDescriptor(document), source, document }];
}

describe('publish of an image', () => {
  it('copies its blobs, and puts it under each tag only', async () => {
    const { document, children } = await prepare();
    const target = new WatchedStore();

    const publication = await publish({
      document,
      children,
      destinations: [
        { target, tag: LATEST },
        { target, tag: V1 },
      ],
    });

    expect(new Set(target.writes.slice(0, 2))).toEqual(new Set(blobs));
    expect(target.writes.slice(2)).toEqual([`tag v1 ${document.digest}`, `tag latest ${document.digest}`]);
    expect(publication).toEqual({
      descriptor: documentDescriptor(document),
      pushed: [{ repository: 'memory', digest: document.digest }],
      tags: [
        { repository: 'memory', tag: V1, outcome: 'moved' },
        { repository: 'memory', tag: LATEST, outcome: 'moved' },
      ],
    });
    expect(Buffer.from((await target.readManifest(V1)).bytes).equals(amd64.manifest.bytes)).toBe(true);
  });

  it('puts it by digest if there is no tag', async () => {
    const { document, children } = await prepare();
    const target = new WatchedStore();
    const { tags } = await publish({ document, children, destinations: [{ target }] });
    expect(target.writes.slice(2)).toEqual([`manifest ${document.digest}`]);
    expect(tags).toEqual([]);
  });

  it('copies no blob if it is present, and leaves a tag that has it', async () => {
    const { document, children } = await prepare();
    const target = new WatchedStore();
    await storeContent(target, amd64, 'v1');
    target.log.length = 0;
    const destinations = [
      { target, tag: V1 },
      { target, tag: LATEST },
    ];

    const { tags, pushed } = await publish({ document, children, destinations });

    expect(target.writes).toEqual([`tag latest ${document.digest}`]);
    expect(tags.map(({ outcome }) => outcome)).toEqual(['unchanged', 'moved']);
    expect(pushed).toEqual([]);
  });

  it('moves no tag if a blob cannot be copied', async () => {
    const { document, children } = await prepare();
    const target = new WatchedStore();
    const before = await storeContent(target, arm64, 'v1');
    target.before = (line) => {
      if (line === blobs[1]) throw new FailedError('no space left');
    };

    const published = publish({ document, children, destinations: [{ target, tag: V1 }] });

    await expect(published).rejects.toThrow('no space left');
    expect((await target.readManifest(V1)).digest).toBe(before.digest);
  });
});

describe('planPush of an image', () => {
  it.each([
    ['a tag', { tag: V1 }, []],
    ['no tag', {}, [`put manifest ${amd64.manifest.digest}`]],
  ])('to %s: its blobs, and itself where it gets no tag', async (_, destination, own) => {
    const { document, children } = await prepare();
    const target = new MemoryStore();
    target.addBlob(amd64.config.bytes, amd64.config.mediaType);

    const plan = await planPush({ document, children, destinations: [{ target, ...destination }] });

    expect(plan).toMatchObject({ digest: document.digest, mediaType: amd64.manifest.mediaType });
    expect(plan.content.map(({ action, kind, digest }) => `${action} ${kind} ${digest}`)).toEqual([
      `present blob ${amd64.config.digest}`,
      `upload blob ${amd64.layers[0]?.digest}`,
      ...own,
    ]);
  });
});
