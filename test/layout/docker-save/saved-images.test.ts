import { describe, expect, it, onTestFinished } from 'vitest';

import type { WorkEvent } from '../../../src/content/events.js';
import { DockerArchive } from '../../../src/layout/docker-save/docker-archive.js';
import { parseDigest, type Digest } from '../../../src/oci/digest.js';
import type { ManifestDocument } from '../../../src/oci/document.js';
import { InvalidError, NotFoundError } from '../../../src/oci/errors.js';
import { parseReference, parseTag, withDefaultTag } from '../../../src/oci/reference.js';
import { readAll } from '../../contract/contract-content.js';
import {
  dockerSave,
  imageOf,
  keptImage,
  listed,
  savedParts,
  sha256,
  type KeptImage,
} from '../../support/docker-save.js';
import { dockerImage, layoutArchive, listedImage } from '../../support/saved-layout.js';
import { arm64 } from '../../support/images.js';
import { tarFile } from '../../support/tar-file.js';
import { zstdOf } from '../../support/zstd.js';
import { temporaryFile } from '../temporary-archive.js';

const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';

async function archiveOf(bytes: Uint8Array, warnings: string[] = []): Promise<DockerArchive> {
  const onEvent = (event: WorkEvent): void => {
    if (event.kind === 'warning') warnings.push(event.message);
  };
  const archive = new DockerArchive({ path: await temporaryFile(bytes), onEvent });
  onTestFinished(() => archive.close());
  return archive;
}

async function manifestOf(archive: DockerArchive, digest: Digest): Promise<ManifestDocument> {
  const document = await archive.readManifest(digest);
  if (document.kind !== 'manifest') throw new Error('it is an index');
  return document;
}

/** An archive whose layers are stored as given, in files of these names. */
function storedAs(image: KeptImage, layers: readonly { name: string; content: Uint8Array }[]): Buffer {
  const contents = [{ ...listed(image), Layers: layers.map(({ name }) => name) }];
  return tarFile([
    ...savedParts([image]).filter(({ name }) => name.endsWith('.json') && name !== 'manifest.json'),
    ...layers.map(({ name, content }) => ({ name, content: Buffer.from(content) })),
    { name: 'manifest.json', content: JSON.stringify(contents) },
  ]);
}

function hexOf(bytes: Uint8Array): string {
  return sha256(bytes).slice('sha256:'.length);
}

describe('an OCI manifest of a saved image', () => {
  const image = keptImage(['app:1'], ['one', 'two']);

  it.each([
    ['gzip', `${OCI_LAYER}+gzip`],
    ['none', OCI_LAYER],
  ] as const)('has OCI media types with layer compression %s', async (layerCompression, mediaType) => {
    const archive = await archiveOf(dockerSave(image));
    const digest = await archive.selector(undefined, { format: 'oci', layerCompression });
    const docker = await archive.selector(undefined, { layerCompression });
    const [{ value, mediaType: manifestType, bytes }, dockerManifest] = await Promise.all([
      manifestOf(archive, digest),
      manifestOf(archive, docker),
    ]);
    expect(manifestType).toBe('application/vnd.oci.image.manifest.v1+json');
    expect(value.config).toEqual({
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: sha256(image.config),
      size: image.config.length,
    });
    expect(value.layers).toEqual(dockerManifest.value.layers.map((layer) => ({ ...layer, mediaType })));
    expect(Buffer.from(bytes).toString()).toMatch(
      /^\{"schemaVersion":2,"mediaType":"[^"]+","config":\{"mediaType/,
    );
  });

  it('is found by its digest later', async () => {
    const path = await temporaryFile(dockerSave(keptImage(['other:1'], ['x']), image));
    const opened = (): DockerArchive => {
      const archive = new DockerArchive({ path });
      onTestFinished(() => archive.close());
      return archive;
    };
    for (const layerCompression of ['gzip', 'none'] as const) {
      const digest = await opened().selector(parseReference('app:1'), { format: 'oci', layerCompression });
      expect((await opened().resolve(digest)).digest).toBe(digest);
    }
  });

  it('names a non-distributable layer by its OCI media type', async () => {
    const [base = Buffer.alloc(0)] = image.layers;
    const foreign = {
      mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      size: 1234,
      digest: `sha256:${'5'.repeat(64)}`,
      urls: ['https://example.com/base'],
    };
    const contents = [{ ...listed(image), LayerSources: { [sha256(base)]: foreign } }];
    const archive = await archiveOf(
      tarFile([...savedParts([image]), { name: 'manifest.json', content: JSON.stringify(contents) }]),
    );
    const { value } = await manifestOf(archive, await archive.selector(undefined, { format: 'oci' }));
    expect(value.layers[0]).toEqual({
      ...foreign,
      mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
    });
  });
});

describe('a layer that is stored with zstd', () => {
  const image = keptImage(['app:1'], ['one', 'two']);
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = image.layers;
  const compressed = zstdOf(first);

  it.each(['docker', 'oci'] as const)('is kept, in an OCI manifest (%s)', async (format) => {
    const warnings: string[] = [];
    const archive = await archiveOf(
      storedAs(image, [
        { name: `${hexOf(compressed)}.tar.gz`, content: compressed },
        { name: '01/layer.tar', content: second },
      ]),
      warnings,
    );
    for (const layerCompression of ['gzip', 'none'] as const) {
      const { value, mediaType } = await manifestOf(
        archive,
        await archive.selector(undefined, { format, layerCompression }),
      );
      expect(mediaType).toBe('application/vnd.oci.image.manifest.v1+json');
      expect(value.config.mediaType).toBe('application/vnd.oci.image.config.v1+json');
      expect(value.layers[0]).toEqual({
        mediaType: `${OCI_LAYER}+zstd`,
        digest: sha256(compressed),
        size: compressed.length,
      });
      expect(value.layers[1]?.mediaType).toBe(layerCompression === 'gzip' ? `${OCI_LAYER}+gzip` : OCI_LAYER);
      expect(await readAll(await archive.openBlob(value.layers[0] ?? value.config))).toEqual(compressed);
    }
    expect(warnings).toEqual([]);
  });

  it('is reported if its file is not named after its digest', async () => {
    const warnings: string[] = [];
    const bytes = storedAs(image, [
      { name: '00/layer.tar', content: compressed },
      { name: '01/layer.tar', content: second },
    ]);
    const archive = await archiveOf(bytes, warnings);
    await archive.selector(undefined);
    expect(warnings).toEqual([
      `layer "00/layer.tar" of ${archive.label} is compressed with zstd, and was not compared with its diff_id`,
    ]);
  });
});

describe('a tar file whose first name is a signature', () => {
  it('is an uncompressed layer', async () => {
    const layer = tarFile([{ name: 'BZh91AY', content: 'text' }]);
    const archive = await archiveOf(dockerSave(imageOf(null, [layer])));
    const { value } = await manifestOf(
      archive,
      await archive.selector(undefined, { layerCompression: 'none' }),
    );
    expect(value.layers[0]?.digest).toBe(sha256(layer));
  });
});

describe('a config that is named after another digest', () => {
  it.each([`${'0'.repeat(64)}.json`, `blobs/sha256/${'0'.repeat(64)}`, `sha256:${'0'.repeat(64)}`])(
    '%s is reported, and used',
    async (name) => {
      const image = keptImage(['app:1']);
      const warnings: string[] = [];
      const archive = await archiveOf(
        tarFile([
          ...savedParts([image]).filter((part) => part.name.endsWith('layer.tar')),
          { name, content: image.config },
          { name: 'manifest.json', content: JSON.stringify([{ ...listed(image), Config: name }]) },
        ]),
        warnings,
      );
      const { value } = await manifestOf(archive, await archive.selector(undefined));
      expect(value.config.digest).toBe(sha256(image.config));
      expect(warnings).toEqual([
        `config "${name}" of ${archive.label} does not match its name: its digest is ${sha256(image.config)}`,
      ]);
    },
  );
});

describe('images without a name', () => {
  const [one, two, named] = [keptImage(null, ['one']), keptImage([], ['two']), keptImage(['app'], ['three'])];
  const saved = dockerSave(one, two, named);

  it('are listed by their image IDs, which select them', async () => {
    const archive = await archiveOf(saved);
    const ids = [one, two].map(({ config }) => parseDigest(sha256(config)));
    await expect(archive.selector(undefined)).rejects.toMatchObject({
      kind: 'argument',
      hint: `Choose one: app, ${ids.map((id) => `@${id}`).join(', ')}.`,
    });
    for (const [position, id] of ids.entries()) {
      const digest = await archive.selectorOf(id);
      expect((await manifestOf(archive, digest)).value.config.digest).toBe(id);
      expect(await archive.selectorAt(position)).toBe(digest);
      // The digest of a manifest selects itself.
      expect(await archive.selectorOf(digest)).toBe(digest);
      const oci = await archive.selectorOf(id, { format: 'oci' });
      expect((await archive.resolve(oci)).mediaType).toBe('application/vnd.oci.image.manifest.v1+json');
    }
  });

  it('are not needed to find one that was saved without a tag', async () => {
    const archive = await archiveOf(saved);
    const digest = await archive.selector(withDefaultTag(parseReference('docker.io/library/app')));
    expect((await manifestOf(archive, digest)).value.config.digest).toBe(sha256(named.config));
  });

  it('are found by position only if the archive has so many', async () => {
    const archive = await archiveOf(saved);
    await expect(archive.selectorAt(3)).rejects.toBeInstanceOf(NotFoundError);
  });
});

describe('an archive with a layout and manifest.json', () => {
  const [one, two] = [keptImage(['app:1'], ['one']), keptImage(['app:2'], ['two'])];
  const [first, second] = [
    dockerImage(one, 'docker.io/library/app:1'),
    dockerImage(two, 'docker.io/library/app:2'),
  ];
  const again = { ...first, annotations: { ...second.annotations, 'io.containerd.image.name': 'x:3' } };
  const contents = [second, first].flatMap(({ parts }) =>
    parts.flatMap(({ content }) => JSON.parse(String(content)) as unknown[]),
  );
  // manifest.json lists each image once, index.json each name.
  const archive = (): Promise<DockerArchive> =>
    archiveOf(
      layoutArchive([first, again, second], [{ name: 'manifest.json', content: JSON.stringify(contents) }]),
    );

  it('has the positions of manifest.json', async () => {
    const opened = await archive();
    expect(await opened.selectorAt(0)).toBe(sha256(second.bytes));
    expect(await opened.selectorAt(1)).toBe(sha256(first.bytes));
    await expect(opened.selectorAt(2)).rejects.toBeInstanceOf(NotFoundError);
  });

  it('finds an image by its ID', async () => {
    const opened = await archive();
    expect(await opened.selectorOf(parseDigest(sha256(two.config)))).toBe(sha256(second.bytes));
    expect(await opened.selectorOf(parseDigest(sha256(first.bytes)))).toBe(sha256(first.bytes));
  });

  it('has the positions of index.json without manifest.json', async () => {
    const opened = await archiveOf(layoutArchive([listedImage(arm64)]));
    expect(await opened.selectorAt(0)).toBe(arm64.manifest.digest);
  });
});

describe('a manifest with another number of layers than its config', () => {
  const image = keptImage(['app:1'], ['one', 'two']);
  const whole = dockerImage(image, 'docker.io/library/app:1');

  it.each([
    ['null, as a release candidate of docker 25 wrote it', null, 0],
    ['none', [], 0],
    ['one of two', 'first', 1],
  ])('%s: is refused', async (_, layers, count) => {
    const manifest = JSON.parse(whole.bytes.toString()) as { layers: unknown[] };
    const bytes = Buffer.from(
      JSON.stringify({ ...manifest, layers: layers === 'first' ? manifest.layers.slice(0, 1) : layers }),
    );
    const entry = { ...whole, bytes, blobs: [bytes, ...whole.blobs.slice(1)] };
    const digest = parseDigest(sha256(bytes));
    for (const select of [
      (archive: DockerArchive) => archive.selector(undefined),
      (archive: DockerArchive) => archive.selector(parseReference('app:1')),
      (archive: DockerArchive) => archive.selectorAt(0),
      (archive: DockerArchive) => archive.readManifest(digest),
      (archive: DockerArchive) => archive.readManifest(parseTag('1')),
    ]) {
      const archive = await archiveOf(layoutArchive([entry], whole.parts));
      const failure = select(archive);
      await expect(failure).rejects.toBeInstanceOf(InvalidError);
      await expect(failure).rejects.toThrow(
        `image ${digest} of ${archive.label} has ${count} layers, but its config has 2`,
      );
    }
  });
});
