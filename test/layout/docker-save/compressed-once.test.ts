import { readdirSync, readlinkSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

import { expect, it, onTestFinished, vi } from 'vitest';

import { DockerArchive } from '../../../src/layout/docker-save/docker-archive.js';
import { TarArchive } from '../../../src/layout/tar/tar-archive.js';
import { TemporaryFile } from '../../../src/layout/tar/temporary-file.js';
import type { Descriptor } from '../../../src/oci/descriptor.js';
import { FailedError, InvalidError } from '../../../src/oci/errors.js';
import { readAll } from '../../contract/contract-content.js';
import { dockerSave, imageOf, keptImage } from '../../support/docker-save.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { temporaryFile } from '../temporary-archive.js';

const image = keptImage(['app:1'], ['one', 'two']);

async function start(saved = image): Promise<{
  readonly archive: DockerArchive;
  /** Describes the layers, each of which is compressed for it. */
  readonly layers: () => Promise<readonly Descriptor[]>;
  /** The files of layers that were opened, in order. */
  readonly opened: () => string[];
}> {
  const archive = new DockerArchive({ path: await temporaryFile(dockerSave(saved)) });
  onTestFinished(() => archive.close());
  const calls = vi.spyOn(TarArchive.prototype, 'openFile');
  onTestFinished(() => calls.mockRestore());
  return {
    archive,
    layers: async () => {
      const document = await archive.readManifest(await archive.selector(undefined));
      if (document.kind !== 'manifest') throw new Error('it is an index');
      return document.value.layers;
    },
    opened: () => calls.mock.calls.map(([name]) => name),
  };
}

it('a layer is compressed once, however often it is read', async () => {
  const { archive, layers, opened } = await start();
  const described = await layers();
  const before = opened().length;
  for (const [position, layer] of [...described, ...described].entries()) {
    const bytes = await readAll(await archive.openBlob(layer));
    expect(gunzipSync(bytes)).toEqual(Buffer.from(image.layers[position % 2] ?? []));
  }
  // The signature and the content of each layer, both for the manifest.
  expect(before).toBe(4);
  expect(opened().slice(before)).toEqual([]);
});

it('a layer is compressed again if no temporary file can be opened', async () => {
  vi.stubEnv('TMPDIR', '/missing/directory');
  onTestFinished(() => void vi.unstubAllEnvs());
  const { archive, layers, opened } = await start();
  const described = await layers();
  const before = opened().length;
  const [first] = await Promise.all(described.map(async (layer) => readAll(await archive.openBlob(layer))));
  expect(gunzipSync(first ?? Buffer.alloc(0))).toEqual(Buffer.from(image.layers[0] ?? []));
  expect(opened().slice(before)).toHaveLength(2);
});

it('a layer is compressed again if the disk is full', async () => {
  const append = vi
    .spyOn(TemporaryFile.prototype, 'append')
    .mockRejectedValue(new FailedError('the disk is full'));
  onTestFinished(() => append.mockRestore());
  const { archive, layers } = await start();
  const [layer] = await layers();
  if (layer === undefined) throw new Error('no layer');
  expect(gunzipSync(await readAll(await archive.openBlob(layer)))).toEqual(
    Buffer.from(image.layers[0] ?? []),
  );
});

it.runIf(process.platform === 'linux')(
  'the temporary files have no name, and are closed with the archive or after a failure',
  async () => {
    const temporary = await temporaryDirectory();
    vi.stubEnv('TMPDIR', temporary);
    onTestFinished(() => void vi.unstubAllEnvs());
    const { archive, layers } = await start();
    await layers();
    expect(openIn(temporary)).toHaveLength(2);
    expect(readdirSync(temporary)).toEqual([]);
    archive.close();
    expect(openIn(temporary)).toEqual([]);

    // The layer is not the one of the config.
    const [layer = Buffer.alloc(0)] = image.layers;
    const damaged = await start({ ...imageOf(['app:1'], [layer]), layers: [Buffer.from('another')] });
    await expect(damaged.layers()).rejects.toBeInstanceOf(InvalidError);
    expect(openIn(temporary)).toEqual([]);
  },
);

/** The open files of this process that were in a directory. */
function openIn(directory: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${descriptor}`);
      return target.startsWith(directory) ? [target] : [];
    } catch {
      return [];
    }
  });
}
