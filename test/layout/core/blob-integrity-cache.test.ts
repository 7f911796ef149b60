import { expect, it } from 'vitest';

import { BlobIntegrityCache } from '../../../src/layout/core/blob-integrity-cache.js';
import { memoryBlobs, nestedLayout } from './nested-layout.js';

it('reads an index once, even if it is listed many times', async () => {
  const { root, contents } = nestedLayout(4);
  const { files, opened } = memoryBlobs(contents);
  expect(await new BlobIntegrityCache(files).hasImage(root)).toBe(true);
  expect(opened).toHaveLength(contents.length);
});

it('treats indexes that nest too deep as missing', async () => {
  const { root, contents } = nestedLayout(5);
  expect(await new BlobIntegrityCache(memoryBlobs(contents).files).hasImage(root)).toBe(false);
});

it('reports an incomplete image as missing', async () => {
  const { root, contents } = nestedLayout(2);
  for (const gone of contents) {
    const { files } = memoryBlobs(contents.filter((bytes) => bytes !== gone));
    expect(await new BlobIntegrityCache(files).hasImage(root)).toBe(false);
  }
});
