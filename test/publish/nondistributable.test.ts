import { describe, expect, it } from 'vitest';

import type { WorkEvent } from '../../src/content/events.js';
import { MemoryStore } from '../../src/content/memory-store.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import { documentDescriptor, type ManifestOrIndex } from '../../src/oci/document.js';
import { FailedError, NotFoundError } from '../../src/oci/errors.js';
import { OCI_CONFIG } from '../../src/oci/media-type.js';
import { parseTag } from '../../src/oci/reference.js';
import { planPush } from '../../src/publish/plan.js';
import type { SourcedEntry, ContentOptions } from '../../src/publish/target-state.js';
import { publish } from '../../src/publish/publish.js';
import { manifestOf } from '../contract/contract-content.js';
import { indexOf } from '../support/indexes.js';
import { WatchedStore } from '../support/watched-store.js';

const V1 = parseTag('v1');
const FOREIGN = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
const MOVE = { nondistributable: 'copy' } as const;

interface Scene {
  readonly source: MemoryStore;
  readonly config: Descriptor;
  readonly layer: Descriptor;
  readonly image: ManifestOrIndex;
  readonly children: readonly SourcedEntry[];
}

/** A Windows image, whose base layer the registry may have or not. */
async function start({ holdsLayer = true } = {}): Promise<Scene> {
  const source = new MemoryStore('source');
  const config = source.addBlob(Buffer.from('{"os":"windows"}'), OCI_CONFIG);
  const holder = holdsLayer ? source : new MemoryStore();
  const added = holder.addBlob(Buffer.from('base layer'), FOREIGN);
  const layer = { ...added, urls: ['https://example.com/layer'] };
  const image = manifestOf(config, [layer]);
  await source.writeManifest(image);
  return { source, config, layer, image, children: [{ descriptor: documentDescriptor(image), source }] };
}

function requestFor({ children }: Scene, target: MemoryStore) {
  const document = indexOf(children.map(({ descriptor }) => descriptor));
  return { document, children, destinations: [{ target, tag: V1 }] };
}

const blobsIn = (target: WatchedStore): string[] => target.writes.filter((line) => line.startsWith('blob '));

describe('a non-distributable layer', () => {
  it.each<[string, ContentOptions]>([
    ['by default', {}],
    ['where it is to be left', { nondistributable: 'skip' }],
  ])('stays behind %s', async (_, options) => {
    const scene = await start();
    const target = new WatchedStore();
    await publish(requestFor(scene, target), options);
    expect(blobsIn(target)).toEqual([`blob ${scene.config.digest}`]);
    expect((await target.readManifest(scene.image.digest)).value).toMatchObject({ layers: [scene.layer] });
  });

  it('is copied on request, with its descriptor unchanged', async () => {
    const scene = await start();
    const target = new WatchedStore();
    const events: WorkEvent[] = [];

    await publish(requestFor(scene, target), { ...MOVE, onEvent: (event) => events.push(event) });

    expect(await target.hasBlob(scene.layer)).toBe(true);
    expect((await target.readManifest(scene.image.digest)).bytes).toEqual(scene.image.bytes);
    const { digest, size } = scene.layer;
    expect(events.filter((event) => 'digest' in event && event.digest === digest)).toEqual([
      { kind: 'blob-started', digest, size },
      { kind: 'blob-progress', digest, bytes: size },
      { kind: 'blob-done', digest, size, outcome: 'copied' },
    ]);
  });

  it('is skipped with a warning if the source lacks it', async () => {
    const scene = await start({ holdsLayer: false });
    const target = new WatchedStore();
    const events: WorkEvent[] = [];

    await publish(requestFor(scene, target), { ...MOVE, onEvent: (event) => events.push(event) });

    expect((await target.readManifest(V1)).digest).toBe(requestFor(scene, target).document.digest);
    expect(await target.hasBlob(scene.layer)).toBe(false);
    expect(events.filter(({ kind }) => kind === 'warning')).toEqual([
      {
        kind: 'warning',
        message: `skipping non-distributable layer ${scene.layer.digest}: not available from source`,
      },
    ]);
    // A started blob is displayed until it is done.
    expect(events.filter((event) => 'digest' in event && event.digest === scene.layer.digest)).toEqual([]);
  });

  it.each([
    ['the target has no such repository', new NotFoundError('no repository')],
    ['the target is full', new FailedError('no space left')],
  ])('is no excuse where %s', async (_, failure) => {
    const scene = await start();
    const target = new WatchedStore();
    target.before = (line) => {
      if (line === `blob ${scene.layer.digest}`) throw failure;
    };
    await expect(publish(requestFor(scene, target), MOVE)).rejects.toBe(failure);
    expect(target.writes.filter((line) => line.startsWith('tag '))).toEqual([]);
  });

  it('any other layer that the source lacks is a failure', async () => {
    const { source, config } = await start();
    const layer = new MemoryStore().addBlob(Buffer.from('gone'), 'application/vnd.oci.image.layer.v1.tar');
    const image = manifestOf(config, [layer]);
    source.readManifest = () => Promise.resolve(image);
    const children = [{ descriptor: documentDescriptor(image), source }];
    const target = new WatchedStore();
    const published = publish(
      { document: indexOf([documentDescriptor(image)]), children, destinations: [{ target, tag: V1 }] },
      MOVE,
    );
    await expect(published).rejects.toThrow(NotFoundError);
  });

  it('is copied later to a target that has its image, and only once', async () => {
    const scene = await start();
    const target = new WatchedStore();
    const request = requestFor(scene, target);
    await publish(request);
    target.log.length = 0;

    const plan = await planPush(request, MOVE);
    await publish(request, MOVE);

    expect(plan.content.map(({ action, digest }) => `${action} ${digest}`)).toEqual([
      `present ${scene.config.digest}`,
      `upload ${scene.layer.digest}`,
      `put ${scene.image.digest}`,
    ]);
    expect(blobsIn(target)).toContain(`blob ${scene.layer.digest}`);
    expect(await target.hasBlob(scene.layer)).toBe(true);
    target.log.length = 0;
    await publish(request, MOVE);
    expect(target.writes).toEqual([]);
  });

  it('is found in an image of a nested index', async () => {
    const scene = await start();
    const inner = indexOf(scene.children.map(({ descriptor }) => descriptor));
    await scene.source.writeManifest(inner);
    const children = [{ descriptor: documentDescriptor(inner), source: scene.source }];
    const target = new WatchedStore();
    const request = {
      document: indexOf([documentDescriptor(inner)]),
      children,
      destinations: [{ target, tag: V1 }],
    };
    await publish(request);
    expect(await target.hasBlob(scene.layer)).toBe(false);
    await publish(request, MOVE);
    expect(await target.hasBlob(scene.layer)).toBe(true);
  });

  it('is not part of a plan unless requested', async () => {
    const scene = await start();
    const request = requestFor(scene, new MemoryStore());
    const planned = async (options: ContentOptions): Promise<string[]> =>
      (await planPush(request, options)).content.map(({ digest }) => digest);
    expect(await planned({})).not.toContain(scene.layer.digest);
    expect(await planned(MOVE)).toContain(scene.layer.digest);
  });
});
