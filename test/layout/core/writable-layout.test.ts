import { expect, it } from 'vitest';

import type { LayoutBlobs } from '../../../src/layout/core/layout-blobs.js';
import { WritableLayout } from '../../../src/layout/core/writable-layout.js';
import { memoryBlobs, nestedLayout } from './nested-layout.js';

function layoutOf(files: LayoutBlobs): WritableLayout {
  return new WritableLayout({
    label: 'memory',
    files: { ...files, readIndex: () => Promise.resolve(undefined) },
    writeBlob: () => Promise.reject(new Error('read only')),
  });
}

it('reads an index once, even if it is listed many times', async () => {
  const { root, contents } = nestedLayout(4);
  const { files, opened } = memoryBlobs(contents);
  expect(await layoutOf(files).hasImage(root)).toBe(true);
  expect(opened).toHaveLength(contents.length);
});

it('treats indexes that nest too deep as missing', async () => {
  const { root, contents } = nestedLayout(5);
  expect(await layoutOf(memoryBlobs(contents).files).hasImage(root)).toBe(false);
});

it('reports an incomplete image as missing', async () => {
  const { root, contents } = nestedLayout(2);
  for (const gone of contents) {
    const { files } = memoryBlobs(contents.filter((bytes) => bytes !== gone));
    expect(await layoutOf(files).hasImage(root)).toBe(false);
  }
});
