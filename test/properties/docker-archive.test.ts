import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';

import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import { TarArchive } from '../../src/layout/tar/tar-archive.js';
import { DockerArchive } from '../../src/layout/docker-save/docker-archive.js';
import { readAll } from '../contract/contract-content.js';
import { dockerSave, imageOf, sha256 } from '../support/docker-save.js';
import { sharedDirectory } from '../support/sandbox.js';

let directory: string;

beforeAll(async () => {
  const shared = await sharedDirectory();
  directory = shared.directory;
  return shared.remove;
});

/** An archive that gives its files in pieces of this many bytes. */
async function inPieces(path: string, length: number, signal: AbortSignal): Promise<TarArchive> {
  const archive = await TarArchive.open(path, { signal });
  const openFile = archive.openFile.bind(archive);
  return Object.assign(archive, {
    openFile: (name: string): Readable | undefined => {
      const content = openFile(name);
      return content && Readable.from(pieces(content, length), { objectMode: false });
    },
  });
}

async function* pieces(content: Readable, length: number): AsyncGenerator<Buffer> {
  const bytes = await readAll(content);
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

/** Layers that compress well or badly, and some that are longer than a compressed chunk. */
const anyLayer = fc
  .record({
    seed: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    times: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 200, max: 1500 })),
  })
  .map(({ seed, times }) => Buffer.concat(Array.from({ length: times }, () => seed)));

describe('an image of docker save', () => {
  it('has the same manifest for any order of reads, and its layers are unchanged', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyLayer, { maxLength: 4 }),
        fc.integer({ min: 50, max: 70_000 }),
        fc.constantFrom('gzip' as const, 'none' as const),
        async (layers, length, layerCompression) => {
          const path = join(directory, 'image.tar');
          await writeFile(path, dockerSave(imageOf(['app:1'], layers)));
          const one = new DockerArchive({ path });
          const other = new DockerArchive({
            label: one.label,
            open: ({ signal }) => inPieces(path, length, signal),
          });
          try {
            const digest = await one.selector(undefined, { layerCompression });
            expect(await other.selector(undefined, { layerCompression })).toBe(digest);
            const document = await other.readManifest(digest);
            if (document.kind !== 'manifest') throw new Error('it is an index');
            for (const [position, descriptor] of document.value.layers.entries()) {
              const content = await readAll(await other.openBlob(descriptor));
              const plain = layerCompression === 'gzip' ? gunzipSync(content) : content;
              expect(sha256(plain)).toBe(sha256(layers[position] ?? Buffer.alloc(0)));
            }
          } finally {
            one.close();
            other.close();
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
