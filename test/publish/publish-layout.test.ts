import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { readableOf } from '../../src/content/verified-stream.js';
import { MemoryStore } from '../../src/content/memory-store.js';
import type { Target } from '../../src/content/target.js';
import { ImageLayout } from '../../src/layout/directory/image-layout.js';
import type { Digest } from '../../src/oci/digest.js';
import { documentDescriptor } from '../../src/oci/document.js';
import { parseTag } from '../../src/oci/reference.js';
import { publish } from '../../src/publish/publish.js';
import { copyImage, readAll, sampleImage, sampleIndex } from '../contract/contract-content.js';
import {
  blobName,
  damage,
  layoutTarOf,
  listTar,
  openOciArchive,
} from '../layout/oci-archive/temporary-oci-archive.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

interface Place {
  readonly open: () => Target;
  /** Removes a blob. */
  readonly lose: (digest: Digest) => Promise<void>;
  /** Changes a byte of a blob. */
  readonly damage: (digest: Digest, content: Uint8Array) => Promise<void>;
}

async function layoutPlace(): Promise<Place> {
  const path = await temporaryDirectory();
  const file = (digest: Digest): string => join(path, blobName(digest));
  return {
    open: () => new ImageLayout({ path }),
    lose: (digest) => rm(file(digest)),
    damage: (digest, content) => damage(file(digest), content),
  };
}

async function archivePlace(): Promise<Place> {
  const path = join(await temporaryDirectory(), 'images.tar');
  return {
    open: () => openOciArchive(path),
    lose: async (digest) => {
      const parts = (await listTar(path)).filter(({ name }) => !name.endsWith('/'));
      const index = parts.find(({ name }) => name === 'index.json')?.content.toString() ?? '';
      const blobs = parts.filter(({ name }) => name.startsWith('blobs/') && name !== blobName(digest));
      await writeFile(path, layoutTarOf(index, [], blobs));
    },
    damage: (_digest, content) => damage(path, content),
  };
}

const image = sampleImage({ text: 'a layer that nothing else has' });
const index = sampleIndex([image.document]);
const [config, layer] = image.blobs;
if (config === undefined || layer === undefined) throw new Error('the sample has a config and a layer');

async function source(): Promise<MemoryStore> {
  const store = new MemoryStore('source');
  for (const blob of image.blobs) await store.copyBlob(blob, image.from);
  await copyImage(store, image);
  await store.writeManifest(index);
  return store;
}

async function publishTo(target: Target, from: Target, tag: string): Promise<void> {
  const request = {
    document: index,
    children: [{ descriptor: documentDescriptor(image.document), source: from }],
    destinations: [{ target, tag: parseTag(tag) }],
  };
  await publish(request, {});
}

async function isWhole(target: Target): Promise<boolean> {
  for (const blob of image.blobs) {
    if ((await readAll(readableOf(await target.openBlob(blob)))).length !== blob.size) return false;
  }
  return (await target.readManifest(image.document.digest)).digest === image.document.digest;
}

describe.each([
  ['an image layout', layoutPlace],
  ['an archive', archivePlace],
])('%s that has the image already', (_what, make) => {
  it.each([
    ['a layer', layer.digest],
    ['the config', config.digest],
    ['the manifest', image.document.digest],
  ])('but has lost %s gets it again', async (_part, lost) => {
    const stored = await make();
    await publishTo(stored.open(), await source(), '1');
    await stored.lose(lost);
    const target = stored.open();
    await publishTo(target, await source(), '2');
    expect(await isWhole(stored.open())).toBe(true);
  });

  it('but damaged, of the same size, gets it again', async () => {
    const stored = await make();
    await publishTo(stored.open(), await source(), '1');
    await stored.damage(layer.digest, await readAll(readableOf(await image.from.openBlob(layer))));
    await publishTo(stored.open(), await source(), '2');
    expect(await isWhole(stored.open())).toBe(true);
  });

  it('publishes nothing if it is the source too and has lost content', async () => {
    const stored = await make();
    await publishTo(stored.open(), await source(), '1');
    await stored.lose(layer.digest);
    const target = stored.open();
    await expect(publishTo(target, target, '2')).rejects.toMatchObject({
      kind: 'not-found',
      message: expect.stringContaining(layer.digest) as string,
    });
    expect(await stored.open().find(parseTag('2'))).toBeUndefined();
  });
});
