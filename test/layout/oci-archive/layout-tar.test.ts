import { Readable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { layoutTar } from '../../../src/layout/oci-archive/layout-tar.js';
import type { LayoutBlobs } from '../../../src/layout/core/layout-blobs.js';
import { ReachableContent } from '../../../src/layout/core/reachable-content.js';
import { digestOf, type Digest } from '../../../src/oci/digest.js';
import { InvalidError } from '../../../src/oci/errors.js';
import { mustRun } from '../../support/run.js';
import { describeIntegration } from '../../support/integration.js';
import { filesOf, openArchive, temporaryFile } from '../temporary-archive.js';

const EMPTY = { manifests: [] };

/** Blobs of these sizes, full of `x`. */
function blobsOf(sizes: ReadonlyMap<Digest, number>): LayoutBlobs {
  return {
    blobSize: async (digest) => sizes.get(digest),
    openBlob: async ({ size }) => Readable.from([Buffer.alloc(Math.min(size, 4096), 'x')]),
  };
}

async function tarOf(sizes: ReadonlyMap<Digest, number>): Promise<Buffer> {
  const files = blobsOf(sizes);
  const content = new ReachableContent(files, 'FILE');
  for (const digest of sizes.keys()) await content.addBlob(digest);
  const chunks: Uint8Array[] = [];
  for await (const chunk of layoutTar(EMPTY, content, files)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const sha256 = digestOf(Buffer.from('a'));
const sha512 = digestOf(Buffer.from('a'), 'sha512');
const names = [sha256, sha512].map((digest) => `blobs/${digest.replace(':', '/')}`);

describe('the tar file of a layout', () => {
  it.each([0, 1, 511, 512, 513])('is made of whole blocks, with blobs of %i bytes', async (size) => {
    const bytes = await tarOf(new Map([[sha256, size]]));
    expect(bytes.length % 512).toBe(0);
    expect(bytes.subarray(-1024)).toEqual(Buffer.alloc(1024));
    expect(await filesOf(await openArchive(bytes))).toEqual([
      ['oci-layout', '{"imageLayoutVersion":"1.0.0"}'],
      ['index.json', '{"manifests":[]}'],
      [names[0], 'x'.repeat(size)],
    ]);
  });

  it('has long names for sha512 digests', async () => {
    const archive = await openArchive(await tarOf(new Map([[sha512, 3], [sha256, 2]]))); // prettier-ignore
    expect((await filesOf(archive)).slice(2)).toEqual([
      [names[0], 'xx'],
      [names[1], 'xxx'],
    ]);
  });

  it('has sizes of 8 GiB and more', async () => {
    const size = 9 * 2 ** 30 + 5;
    const bytes = await tarOf(new Map([[sha256, size]]));
    expect(bytes.includes(`size=${size}\n`)).toBe(true);
  });

  it('fails if a blob was removed', async () => {
    const files = blobsOf(new Map([[sha256, 3]]));
    const content = new ReachableContent(files, 'FILE');
    await content.addBlob(sha256);
    const tar = layoutTar(EMPTY, content, { ...files, openBlob: async () => undefined });
    const reading = (async () => {
      for await (const _ of tar);
    })();
    await expect(reading).rejects.toBeInstanceOf(InvalidError);
    await expect(reading).rejects.toThrow(sha256);
  });
});

describeIntegration('the tar file of a layout, as tar sees it', ['tar'], () => {
  it('has all names', async () => {
    const path = await temporaryFile(await tarOf(new Map([[sha512, 700], [sha256, 2]]))); // prettier-ignore
    expect((await mustRun('tar', ['-tf', path])).trimEnd().split('\n')).toEqual([
      'oci-layout',
      'index.json',
      'blobs/',
      'blobs/sha256/',
      'blobs/sha512/',
      ...names,
    ]);
    expect(await mustRun('tar', ['-xOf', path, names[1] ?? ''])).toBe('x'.repeat(700));
  });
});
