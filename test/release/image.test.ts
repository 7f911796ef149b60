import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { buildImage, type ImageParts } from '../../release/image/image.js';
import { digestOf, Multiarch } from '../../src/index.js';
import { failureOf } from '../support/failure.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { tinyElf } from '../support/tiny-elf.mjs';
import { BASE_PACKAGES } from './packages.js';
import { tarLines, textIn } from './tar-lines.js';

const VERSION = '1.2.3';
const SOURCE_DATE = Date.UTC(2026, 10, 30) / 1000;

async function partsIn(directory: string): Promise<ImageParts> {
  const write = async (name: string, content: string | Uint8Array): Promise<string> => {
    await writeFile(join(directory, name), content);
    return join(directory, name);
  };
  return {
    executables: {
      amd64: await write('amd64', tinyElf('amd64', 'hello from amd64')),
      arm64: await write('arm64', tinyElf('arm64', 'hello from arm64')),
    },
    licences: { LICENSE: 'the licence' },
    revision: '0123456789abcdef0123456789abcdef01234567',
    packages: async () => BASE_PACKAGES,
  };
}

/** Builds an image of tiny executables. @returns its archive, and the name of the image in it */
async function build(): Promise<{ file: string; name: string }> {
  const directory = await temporaryDirectory();
  const options = { version: VERSION, directory, sourceDate: SOURCE_DATE };
  const [file = ''] = await buildImage(options, await partsIn(directory));
  return { file, name: `oci-archive:${file}:${VERSION}` };
}

describe('the container image', () => {
  it('is an index of both platforms with annotations', async () => {
    const { name } = await build();
    await using client = new Multiarch();
    const { document } = await client.inspect(name);
    expect(document.value).toMatchObject({
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [
        { platform: { os: 'linux', architecture: 'amd64' } },
        { platform: { os: 'linux', architecture: 'arm64' } },
      ],
      annotations: {
        'org.opencontainers.image.created': '2026-11-30T00:00:00.000Z',
        'org.opencontainers.image.licenses': 'Apache-2.0',
        'org.opencontainers.image.revision': '0123456789abcdef0123456789abcdef01234567',
        'org.opencontainers.image.source': 'https://github.com/multiarch-cli/multiarch',
        'org.opencontainers.image.title': 'multiarch',
        'org.opencontainers.image.version': VERSION,
      },
    });
  });

  it.each(['amd64', 'arm64'])(
    'runs the executable for %s as a user without privileges',
    async (architecture) => {
      const { name } = await build();
      await using client = new Multiarch();
      const { source, selector } = await client.openSource(name);
      const index = await source.readManifest(selector);
      const entries = index.kind === 'index' ? index.value.manifests : [];
      const entry = entries.find(({ platform }) => platform?.architecture === architecture);
      const manifest = await source.readManifest(entry?.digest ?? selector);
      if (manifest.kind !== 'manifest') throw new Error('it is not an image');
      const { config, layers, annotations } = manifest.value;
      const read = async (descriptor: typeof config): Promise<Buffer> =>
        buffer(await source.openBlob(descriptor));
      const tars = (await Promise.all(layers.map(read))).map((layer) => gunzipSync(layer));

      expect(JSON.parse((await read(config)).toString())).toMatchObject({
        os: 'linux',
        architecture,
        created: '2026-11-30T00:00:00.000Z',
        config: {
          User: '65532:65532',
          Entrypoint: ['/usr/bin/multiarch'],
          WorkingDir: '/work',
          Env: expect.arrayContaining(['HOME=/home/nonroot']),
          Labels: annotations,
        },
        rootfs: { type: 'layers', diff_ids: tars.map((tar) => digestOf(tar)) },
      });
      const [base = Buffer.of(), own = Buffer.of()] = tars;
      expect(textIn(base, 'etc/passwd')).toContain('nonroot:x:65532:65532:');
      expect(tarLines(own).filter((line) => !line.endsWith('/'))).toEqual([
        '0755 0 usr/bin/multiarch',
        '0644 0 usr/share/doc/multiarch/LICENSE',
      ]);
      expect(textIn(own, 'usr/bin/multiarch')).toContain(`hello from ${architecture}`);
    },
  );

  it('is the same in a second build', async () => {
    const [first, second] = [await build(), await build()];
    expect(await readFile(second.file)).toEqual(await readFile(first.file));
  });

  it('replaces the image of an earlier build', async () => {
    const directory = await temporaryDirectory();
    const options = { version: VERSION, directory, sourceDate: SOURCE_DATE };
    const parts = await partsIn(directory);
    const [file = ''] = await buildImage(options, parts);
    const before = await readFile(file);
    await buildImage({ ...options, sourceDate: SOURCE_DATE + 1 }, parts);
    await buildImage(options, parts);
    expect(await readFile(file)).toEqual(before);
  });

  it('cannot have the executable of another processor', async () => {
    const directory = await temporaryDirectory();
    const parts = await partsIn(directory);
    const { amd64, arm64 } = parts.executables;
    const options = { version: VERSION, directory, sourceDate: SOURCE_DATE };
    const error = await failureOf(
      buildImage(options, { ...parts, executables: { amd64: arm64, arm64: amd64 } }),
      Error,
    );
    expect(error.message).toBe(`${arm64} is for arm64`);
  });
});
