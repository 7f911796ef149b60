import { createHash } from 'node:crypto';
import { truncate, writeFile } from 'node:fs/promises';
import { gunzipSync, gzipSync } from 'node:zlib';

import { describe, expect, it, onTestFinished, vi } from 'vitest';

import type { WorkEvent } from '../../../src/content/events.js';
import { DockerArchive, type LayerCompression } from '../../../src/layout/docker-save/docker-archive.js';
import { LayoutReader } from '../../../src/layout/core/layout-reader.js';
import type { Descriptor } from '../../../src/oci/descriptor.js';
import { parseDigest } from '../../../src/oci/digest.js';
import type { ManifestOrIndex } from '../../../src/oci/document.js';
import {
  ArgumentError,
  CancelledError,
  InvalidError,
  MultiarchError,
  NotFoundError,
} from '../../../src/oci/errors.js';
import { OCI_MANIFEST } from '../../../src/oci/media-type.js';
import { parseReference, parseTag } from '../../../src/oci/reference.js';
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
import { failureOf } from '../../support/failure.js';
import { arm64, amd64 } from '../../support/images.js';
import { nestedIndexes } from '../../support/nested-indexes.js';
import { dockerImage, dockerNames, layoutArchive, listedImage } from '../../support/saved-layout.js';
import { tarFile } from '../../support/tar-file.js';
import { tinyImage, tinyIndex } from '../../support/tiny-image.mjs';
import { temporaryFile } from '../temporary-archive.js';

const GZIP = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
const PLAIN = 'application/vnd.docker.image.rootfs.diff.tar';
const UNKNOWN = parseDigest(`sha256:${'0'.repeat(64)}`);

async function archiveOf(bytes: Uint8Array): Promise<DockerArchive> {
  return opened(await temporaryFile(bytes));
}

function opened(path: string, onEvent?: (event: WorkEvent) => void): DockerArchive {
  const archive = new DockerArchive({ path, onEvent });
  onTestFinished(() => archive.close());
  return archive;
}

async function manifestOf(
  archive: DockerArchive,
  layerCompression?: LayerCompression,
  name?: string,
): Promise<ManifestOrIndex & { readonly kind: 'manifest' }> {
  const reference = name === undefined ? undefined : parseReference(name);
  const document = await archive.readManifest(await archive.selector(reference, { layerCompression }));
  if (document.kind !== 'manifest') throw new Error('it is an index');
  return document;
}

async function read(archive: DockerArchive, descriptor: Descriptor): Promise<Buffer> {
  return readAll(await archive.openBlob(descriptor));
}

describe('an image without a manifest', () => {
  const image = keptImage(['app:1'], ['one', 'two', 'three']);

  it('gets a docker manifest with its own config', async () => {
    const archive = await archiveOf(dockerSave(image));
    const { value, mediaType, digest, bytes } = await manifestOf(archive);
    expect(mediaType).toBe('application/vnd.docker.distribution.manifest.v2+json');
    expect(digest).toBe(sha256(bytes));
    expect(value.config).toEqual({
      mediaType: 'application/vnd.docker.container.image.v1+json',
      size: image.config.length,
      digest: sha256(image.config),
    });
    expect(await read(archive, value.config)).toEqual(image.config);
  });

  it('has its layers compressed, in order', async () => {
    const archive = await archiveOf(dockerSave(image));
    const { value } = await manifestOf(archive);
    expect(value.layers.map(({ mediaType }) => mediaType)).toEqual([GZIP, GZIP, GZIP]);
    const layers = await Promise.all(value.layers.map((layer) => read(archive, layer)));
    expect(layers.map((layer) => sha256(gunzipSync(layer)))).toEqual(image.layers.map(sha256));
    expect(layers.map((layer) => layer.length)).toEqual(value.layers.map(({ size }) => size));
  });

  it('may have its layers uncompressed, with predictable digests', async () => {
    const archive = await archiveOf(dockerSave(image));
    const { value, bytes } = await manifestOf(archive, 'none');
    const expected = {
      schemaVersion: 2,
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      config: {
        mediaType: 'application/vnd.docker.container.image.v1+json',
        size: image.config.length,
        digest: sha256(image.config),
      },
      layers: image.layers.map((layer) => ({ mediaType: PLAIN, size: layer.length, digest: sha256(layer) })),
    };
    expect(Buffer.from(bytes).toString()).toBe(JSON.stringify(expected));
    for (const [position, layer] of value.layers.entries()) {
      expect(Buffer.from(image.layers[position] ?? []).equals(await read(archive, layer))).toBe(true);
    }
  });

  it('is reproducible, wherever the archive is and however its files are ordered', async () => {
    const [first, second] = [dockerSave(image), dockerSave(keptImage(['other:2']), image)];
    const { digest } = await manifestOf(await archiveOf(first));
    expect((await manifestOf(await archiveOf(second), 'gzip', 'app:1')).digest).toBe(digest);
    expect((await manifestOf(await archiveOf(gzipSync(first)))).digest).toBe(digest);
  });

  it('shares layers with other images by links in the archive', async () => {
    const other = keptImage(['other:1'], ['one', 'two', 'four']);
    const archive = await archiveOf(dockerSave(image, other));
    const [a, b] = [await manifestOf(archive, 'gzip', 'app:1'), await manifestOf(archive, 'gzip', 'other:1')];
    expect(b.value.layers.slice(0, 2)).toEqual(a.value.layers.slice(0, 2));
    expect(gunzipSync(await read(archive, b.value.layers[1] ?? a.value.config))).toEqual(
      Buffer.from(other.layers[1] ?? []),
    );
  });

  it('may have the same layer twice, or none', async () => {
    const twice = await archiveOf(dockerSave(keptImage(null, ['same'], {})));
    expect((await manifestOf(twice)).value.layers).toHaveLength(1);
    const empty = await archiveOf(dockerSave(imageOf(null, [])));
    expect((await manifestOf(empty)).value.layers).toEqual([]);
    const layer = image.layers[0] ?? Buffer.alloc(0);
    const { value } = await manifestOf(await archiveOf(dockerSave(imageOf(null, [layer, layer]))));
    expect(value.layers[0]).toEqual(value.layers[1]);
  });

  it('keeps layers that are stored compressed', async () => {
    // Of another level, so compressing again would give something else.
    const compressed = image.layers.map((layer) => gzipSync(layer, { level: 1 }));
    const parts = savedParts([image]).map((part) => {
      const at = /^0(\d)\/layer\.tar$/.exec(part.name)?.[1];
      return at === undefined ? part : { ...part, content: compressed[Number(at)] ?? '' };
    });
    const archive = await archiveOf(tarFile(parts));
    for (const compression of ['gzip', 'none'] as const) {
      const { value } = await manifestOf(archive, compression);
      expect(value.layers).toEqual(
        compressed.map((layer) => ({ mediaType: GZIP, size: layer.length, digest: sha256(layer) })),
      );
    }
    const later = await archiveOf(tarFile(parts));
    for (const layer of compressed) {
      const descriptor = { mediaType: GZIP, size: layer.length, digest: parseDigest(sha256(layer)) };
      expect(await read(later, descriptor)).toEqual(layer);
    }
  });

  it('keeps the descriptor of a non-distributable layer, and never returns its content', async () => {
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
    const { value } = await manifestOf(archive);
    expect(value.layers[0]).toEqual(foreign);
    expect(value.layers[1]?.mediaType).toBe(GZIP);
    for (const digest of [parseDigest(foreign.digest), parseDigest(sha256(base))]) {
      const descriptor = { mediaType: PLAIN, digest, size: base.length };
      await expect(archive.openBlob(descriptor)).rejects.toBeInstanceOf(NotFoundError);
    }
  });
});

describe('a digest from an earlier run', () => {
  const image = keptImage(['app:1', 'app:2'], ['one', 'two']);
  const other = keptImage(['other:1'], ['three']);

  it.each(['gzip', 'none'] as const)('is found with layer compression %s', async (compression) => {
    const path = await temporaryFile(dockerSave(other, image));
    const document = await manifestOf(opened(path), compression, 'app:1');
    const { digest, mediaType, bytes } = document;
    expect(await opened(path).readManifest(digest)).toEqual(document);
    expect(await opened(path).resolve(digest)).toEqual({ mediaType, digest, size: bytes.length });
    for (const blob of [document.value.config, ...document.value.layers]) {
      expect(sha256(await read(opened(path), blob))).toBe(blob.digest);
    }
  });

  it('is found for several blobs at the same time', async () => {
    const path = await temporaryFile(dockerSave(other, image));
    const { value } = await manifestOf(opened(path), 'gzip', 'app:1');
    const later = opened(path);
    const blobs = [value.config, ...value.layers, ...value.layers];
    const contents = await Promise.all(blobs.map((blob) => read(later, blob)));
    expect(contents.map(sha256)).toEqual(blobs.map(({ digest }) => digest));
  });

  it('is not found if the archive does not have it', async () => {
    const archive = await archiveOf(dockerSave(other, image));
    expect(await archive.find(UNKNOWN)).toBeUndefined();
    await expect(archive.resolve(UNKNOWN)).rejects.toMatchObject({
      kind: 'not-found',
      hint: 'It holds other:1, app:1, app:2.',
    });
    const error = await failureOf(
      archive.openBlob({ mediaType: GZIP, digest: UNKNOWN, size: 1 }),
      MultiarchError,
    );
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error.message).toBe(`blob ${UNKNOWN} is not in ${archive.label}`);
    expect(error.hint).toContain('re-create the draft');
  });

  it('is found beside a damaged image', async () => {
    const damaged = imageOf(['damaged:1'], other.layers, { rootfs: { type: 'layers', diff_ids: [UNKNOWN] } });
    const path = await temporaryFile(dockerSave(damaged, image));
    const document = await manifestOf(opened(path), 'gzip', 'app:1');
    expect((await opened(path).readManifest(document.digest)).digest).toBe(document.digest);
    for (const blob of document.value.layers)
      expect(sha256(await read(opened(path), blob))).toBe(blob.digest);
    await expect(opened(path).find(UNKNOWN)).rejects.toBeInstanceOf(InvalidError);
  });

  it('is that of the image with the tag', async () => {
    const archive = await archiveOf(dockerSave(other, image));
    const { digest } = await manifestOf(archive, 'gzip', 'app:2');
    expect((await archive.resolve(parseTag('2'))).digest).toBe(digest);
    expect((await archive.readManifest(parseTag('2'))).digest).toBe(digest);
    expect(await archive.find(parseTag('3'))).toBeUndefined();
    await expect(archive.find(parseTag('1'))).rejects.toBeInstanceOf(ArgumentError);
  });
});

describe('an archive that has an image layout too', () => {
  it('returns its own manifests', async () => {
    const kept = keptImage(['app:1'], ['one', 'two']);
    const entry = dockerImage(kept, 'docker.io/library/app:1');
    const archive = await archiveOf(layoutArchive([entry], entry.parts));
    const document = await manifestOf(archive, 'gzip', 'app:1');
    expect(Buffer.from(document.bytes)).toEqual(entry.bytes);
    expect((await archive.resolve(parseTag('1'))).digest).toBe(document.digest);
    expect(await read(archive, document.value.config)).toEqual(kept.config);
    expect(await archive.find(UNKNOWN)).toBeUndefined();
    await expect(archive.readManifest(UNKNOWN)).rejects.toThrow(`${UNKNOWN} is not in ${archive.label}`);
    await expect(archive.openBlob({ mediaType: PLAIN, digest: UNKNOWN, size: 1 })).rejects.toBeInstanceOf(
      NotFoundError,
    );
  });

  it('finds an image by its full name if several share a tag', async () => {
    const archive = await archiveOf(
      layoutArchive([
        listedImage(arm64, dockerNames('docker.io/library/app:1')),
        listedImage(amd64, dockerNames('registry.example.com/other:1')),
      ]),
    );
    expect((await manifestOf(archive, 'gzip', 'app:1')).digest).toBe(arm64.manifest.digest);
    expect((await manifestOf(archive, 'gzip', 'registry.example.com/other:1')).digest).toBe(
      amd64.manifest.digest,
    );
    const error = await failureOf(archive.selector(undefined), MultiarchError);
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.hint).toBe('Choose one: docker.io/library/app:1, registry.example.com/other:1.');
    await expect(archive.selector(parseReference('app:2'))).rejects.toBeInstanceOf(NotFoundError);
    await expect(archive.find(parseTag('1'))).rejects.toBeInstanceOf(ArgumentError);
  });

  const index = tinyIndex([arm64, amd64], { attestations: true });
  const name = dockerNames('docker.io/library/app:1');
  const listedIndex = (images: typeof index.images): Parameters<typeof layoutArchive>[0][number] => ({
    mediaType: index.mediaType,
    bytes: index.bytes,
    annotations: name,
    blobs: [index.bytes, ...images.flatMap((image) => listedImage(image).blobs)],
  });

  it('returns a complete index', async () => {
    const archive = await archiveOf(layoutArchive([listedIndex(index.images)]));
    expect(await archive.selector(parseReference('app:1'))).toBe(index.digest);
    expect((await archive.readManifest(parseTag('1'))).kind).toBe('index');
  });

  it.each([
    ['with its attestation', [arm64, index.images[2] ?? arm64]],
    ['alone', [arm64]],
  ])('returns the only image of an index that was saved, %s', async (_, images) => {
    const archive = await archiveOf(layoutArchive([listedIndex(images)]));
    expect(await archive.selector(undefined)).toBe(arm64.manifest.digest);
    expect((await archive.resolve(parseTag('1'))).digest).toBe(arm64.manifest.digest);
  });

  it('returns an index with some of its images, and warns', async () => {
    const three = tinyIndex([arm64, amd64, tinyImage({ architecture: 'riscv64' })]);
    const entry = { ...listedIndex([arm64, amd64]), bytes: three.bytes };
    const bytes = layoutArchive([{ ...entry, blobs: [three.bytes, ...entry.blobs] }]);
    const events: WorkEvent[] = [];
    const archive = opened(await temporaryFile(bytes), (event) => events.push(event));
    expect(await archive.selector(undefined)).toBe(three.digest);
    expect(events).toEqual([
      {
        kind: 'warning',
        message: `${archive.label} holds 2 of the 3 images of ${three.digest}: linux/arm64, linux/amd64`,
      },
    ]);
  });

  const manyTimes = (levels = 4) => {
    const digest = parseDigest(arm64.manifest.digest);
    const size = arm64.manifest.bytes.length;
    const image = { mediaType: OCI_MANIFEST, digest, size };
    const indexes = nestedIndexes(image, levels);
    const outermost = indexes.at(-1);
    if (outermost === undefined) throw new Error('no index');
    const { mediaType, bytes } = outermost;
    const blobs = [...indexes.map((nested) => nested.bytes), ...listedImage(arm64).blobs];
    return { outermost, entry: { mediaType, bytes, annotations: name, blobs } };
  };

  it('rejects indexes that nest too deep', async () => {
    const archive = await archiveOf(layoutArchive([manyTimes(5).entry]));
    const message = `${archive.label} nests image indexes more than 4 deep`;
    expect((await failureOf(archive.selector(undefined), MultiarchError)).message).toBe(message);
  });

  it('reads an index once even if it is listed many times', async () => {
    const { outermost, entry } = manyTimes();
    const archive = await archiveOf(layoutArchive([entry]));
    const reads = vi.spyOn(LayoutReader.prototype, 'readManifest');
    onTestFinished(() => reads.mockRestore());

    expect(await archive.selector(undefined)).toBe(outermost.digest);

    expect(reads).toHaveBeenCalledTimes(5);
  });

  it('stops reading its indexes when it is cancelled', async () => {
    const { outermost, entry } = manyTimes();
    const archive = await archiveOf(layoutArchive([entry]));
    const controller = new AbortController();
    const reads = vi.spyOn(LayoutReader.prototype, 'readManifest').mockImplementation(async () => {
      controller.abort();
      return outermost;
    });
    onTestFinished(() => reads.mockRestore());

    const error = await failureOf(archive.selector(undefined, { signal: controller.signal }), MultiarchError);

    expect(error).toMatchObject({ kind: 'cancelled' });
    expect(reads).toHaveBeenCalledTimes(1);
  });

  it('falls back to manifest.json if nothing of the layout was saved', async () => {
    const kept = keptImage(['app:1']);
    const entry = { ...dockerImage(kept, 'docker.io/library/app:1'), blobs: [] };
    const archive = await archiveOf(layoutArchive([entry], savedParts([kept])));
    expect((await manifestOf(archive)).mediaType).toBe(
      'application/vnd.docker.distribution.manifest.v2+json',
    );
  });

  it('reports what is missing if there is no manifest.json to fall back to', async () => {
    const entry = listedImage(arm64, name);
    const archive = await archiveOf(layoutArchive([{ ...entry, blobs: entry.blobs.slice(0, 2) }]));
    const error = await failureOf(archive.selector(undefined), MultiarchError);
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error.message).toBe(
      `${archive.label} lists ${arm64.manifest.digest}, but does not hold all of it`,
    );
  });

  it('is read by manifest.json if the layout lists nothing', async () => {
    const kept = keptImage(['app:1']);
    const archive = await archiveOf(layoutArchive([], savedParts([kept])));
    expect((await manifestOf(archive)).value.config.digest).toBe(sha256(kept.config));
  });
});

describe('an invalid archive', () => {
  const image = keptImage(['app:1'], ['one', 'two']);
  const without = (name: string): Buffer => tarFile(savedParts([image]).filter((part) => part.name !== name));
  const instead = (contents: unknown): Buffer =>
    tarFile([...savedParts([image]), { name: 'manifest.json', content: JSON.stringify(contents) }]);
  const config = `${sha256(image.config).slice('sha256:'.length)}.json`;

  it.each<[what: string, bytes: Buffer, message: string]>([
    ['no manifest.json', without('manifest.json'), 'it has no manifest.json'],
    ['a manifest.json that is wrong', instead([{ Layers: 7 }]), '/0/Config is missing'],
    ['a manifest.json without an image', instead([]), 'holds no image'],
    ['no config', without(config), `config "${config}" of LABEL is listed in manifest.json, but is missing`],
    [
      'no layer',
      without('01/layer.tar'),
      'layer "01/layer.tar" of LABEL is listed in manifest.json, but is missing',
    ],
    [
      'a config that is elsewhere',
      instead([{ ...listed(image), Config: '../../etc/passwd' }]),
      'config "../../etc/passwd" of LABEL is listed',
    ],
    [
      'a layer that is elsewhere',
      instead([{ ...listed(image), Layers: ['/etc/passwd', '01/layer.tar'] }]),
      'layer "/etc/passwd" of LABEL is listed',
    ],
    [
      'too few layers',
      instead([{ ...listed(image), Layers: ['00/layer.tar'] }]),
      'has a different number of layers (2) than manifest.json (1)',
    ],
    [
      'layers in another order',
      instead([{ ...listed(image), Layers: ['01/layer.tar', '00/layer.tar'] }]),
      `layer "01/layer.tar" of LABEL does not match the image's config`,
    ],
    [
      'a config that is no JSON',
      tarFile([
        ...savedParts([image]),
        { name: 'config', content: 'text' },
        { name: 'manifest.json', content: JSON.stringify([{ ...listed(image), Config: 'config' }]) },
      ]),
      'config "config" of LABEL is not JSON',
    ],
    [
      'diff_ids that cannot be verified',
      dockerSave(
        imageOf(null, image.layers.slice(0, 1), { rootfs: { type: 'layers', diff_ids: ['md5:1'] } }),
      ),
      'has a diff_id that cannot be verified: "md5:1"',
    ],
    [
      'a layer that is compressed with xz',
      withLayer(Buffer.concat([Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), Buffer.alloc(1000, 1)])),
      'layer "00/layer.tar" of LABEL is compressed with xz, which no media type of a layer names',
    ],
    [
      'a layer that is compressed with bzip2',
      withLayer(Buffer.concat([Buffer.from('BZh91AY'), Buffer.alloc(1000, 1)])),
      'layer "00/layer.tar" of LABEL is compressed with bzip2, which no media type of a layer names',
    ],
    [
      'a truncated compressed layer',
      withLayer(gzipSync('x').subarray(0, 15)),
      'is damaged: it cannot be decompressed',
    ],
    [
      'a compressed layer with something after it',
      withLayer(Buffer.concat([gzipSync('x'), Buffer.from('y')])),
      'is damaged',
    ],
    [
      'a compressed layer of something else',
      withLayer(gzipSync('x')),
      `layer "00/layer.tar" of LABEL does not match the image's config: its diff_id is ${sha256(Buffer.from('x'))}`,
    ],
  ])('%s', async (_, bytes, message) => {
    const archive = await archiveOf(bytes);
    const error = await failureOf(archive.selector(undefined), MultiarchError);
    expect(error).toBeInstanceOf(message === 'holds no image' ? NotFoundError : InvalidError);
    expect(error.message.replaceAll(archive.label, 'LABEL')).toContain(message);
  });

  it('with a wrong layer that stays uncompressed is detected when it is read', async () => {
    const archive = await archiveOf(
      instead([{ ...listed(image), Layers: ['01/layer.tar', '00/layer.tar'] }]),
    );
    const { value } = await manifestOf(archive, 'none');
    await expect(read(archive, value.layers[0] ?? value.config)).rejects.toThrow(
      `digest mismatch: expected ${archive.label}@`,
    );
  });

  it('that is truncated anywhere is rejected', async () => {
    const bytes = tarFile(savedParts([image]).filter(({ name }) => name !== 'repositories'));
    for (let size = 0; size < bytes.length - 1024; size += 512) {
      const archive = await archiveOf(bytes.subarray(0, size));
      // Cut between two files, it looks like a whole one that lacks some: manifest.json is the last.
      await expect(archive.selector(undefined)).rejects.toBeInstanceOf(InvalidError);
    }
  });

  it('that is truncated while it is open is detected', async () => {
    const path = await temporaryFile(dockerSave(image));
    const archive = opened(path);
    // Compressed layers are not read from the archive again.
    const { value } = await manifestOf(archive, 'none');
    await truncate(path, 1024);
    await expect(read(archive, value.layers[1] ?? value.config)).rejects.toBeInstanceOf(InvalidError);
  });

  it('that was replaced since is detected', async () => {
    const path = await temporaryFile(dockerSave(image));
    const { value } = await manifestOf(opened(path));
    await writeFile(path, dockerSave(keptImage(['app:1'], ['three', 'four'])));
    await expect(opened(path).openBlob(value.layers[0] ?? value.config)).rejects.toMatchObject({
      kind: 'not-found',
      hint: expect.stringContaining('re-create the draft'),
    });
  });
});

describe('cancellation', () => {
  const image = keptImage(['app:1'], ['one', 'two']);
  /** Takes long enough to compress to be interrupted. */
  const large = imageOf(['app:1'], [noise(4 << 20), noise((4 << 20) + 1)]);

  it('before the call reads nothing', async () => {
    const archive = await archiveOf(dockerSave(image));
    const signal = AbortSignal.abort();
    const blob = { mediaType: PLAIN, digest: UNKNOWN, size: 1 };
    for (const promise of [
      archive.selector(undefined, { signal }),
      archive.find(UNKNOWN, { signal }),
      archive.resolve(UNKNOWN, { signal }),
      archive.readManifest(UNKNOWN, { signal }),
      archive.openBlob(blob, { signal }),
    ]) {
      await expect(promise).rejects.toBeInstanceOf(CancelledError);
    }
  });

  it('of one caller does not affect another', async () => {
    const archive = await archiveOf(dockerSave(large));
    await archive.find(parseTag('none'));
    const controller = new AbortController();
    const [given, kept] = [
      archive.selector(undefined, { signal: controller.signal }),
      archive.selector(undefined),
    ];
    controller.abort();
    await expect(given).rejects.toBeInstanceOf(CancelledError);
    expect((await archive.resolve(await kept)).size).toBeGreaterThan(0);
  });

  it('ends a blob that is being read', async () => {
    const archive = await archiveOf(dockerSave(large));
    const { value } = await manifestOf(archive);
    const controller = new AbortController();
    const stream = await archive.openBlob(value.layers[0] ?? value.config, { signal: controller.signal });
    stream.once('data', () => controller.abort());
    await expect(readAll(stream)).rejects.toBeInstanceOf(CancelledError);
  });

  it('by closing ends running work, and nothing is read after it', async () => {
    const archive = await archiveOf(dockerSave(large));
    await archive.find(parseTag('none'));
    const pending = failureOf(archive.selector(undefined), MultiarchError);
    archive.close();
    archive.close();
    expect((await pending).message).toMatch(/closed|cancelled/);
    await expect(archive.selector(undefined)).rejects.toThrow('closed');
  });

  it('by closing works before and while the file is opened', async () => {
    const archive = await archiveOf(dockerSave(image));
    const pending = failureOf(archive.selector(undefined), MultiarchError);
    archive.close();
    expect((await pending).message).toMatch(/closed|cancelled/);
    const other = await archiveOf(dockerSave(image));
    other.close();
    await expect(other.selector(undefined)).rejects.toThrow(`cannot read ${other.label}: it has been closed`);
  });
});

/** An archive whose first layer is this, whatever its config says. */
function withLayer(content: Uint8Array): Buffer {
  const image: KeptImage = keptImage(['app:1'], ['one']);
  return tarFile(
    savedParts([image]).map((part) => (part.name === '00/layer.tar' ? { ...part, content } : part)),
  );
}

/** Bytes that look random and are the same each time. */
function noise(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let block = Buffer.from(String(size));
  for (let at = 0; at < size; at += 64) {
    block = createHash('sha512').update(block).digest();
    block.copy(bytes, at);
  }
  return bytes;
}
