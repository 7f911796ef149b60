import { existsSync } from 'node:fs';
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';

import { describe, expect, it, vi } from 'vitest';

import { readableOf } from '../../../src/content/verified-stream.js';
import { MemoryStore } from '../../../src/content/memory-store.js';
import { temporaryName } from '../../../src/files/temporary-name.js';
import { digestOf, type Digest } from '../../../src/oci/digest.js';
import { documentDescriptor } from '../../../src/oci/document.js';
import { CancelledError, FailedError, InvalidError, NotFoundError } from '../../../src/oci/errors.js';
import { parseTag } from '../../../src/oci/reference.js';
import {
  copyImage,
  manifestOf,
  readAll,
  sampleImage,
  sampleIndex,
  sourceOf,
} from '../../contract/contract-content.js';
import { artifact, documentOf } from '../../support/artifact.js';
import { leaveLeftovers } from '../../support/leftovers.js';
import { tarFile } from '../../support/tar-file.js';
import { describeVectors, vectorBytes, vectorJson } from '../../support/vectors.js';
import {
  archivePath,
  blobName,
  damage,
  layoutTarOf,
  listTar,
  openOciArchive,
  push,
  pushImage,
  readArchivedIndex,
  writeLayoutTar,
} from './temporary-oci-archive.js';

const REF_NAME = 'org.opencontainers.image.ref.name';
const TAG = parseTag('1.0');
const image = sampleImage();
const entry = documentDescriptor(image.document);
const tagged = { ...entry, annotations: { [REF_NAME]: '1.0' } };

/** The names in an archive, without `blobs/sha256/`. */
async function namesIn(path: string): Promise<string[]> {
  return (await listTar(path)).map(({ name }) => name.replace('blobs/sha256/', ''));
}

function hex({ digest }: { readonly digest: string }): string {
  return digest.slice('sha256:'.length);
}

async function beside(path: string): Promise<string[]> {
  return (await readdir(join(path, '..'))).toSorted();
}

describe('reading', () => {
  it('reports a missing file and does not create it', async () => {
    const path = await archivePath();
    const archive = openOciArchive(path);
    for (const call of [
      () => archive.names(),
      () => archive.defaultSelector(),
      () => archive.resolve(TAG),
      () => archive.readManifest(TAG),
    ]) {
      await expect(call()).rejects.toMatchObject({
        kind: 'not-found',
        message: `oci-archive:${path} does not exist`,
      });
    }
    expect(await archive.find(TAG)).toBeUndefined();
    expect(await beside(path)).toEqual([]);
  });

  it('finds a file that is created later', async () => {
    const path = await archivePath();
    const archive = openOciArchive(path);
    expect(await archive.find(TAG)).toBeUndefined();
    await push(path, { '1.0': image });
    expect(await archive.find(TAG)).toEqual(entry);
  });

  it('opens archives that other tools compressed', async () => {
    const path = await archivePath();
    await push(path, { '1.0': image });
    const packed = await archivePath();
    await writeFile(packed, gzipSync(await readFile(path)));
    const archive = openOciArchive(packed);
    expect(await archive.defaultSelector()).toBe(entry.digest);
    for (const blob of image.blobs)
      expect(await readAll(readableOf(await archive.openBlob(blob)))).toHaveLength(blob.size);
  });

  it('reports a listed blob that is missing', async () => {
    const path = await writeLayoutTar({ schemaVersion: 2, manifests: [tagged] });
    const archive = openOciArchive(path);
    const message = `oci-archive:${path} lists ${entry.digest}, but the blob is missing`;
    for (const selector of [TAG, entry.digest]) {
      await expect(archive.resolve(selector)).rejects.toMatchObject({ kind: 'not-found', message });
      await expect(archive.readManifest(selector)).rejects.toMatchObject({ kind: 'not-found', message });
      expect(await archive.find(selector)).toBeUndefined();
    }
  });

  it('reports a listed blob of another size', async () => {
    const name = blobName(entry.digest);
    const path = await writeLayoutTar(
      { schemaVersion: 2, manifests: [tagged] },
      [],
      [{ name, content: 'cut' }],
    );
    await expect(openOciArchive(path).resolve(TAG)).rejects.toMatchObject({
      kind: 'invalid',
      message: `oci-archive:${path} lists ${entry.digest} with ${entry.size} bytes, but the blob has 3`,
    });
  });

  it('reports a damaged blob', async () => {
    const path = await archivePath();
    await push(path, { '1.0': image });
    await damage(path, image.document.bytes);
    await expect(openOciArchive(path).readManifest(TAG)).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining(`expected ${path}@${entry.digest}, got sha256:`) as string,
    });
  });

  it.each([
    [
      'another version',
      '{"imageLayoutVersion":"2.0.0"}',
      '{"schemaVersion":2,"manifests":[]}',
      'oci-layout of ',
    ],
    ['no index', '{"imageLayoutVersion":"1.0.0"}', '{"schemaVersion":2,"manif', 'index.json of '],
  ])('rejects %s, and names the file in the archive', async (_what, marker, index, message) => {
    const path = await archivePath();
    const bytes = tarFile([
      { name: './oci-layout', content: marker },
      { name: './index.json', content: index },
    ]);
    await writeFile(path, bytes);
    const archive = openOciArchive(path);
    await expect(archive.names()).rejects.toThrow(message + path);
    await expect(copyImage(archive, image)).rejects.toBeInstanceOf(InvalidError);
    expect(await readFile(path)).toEqual(bytes);
    expect(await beside(path)).toEqual(['images.tar']);
  });

  it('lists nothing without index.json', async () => {
    const path = await archivePath();
    await writeFile(path, tarFile([{ name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' }]));
    expect(await openOciArchive(path).names()).toEqual([]);
  });

  it.each(['../../../outside', 'sha256:../../../outside', '/etc/passwd', 'sha256:', '..:..'])(
    'takes no name from the forged digest %s',
    async (text) => {
      const path = await writeLayoutTar({ schemaVersion: 2, manifests: [] });
      const archive = openOciArchive(path);
      const forged = { ...entry, digest: text as Digest };
      await expect(archive.openBlob(forged)).rejects.toThrow('is not a digest');
      const source = sourceOf(() => Readable.from([Buffer.from('x')]));
      await expect(archive.copyBlob(forged, source)).rejects.toThrow('is not a digest');
      expect(await beside(path)).toEqual(['images.tar']);
    },
  );
});

describe('what is not the archive of an image layout', () => {
  it.each([
    ['of docker save', tarFile([{ name: 'manifest.json', content: '[]' }]), 'docker-archive:'],
    ['of something else', tarFile([{ name: 'notes.txt', content: 'x' }]), 'it is truncated'],
    ['that is a zip', Buffer.from('PK\u0003\u0004 and so on'), 'Unpack it first'],
  ])('is neither read nor written: %s', async (_what, bytes, hint) => {
    const path = await archivePath();
    await writeFile(path, bytes);
    const archive = openOciArchive(path);
    const expected = {
      kind: 'invalid',
      message: expect.stringContaining(path) as string,
      hint: expect.stringContaining(hint) as string,
    };
    await expect(archive.resolve(TAG)).rejects.toMatchObject(expected);
    await expect(archive.defaultSelector()).rejects.toMatchObject(expected);
    await expect(copyImage(archive, image)).rejects.toMatchObject(expected);
    const empty = sampleIndex([]);
    await expect(archive.writeManifest(empty, { tag: TAG })).rejects.toMatchObject(expected);
    await archive.commit();
    expect(await readFile(path)).toEqual(bytes);
    expect(await beside(path)).toEqual(['images.tar']);
  });
});

describe('what is written', () => {
  it('is read back at once, and is in the file after the commit', async () => {
    const path = await archivePath();
    const archive = openOciArchive(path);
    await pushImage(archive, image, '1.0');
    expect(await archive.names()).toEqual(['1.0']);
    expect(await beside(path)).toEqual([expect.stringMatching(/^\.multiarch-tmp-/)]);
    await archive.commit();
    expect(await archive.names()).toEqual(['1.0']);
    archive.close();
    archive.close();
    expect(await beside(path)).toEqual(['images.tar']);
    expect(await openOciArchive(path).resolve(TAG)).toEqual(entry);
  });

  it('is discarded without a commit', async () => {
    const path = await archivePath();
    const archive = openOciArchive(path);
    await pushImage(archive, image, '1.0');
    archive.close();
    expect(await beside(path)).toEqual([]);
    await expect(archive.resolve(TAG)).rejects.toBeInstanceOf(FailedError);
    const [blob] = image.blobs;
    if (blob !== undefined)
      await expect(archive.copyBlob(blob, image.from)).rejects.toBeInstanceOf(FailedError);
    await expect(archive.commit()).rejects.toBeInstanceOf(FailedError);
    expect(await beside(path)).toEqual([]);
  });

  it('is discarded if it was in progress when the archive was closed', async () => {
    const path = await archivePath();
    const archive = openOciArchive(path);
    const from = new MemoryStore();
    const blob = from.addBlob(Buffer.alloc(1 << 20, 'x'), 'application/octet-stream');
    const closing = sourceOf(() =>
      Readable.from(
        (async function* () {
          yield Buffer.alloc(1 << 19, 'x');
          archive.close();
          yield Buffer.alloc(1 << 19, 'x');
        })(),
      ),
    );
    await expect(archive.copyBlob(blob, closing)).rejects.toBeInstanceOf(FailedError);
    expect(await beside(path)).toEqual([]);
  });

  it('may be committed concurrently', async () => {
    const path = await archivePath();
    const archive = openOciArchive(path);
    const images = ['one', 'two', 'three'].map((text) => sampleImage({ text }));
    await Promise.all(
      images.map(async (each, number) => {
        await pushImage(archive, each, `${number}`);
        await archive.commit();
      }),
    );
    archive.close();
    const later = openOciArchive(path);
    expect((await later.names()).toSorted()).toEqual(['0', '1', '2']);
    for (const blob of images.flatMap(({ blobs }) => blobs)) {
      expect(await readAll(readableOf(await later.openBlob(blob)))).toHaveLength(blob.size);
    }
    expect(await beside(path)).toEqual(['images.tar']);
  });

  it.runIf(existsSync('/proc/self/fd'))('keeps a replaced file open while it is being read', async () => {
    const path = await archivePath();
    const archive = openOciArchive(path);
    const openFiles = async (): Promise<string[]> => {
      const links = (await readdir('/proc/self/fd')).map((each) => readlink(`/proc/self/fd/${each}`));
      const files = await Promise.all(links.map((link) => link.catch(() => '')));
      return files.filter((file) => file.startsWith(path));
    };
    const commit = async (text: string): Promise<void> => {
      await pushImage(archive, sampleImage({ text }), text);
      await archive.commit();
    };
    await pushImage(archive, image, '1.0');
    await archive.commit();
    const reader = readableOf(await archive.openBlob(entry));
    for (const text of ['one', 'two', 'three', 'four', 'five']) await commit(text);
    await vi.waitFor(async () => expect((await openFiles()).length).toBeLessThanOrEqual(2));
    expect(await readAll(reader)).toHaveLength(entry.size);
    await vi.waitFor(async () => expect((await openFiles()).length).toBeLessThanOrEqual(1));
  });

  it('creates the parent directories of the file', async () => {
    const path = join(await archivePath(), '..', 'not', 'there', 'images.tar');
    await push(path, { '1.0': image });
    expect(await beside(path)).toEqual(['images.tar']);
  });

  it('creates no file if only blobs were written', async () => {
    const path = await archivePath();
    const archive = openOciArchive(path);
    for (const blob of image.blobs) await archive.copyBlob(blob, image.from);
    await archive.commit();
    archive.close();
    expect(await beside(path)).toEqual([]);
  });

  it('is ordered for sequential readers, and does not identify the writer', async () => {
    const path = await archivePath();
    const images = (['amd64', 'arm64'] as const).map((architecture) => sampleImage({ architecture }));
    const index = sampleIndex(images.map(({ document }) => document));
    const archive = openOciArchive(path);
    for (const each of images) await copyImage(archive, each);
    await archive.writeManifest(index, { tag: TAG });
    await archive.commit();

    const documents = [index, ...images.map(({ document }) => document)].map(hex).toSorted();
    const blobs = images.flatMap((each) => each.blobs.map(hex)).toSorted();
    expect(await namesIn(path)).toEqual(['oci-layout', 'index.json', 'blobs/', '', ...documents, ...blobs]);
    const listing = await listTar(path);
    expect(listing.map(({ mode }) => mode.toString(8))).toEqual([
      '644',
      '644',
      '755',
      '755',
      ...Array.from({ length: 7 }, () => '644'),
    ]);
    for (const { whose, names } of listing) expect({ whose, names }).toEqual({ whose: [0, 0, 0], names: '' });
  });

  it('has the same bytes on every machine', async () => {
    const path = await archivePath();
    await push(path, { '1.0': image });
    expect(digestOf(await readFile(path))).toMatchInlineSnapshot(
      `"sha256:6acf20764f0978d2fd39b883362c5a64d889d8be6efcef8b75a0d6f486c4c138"`,
    );
  });

  it('has the same bytes whatever the order', async () => {
    const images = ['one', 'two', 'three'].map((text) => sampleImage({ text }));
    const index = sampleIndex(images.map(({ document }) => document));
    const [first, second] = [await archivePath(), await archivePath()];

    const inOrder = openOciArchive(first);
    for (const [number, each] of images.entries()) await pushImage(inOrder, each, `${number}`);
    await inOrder.writeManifest(index, { tag: TAG });
    await inOrder.commit();

    const atOnce = openOciArchive(second);
    const blobs = images
      .toReversed()
      .flatMap(({ blobs: those, from }) => those.map((blob) => ({ blob, from })));
    await Promise.all(blobs.toReversed().map(({ blob, from }) => atOnce.copyBlob(blob, from)));
    await Promise.all(images.toReversed().map(({ document }) => atOnce.writeManifest(document)));
    await atOnce.writeManifest(index, { tag: TAG });
    await Promise.all(
      images
        .toReversed()
        .map(({ document }, number) =>
          atOnce.writeManifest(document, { tag: parseTag(`${images.length - 1 - number}`) }),
        ),
    );
    await atOnce.commit();
    expect(await readFile(second)).toEqual(await readFile(first));
  });

  it('has the same bytes whatever was in the file before', async () => {
    const [first, second] = [await archivePath(), await archivePath()];
    await push(first, { '1.0': image });
    await push(second, { '1.0': sampleImage({ text: 'before' }) });
    await push(second, { '1.0': image });
    expect(await readFile(second)).toEqual(await readFile(first));
  });
});

describe('what is in the file already', () => {
  const [first, second] = [sampleImage({ text: 'first' }), sampleImage({ text: 'second' })];

  it('is kept under its tags', async () => {
    const path = await archivePath();
    await push(path, { a: first });
    await push(path, { b: second });
    const archive = openOciArchive(path);
    expect(await archive.names()).toEqual(['a', 'b']);
    for (const { blobs } of [first, second]) {
      for (const blob of blobs)
        expect(await readAll(readableOf(await archive.openBlob(blob)))).toHaveLength(blob.size);
    }
  });

  it('is dropped once no image needs it', async () => {
    const path = await archivePath();
    await push(path, { a: first, b: second });
    await push(path, { a: second });
    const names = await namesIn(path);
    const shared = new Set(second.blobs.map(({ digest }) => digest));
    for (const { digest } of first.blobs.filter((blob) => !shared.has(blob.digest))) {
      expect(names).not.toContain(hex({ digest }));
    }
    expect(names).not.toContain(hex(first.document));
    expect(names).toEqual(expect.arrayContaining([second.document, ...second.blobs].map(hex)));
  });

  it('is kept if a commit changes nothing', async () => {
    const path = await archivePath();
    await push(path, { a: first, b: second });
    const before = await stat(path);
    await push(path, { b: second });
    await push(path, {});
    expect(await stat(path)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  });

  it('keeps what other tools wrote into index.json', async () => {
    const foreign = {
      ...documentDescriptor(first.document),
      annotations: { [REF_NAME]: 'docker.io/library/app:2.0', 'com.example': 'kept' },
      'com.example.x': [1],
    };
    const index = { schemaVersion: 2, manifests: [foreign], annotations: { a: 'b' }, 'com.example.y': true };
    const blobs = await Promise.all(
      first.blobs.map(async (blob) => readAll(readableOf(await first.from.openBlob(blob)))),
    );
    const path = await writeLayoutTar(index, [first.document.bytes, ...blobs]);
    await push(path, { '1.0': image });
    expect(await readArchivedIndex(path)).toEqual({ ...index, manifests: [foreign, tagged] });
    expect((await openOciArchive(path).resolve(parseTag('2.0'))).digest).toBe(first.document.digest);
  });

  it('is kept completely if an entry has an unknown type', async () => {
    const odd = Buffer.from('{"blobs":[]}');
    const needed = Buffer.from('what only the odd entry knows of');
    const oddEntry = {
      mediaType: 'application/vnd.oci.artifact.manifest.v1+json',
      digest: digestOf(odd),
      size: odd.length,
    };
    const path = await writeLayoutTar({ schemaVersion: 2, manifests: [oddEntry] }, [odd, needed]);
    await push(path, { '1.0': image });
    expect(await namesIn(path)).toEqual(
      expect.arrayContaining([hex(oddEntry), hex({ digest: digestOf(needed) }), hex(entry)]),
    );
  });

  it('may stay incomplete', async () => {
    const index = sampleIndex([first.document, second.document]);
    const listed = { ...documentDescriptor(index), annotations: { [REF_NAME]: 'partial' } };
    const path = await writeLayoutTar({ schemaVersion: 2, manifests: [listed] }, [
      index.bytes,
      first.document.bytes,
    ]);
    await push(path, { '1.0': image });
    const archive = openOciArchive(path);
    expect(await archive.names()).toEqual(['partial', '1.0']);
    expect((await archive.readManifest(first.document.digest)).digest).toBe(first.document.digest);
    expect(await archive.find(second.document.digest)).toBeUndefined();
  });

  it('is repaired if it is damaged and written again', async () => {
    const path = await archivePath();
    await push(path, { '1.0': image });
    const before = await readFile(path);
    await damage(path, image.document.bytes);
    await push(path, { '1.0': image });
    expect(await readFile(path)).toEqual(before);
  });

  it('is read again for the commit', async () => {
    const path = await archivePath();
    await push(path, { a: first });
    const archive = openOciArchive(path);
    await pushImage(archive, image, '1.0');
    await push(path, { b: second });
    await archive.commit();
    expect(await openOciArchive(path).names()).toEqual(['a', 'b', '1.0']);
  });

  it('is available for a new image even if another process dropped it', async () => {
    const path = await archivePath();
    await push(path, { a: first });
    const archive = openOciArchive(path);
    // Nothing is staged of what the file has.
    await pushImage(archive, first, 'kept');
    await push(path, { a: second });
    await archive.commit();
    const later = openOciArchive(path);
    expect(await later.names()).toEqual(['a', 'kept']);
    for (const blob of first.blobs)
      expect(await readAll(readableOf(await later.openBlob(blob)))).toHaveLength(blob.size);
  });
});

describe('the referrers of an image', () => {
  const subject = documentDescriptor(image.document);
  const signatures = ['a', 'b', 'c'].map((text) => {
    const from = new MemoryStore('artifact');
    const made = artifact(subject, { text });
    const blobs = [made.config, ...made.layers].map(({ bytes, mediaType }) => from.addBlob(bytes, mediaType));
    return { document: documentOf(made), blobs, from };
  });

  it('are all listed even if others are added at the same time', async () => {
    const [path, atOnce] = [await archivePath(), await archivePath()];
    await push(path, { '1.0': image });
    const writers = signatures.map((signature) => ({ signature, archive: openOciArchive(path) }));
    for (const { signature, archive } of writers) await copyImage(archive, signature);
    for (const { archive } of writers) await archive.commit();
    const later = openOciArchive(path);
    const listed = (await later.listReferrers(subject.digest)).map(({ digest }) => digest);
    expect(listed).toEqual(signatures.map(({ document }) => document.digest).toSorted());
    for (const digest of listed) expect((await later.readManifest(digest)).digest).toBe(digest);

    await push(atOnce, { '1.0': image });
    const alone = openOciArchive(atOnce);
    for (const signature of signatures) await copyImage(alone, signature);
    await alone.commit();
    expect(await readFile(path)).toEqual(await readFile(atOnce));
  });
});

describe('an image without a tag', () => {
  it('is listed by its digest, sorted', async () => {
    const path = await archivePath();
    const archive = openOciArchive(path);
    const images = ['one', 'two', 'three'].map((text) => sampleImage({ text }));
    for (const each of images) await copyImage(archive, each);
    await archive.commit();
    const digests = images.map(({ document }) => document.digest).toSorted();
    expect(await openOciArchive(path).names()).toEqual(digests);
  });

  it('is not listed if it is a child of another, or has lost its tag', async () => {
    const path = await archivePath();
    const archive = openOciArchive(path);
    await pushImage(archive, sampleImage({ text: 'before' }), '1.0');
    await copyImage(archive, image);
    await archive.writeManifest(sampleIndex([image.document]), { tag: TAG });
    await archive.commit();
    expect(await readArchivedIndex(path)).toMatchObject({
      manifests: [{ digest: sampleIndex([image.document]).digest }],
    });
    expect(await openOciArchive(path).names()).toEqual(['1.0']);
  });
});

describe('a commit that fails', () => {
  it('half-way does not change the file, and leaves nothing beside it', async () => {
    const path = await archivePath();
    const large = Buffer.alloc(1 << 20, 'a layer');
    const from = new MemoryStore();
    const layer = from.addBlob(large, 'application/vnd.oci.image.layer.v1.tar');
    const config = from.addBlob(Buffer.from('{}'), 'application/vnd.oci.image.config.v1+json');
    const document = manifestOf(config, [layer]);
    await push(path, { '1.0': { document, blobs: [config, layer], from } });
    await damage(path, large.subarray(0, 512));
    const before = await readFile(path);

    await expect(push(path, { '2.0': image })).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining(`${path}@${layer.digest}`) as string,
    });
    expect(await readFile(path)).toEqual(before);
    expect(await beside(path)).toEqual(['images.tar']);
  });

  it('because staged content was removed names it, and does not change the file', async () => {
    const path = await archivePath();
    await push(path, { a: sampleImage({ text: 'first' }) });
    const archive = openOciArchive(path);
    await pushImage(archive, image, '1.0');
    for (const name of await beside(path)) {
      if (name !== 'images.tar') await rm(join(path, '..', name, blobName(image.blobs[0]?.digest ?? '')));
    }
    const before = await readFile(path);
    await expect(archive.commit()).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining(image.blobs[0]?.digest ?? 'no blob') as string,
    });
    expect(await readFile(path)).toEqual(before);
  });

  it('because it is cancelled does not change the file, and may be repeated', async () => {
    const path = await archivePath();
    await push(path, { a: sampleImage({ text: 'first' }) });
    const before = await readFile(path);
    const archive = openOciArchive(path);
    await pushImage(archive, image, '1.0');
    const controller = new AbortController();
    const commit = archive.commit({ signal: controller.signal });
    controller.abort();
    await expect(commit).rejects.toBeInstanceOf(CancelledError);
    expect(await readFile(path)).toEqual(before);
    await archive.commit();
    archive.close();
    expect(await openOciArchive(path).names()).toEqual(['a', '1.0']);
    expect(await beside(path)).toEqual(['images.tar']);
  });
});

describe('the file itself', () => {
  it.runIf(process.platform !== 'win32')('keeps its permissions', async () => {
    const path = await archivePath();
    await push(path, { '1.0': image });
    await chmod(path, 0o600);
    await push(path, { '2.0': sampleImage({ text: 'other' }) });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it.runIf(process.platform !== 'win32')('is replaced behind a symbolic link', async () => {
    const path = await archivePath();
    await push(path, { '1.0': image });
    const link = join(path, '..', 'latest.tar');
    await symlink('images.tar', link);
    await push(link, { '2.0': image });
    expect(await readlink(link)).toBe('images.tar');
    expect(await openOciArchive(path).names()).toEqual(['1.0', '2.0']);
  });

  it('may be moved while it is read', async () => {
    const path = await archivePath();
    await push(path, { '1.0': image });
    const archive = openOciArchive(path);
    await archive.resolve(TAG);
    await rename(path, `${path}.old`);
    for (const blob of image.blobs)
      expect(await readAll(readableOf(await archive.openBlob(blob)))).toHaveLength(blob.size);
  });
});

describe('the leftovers of a killed writer', () => {
  it.each<[string, (path: string) => Promise<unknown>]>([
    ['read', (path) => openOciArchive(path).names()],
    ['commit', (path) => push(path, { '2.0': image })],
    ['commit that changes nothing', (path) => push(path, { '1.0': image })],
    ['commit of another archive', (path) => push(join(path, '..', 'other.tar'), { '1.0': image })],
  ])('are removed before a %s, and nothing else is', async (_, access) => {
    const path = await archivePath();
    await push(path, { '1.0': image });
    await leaveLeftovers(join(path, '..'), ['.multiarch-lock-images.tar', '.multiarch-lock-third.tar']);
    const others = ['other', 'images.tar.lock'];
    for (const name of others) await mkdir(join(path, '..', name));
    await access(path);
    const left = (await beside(path)).filter((name) => name !== 'other.tar');
    expect(left.toSorted()).toEqual(['images.tar', ...others].toSorted());
  });

  it('are kept while it is running', async () => {
    const path = await archivePath();
    const running = temporaryName();
    await mkdir(join(path, '..', running));
    await push(path, { '1.0': image });
    expect(await beside(path)).toContain(running);
  });
});

describeVectors('layout vectors in an archive', () => {
  interface LookUp {
    readonly layout: string;
    readonly name: string;
    readonly position?: number;
    readonly mediaType?: string;
    readonly error?: string;
  }
  const { layout_lookup: lookUps } = vectorJson<{ layout_lookup: LookUp[] }>('index-ops.json');

  it.each(lookUps)('$layout: $name', async ({ layout, name, position, mediaType, error }) => {
    const text = vectorBytes(layout).toString();
    const { manifests } = JSON.parse(text) as { manifests: { digest: string; size: number }[] };
    // The vectors have no blobs, so content of the same sizes replaces them: missing blobs are not found.
    const blobs = new Map(manifests.map(({ digest, size }) => [blobName(digest), 'x'.repeat(size)]));
    const path = await archivePath();
    const parts = [...blobs].map(([blob, content]) => ({ name: blob, content }));
    await writeFile(path, layoutTarOf(text, [], parts));
    const found = openOciArchive(path).resolve(parseTag(name));
    if (error === undefined) {
      expect(await found).toMatchObject({ mediaType, digest: manifests[position ?? -1]?.digest });
    } else {
      await expect(found).rejects.toBeInstanceOf(error === 'image not found' ? NotFoundError : InvalidError);
    }
  });
});
