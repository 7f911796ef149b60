import { expect, it } from 'vitest';

import { ReachableContent } from '../../../src/layout/core/reachable-content.js';
import { digestOf } from '../../../src/oci/digest.js';
import { memoryBlobs, nestedLayout } from './nested-layout.js';

it('reads an index once, even if it is listed many times', async () => {
  const { root, contents } = nestedLayout(4);
  const { files, opened } = memoryBlobs(contents);
  const content = new ReachableContent(files, 'FILE');

  await content.addImage(root);
  await content.addImage(root);

  expect(opened).toHaveLength(5);
  expect([...content.documents.keys(), ...content.blobs.keys()].toSorted()).toEqual(
    contents.map((bytes) => digestOf(bytes)).toSorted(),
  );
  expect(content.missing.size).toBe(0);
});

it('rejects indexes that nest too deep', async () => {
  const { root, contents } = nestedLayout(5);
  const content = new ReachableContent(memoryBlobs(contents).files, 'FILE');
  await expect(content.addImage(root)).rejects.toThrow('FILE nests image indexes more than 4 deep');
});

it('records what is missing', async () => {
  const { root, contents } = nestedLayout(1);
  const [manifest = new Uint8Array(), index = new Uint8Array(), config = new Uint8Array()] = contents;

  const without = new ReachableContent(memoryBlobs([index]).files, 'FILE');
  await without.addImage(root);
  expect([...without.missing]).toEqual([digestOf(manifest)]);

  const withoutLayer = new ReachableContent(memoryBlobs([manifest, index, config]).files, 'FILE');
  await withoutLayer.addImage(root);
  expect([...withoutLayer.missing]).toEqual(contents.slice(3).map((bytes) => digestOf(bytes)));
});
