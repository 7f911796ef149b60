import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';

import * as fc from 'fast-check';

import { TarArchive } from '../../../src/layout/tar/tar-archive.js';
import { DockerArchive } from '../../../src/layout/docker-save/docker-archive.js';
import { readAll } from '../../contract/contract-content.js';
import { dockerSave, imageOf, sha256 } from '../../support/docker-save.js';
import { parseManifestJson } from '../../../src/layout/docker-save/manifest-json.js';
import { InvalidError } from '../../../src/oci/errors.js';
import { sharedDirectory } from '../../support/sandbox.js';
import { changedJson } from '../changed-json.js';
import { orError, property, type Target } from '../property.js';

let directory: string;

async function open(): Promise<() => Promise<void>> {
  const shared = await sharedDirectory();
  directory = shared.directory;
  return shared.remove;
}

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

export const dockerArchive: Target = {
  name: 'docker-archive',
  open,
  properties: [
    property(
      'an image has the same manifest for any order of reads, and its layers are unchanged',
      [
        fc.array(anyLayer, { maxLength: 4 }),
        fc.integer({ min: 50, max: 70_000 }),
        fc.constantFrom('gzip' as const, 'none' as const),
      ],
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
          assert.equal(await other.selector(undefined, { layerCompression }), digest);
          const document = await other.readManifest(digest);
          assert(document.kind === 'manifest');
          for (const [position, descriptor] of document.value.layers.entries()) {
            const content = await readAll(await other.openBlob(descriptor));
            const plain = layerCompression === 'gzip' ? gunzipSync(content) : content;
            assert.equal(sha256(plain), sha256(layers[position] ?? Buffer.alloc(0)));
          }
        } finally {
          one.close();
          other.close();
        }
      },
      { batch: 60 },
    ),
  ],
};

const name = fc.stringMatching(/^[a-z0-9]{1,8}(\/[a-z0-9]{1,8})?$/);
const listed = fc.array(
  fc.record(
    {
      Config: name.map((text) => `${text}.json`),
      RepoTags: fc.option(fc.array(name, { maxLength: 2 })),
      Layers: fc.array(
        name.map((text) => `${text}/layer.tar`),
        { maxLength: 3 },
      ),
    },
    { requiredKeys: ['Config', 'Layers'] },
  ),
  { maxLength: 3 },
);

export const manifestJson: Target = {
  name: 'manifest-json',
  properties: [
    property('a list of docker save is read', [listed], (images) => {
      const expected = images.map(({ Config, RepoTags, Layers }) => [Config, RepoTags ?? [], Layers]);
      const read = parseManifestJson(Buffer.from(JSON.stringify(images)), 'manifest.json');
      assert.deepEqual(
        read.map(({ config, names, layers }) => [config, names, layers]),
        expected,
      );
    }),
    property(
      'a changed list is read as file names, or rejected with a list of problems',
      [changedJson(listed)],
      (value) => {
        const bytes = Buffer.from(JSON.stringify(value));
        const read = orError(InvalidError, () => parseManifestJson(bytes, 'manifest.json'));
        if (read instanceof InvalidError) {
          assert(read.problems.length > 0);
          return 'rejected';
        }
        for (const { config, names, layers } of read) {
          assert([config, ...names, ...layers].every((text) => typeof text === 'string'));
        }
        return 'read';
      },
      { batch: 200, reaches: ['rejected', 'read'] },
    ),
  ],
};
