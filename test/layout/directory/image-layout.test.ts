import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { MemoryStore } from '../../../src/content/memory-store.js';
import { replaceFile } from '../../../src/files/atomic-write.js';
import { withLock } from '../../../src/files/lock.js';
import { ImageLayout } from '../../../src/layout/directory/image-layout.js';
import { parseLayoutIndex, setTag } from '../../../src/layout/core/layout-index.js';
import { LayoutMetadata } from '../../../src/layout/directory/layout-metadata.js';
import type { Digest } from '../../../src/oci/digest.js';
import {
  ArgumentError,
  FailedError,
  InvalidError,
  NotFoundError,
  UnavailableError,
} from '../../../src/oci/errors.js';
import { parseTag } from '../../../src/oci/reference.js';
import { copyImage, readAll, sampleImage, sampleIndex, sourceOf } from '../../contract/contract-content.js';
import { leaveLeftovers, temporaryNameOf } from '../../support/leftovers.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { describeVectors, vectorBytes, vectorLines } from '../../support/vectors.js';
import { readIndexJson, temporaryLayout } from '../temporary-layout.js';

const TAG = parseTag('1.0');
const REF_NAME = 'org.opencontainers.image.ref.name';
const EMPTY = { schemaVersion: 2, manifests: [] };
const image = sampleImage();
const entry = {
  mediaType: image.document.mediaType,
  digest: image.document.digest,
  size: image.document.bytes.length,
};

function blobPath(layout: string, digest: string): string {
  return join(layout, 'blobs', ...digest.split(':'));
}

async function layoutWithImage(): Promise<{ path: string; layout: ImageLayout }> {
  const path = await temporaryLayout(EMPTY);
  const layout = new ImageLayout({ path });
  await copyImage(layout, image);
  await layout.writeManifest(image.document, { tag: TAG });
  return { path, layout };
}

describe('a missing layout', () => {
  it('is reported, and not created by reading', async () => {
    const path = join(await temporaryDirectory(), 'none');
    const layout = new ImageLayout({ path });
    await expect(layout.names()).rejects.toThrow(`oci:${path} is not an image layout`);
    await expect(layout.defaultSelector()).rejects.toBeInstanceOf(NotFoundError);
    await expect(layout.resolve(TAG)).rejects.toThrow('is not an image layout');
    expect(await layout.find(TAG)).toBeUndefined();
    expect(existsSync(path)).toBe(false);
  });

  it('is created by the first write, with its parent directories', async () => {
    const path = join(await temporaryDirectory(), 'above', 'layout');
    const layout = new ImageLayout({ path });
    await copyImage(layout, image);
    expect(await readFile(join(path, 'oci-layout'), 'utf8')).toBe('{"imageLayoutVersion":"1.0.0"}');
    expect(await readIndexJson(path)).toEqual({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [],
    });
    await layout.writeManifest(image.document, { tag: TAG });
    expect(await readIndexJson(path)).toMatchObject({
      manifests: [{ ...entry, annotations: { [REF_NAME]: '1.0' } }],
    });
    expect((await readdir(path)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('is not created if the first write fails', async () => {
    const path = join(await temporaryDirectory(), 'none');
    const layout = new ImageLayout({ path });
    await expect(layout.writeManifest(image.document, { tag: TAG })).rejects.toBeInstanceOf(InvalidError);
    const [blob] = image.blobs;
    if (blob !== undefined) {
      await expect(layout.copyBlob(blob, new MemoryStore())).rejects.toBeInstanceOf(NotFoundError);
    }
    expect(existsSync(path)).toBe(false);
  });

  it('cannot be created below a file', async () => {
    const path = join(await temporaryDirectory(), 'file');
    await writeFile(path, 'precious');
    const copy = copyImage(new ImageLayout({ path }), image);
    await expect(copy).rejects.toBeInstanceOf(FailedError);
    await expect(copy).rejects.toThrow(path);
    expect(await readFile(path, 'utf8')).toBe('precious');
  });
});

describe('the metadata of a layout', () => {
  it.each([
    ['another version', { imageLayoutVersion: '2.0.0' }],
    ['no version', {}],
    ['no JSON', '1.0.0'],
  ])('with %s in oci-layout is rejected and not changed', async (_, marker) => {
    const path = await temporaryLayout(EMPTY, marker);
    const before = await readFile(join(path, 'oci-layout'));
    const layout = new ImageLayout({ path });
    for (const call of [() => layout.names(), () => layout.find(TAG), () => copyImage(layout, image)]) {
      await expect(call()).rejects.toBeInstanceOf(InvalidError);
      await expect(call()).rejects.toThrow(join(path, 'oci-layout'));
    }
    expect(await readFile(join(path, 'oci-layout'))).toEqual(before);
    expect(await readdir(join(path, 'blobs', 'sha256'))).toEqual([]);
  });

  it('with a damaged index.json is rejected and not changed', async () => {
    const { path, layout } = await layoutWithImage();
    await writeFile(join(path, 'index.json'), '{"schemaVersion":2,"manif');
    await expect(layout.resolve(TAG)).rejects.toThrow(join(path, 'index.json'));
    const write = layout.writeManifest(image.document, { tag: TAG });
    await expect(write).rejects.toBeInstanceOf(InvalidError);
    expect(await readFile(join(path, 'index.json'), 'utf8')).toBe('{"schemaVersion":2,"manif');
    expect((await readdir(path)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it.each(['{"schemaVersion":2,"manif', '{"charts":[]}'])(
    'is not made in a directory whose index.json is that of something else: %s',
    async (index) => {
      const path = await temporaryDirectory();
      await writeFile(join(path, 'index.json'), index);
      await expect(copyImage(new ImageLayout({ path }), image)).rejects.toBeInstanceOf(InvalidError);
      expect(await readdir(path)).toEqual(['index.json']);
    },
  );

  it('without index.json lists nothing', async () => {
    const { path, layout } = await layoutWithImage();
    await rm(join(path, 'index.json'));
    expect(await layout.names()).toEqual([]);
    expect((await layout.readManifest(entry.digest)).bytes.length).toBe(entry.size);
  });

  it('keeps what other tools wrote into it', async () => {
    const path = await temporaryLayout(EMPTY);
    const foreign = {
      ...entry,
      annotations: { [REF_NAME]: 'other', 'com.example': 'kept' },
      'com.example.x': [1],
    };
    await writeFile(
      join(path, 'index.json'),
      JSON.stringify({ ...EMPTY, manifests: [foreign], annotations: { a: 'b' }, 'com.example.y': true }),
    );
    const layout = new ImageLayout({ path });
    await copyImage(layout, image);
    await layout.writeManifest(image.document, { tag: TAG });
    expect(await readIndexJson(path)).toEqual({
      schemaVersion: 2,
      manifests: [foreign, { ...entry, annotations: { [REF_NAME]: '1.0' } }],
      annotations: { a: 'b' },
      'com.example.y': true,
    });
  });

  it('is not written again if the tag has the image already', async () => {
    const { path, layout } = await layoutWithImage();
    const before = await stat(join(path, 'index.json'));
    await layout.writeManifest(image.document, { tag: TAG });
    expect((await stat(join(path, 'index.json'))).ino).toBe(before.ino);
  });

  it('does not list what was written without a tag', async () => {
    const path = await temporaryLayout(EMPTY);
    const layout = new ImageLayout({ path });
    await copyImage(layout, image);
    expect(await layout.names()).toEqual([]);
    await expect(layout.defaultSelector()).rejects.toBeInstanceOf(NotFoundError);
    expect(await layout.resolve(entry.digest)).toEqual(entry);
  });
});

describe('the default selector and the tags of a layout', () => {
  it('are found if they are unambiguous', async () => {
    const { layout } = await layoutWithImage();
    expect(await layout.defaultSelector()).toBe(entry.digest);
    expect(await layout.names()).toEqual(['1.0']);
  });

  it('are listed if they are ambiguous or unknown', async () => {
    const { layout } = await layoutWithImage();
    await layout.writeManifest(sampleIndex([image.document]), { tag: parseTag('2.0') });
    const hint = expect.stringContaining('1.0, 2.0');
    await expect(layout.defaultSelector()).rejects.toBeInstanceOf(ArgumentError);
    await expect(layout.defaultSelector()).rejects.toMatchObject({ hint });
    await expect(layout.resolve(parseTag('3.0'))).rejects.toMatchObject({ hint });
    await expect(layout.readManifest(parseTag('3.0'))).rejects.toMatchObject({ hint });
  });

  it('are not resolved if the blob is missing or truncated', async () => {
    const { path, layout } = await layoutWithImage();
    await truncate(blobPath(path, entry.digest), 10);
    expect(await layout.find(TAG)).toBeUndefined();
    await expect(layout.readManifest(TAG)).rejects.toBeInstanceOf(InvalidError);
    await rm(blobPath(path, entry.digest));
    expect(await layout.find(TAG)).toBeUndefined();
    await expect(layout.resolve(TAG)).rejects.toBeInstanceOf(NotFoundError);
    await expect(layout.readManifest(TAG)).rejects.toThrow('but the blob is missing');
    await layout.writeManifest(image.document, { tag: TAG });
    expect(await layout.resolve(TAG)).toEqual(entry);
  });
});

describe('a blob', () => {
  const from = new MemoryStore();
  const blob = from.addBlob(Buffer.from('a blob of a layout'), 'application/octet-stream');

  it('has no name before it is complete', async () => {
    const path = await temporaryLayout(EMPTY);
    const piece = Buffer.alloc(64 << 10, 'a piece');
    const large = from.addBlob(Buffer.concat(Array.from({ length: 16 }, () => piece)), blob.mediaType);
    const seen: string[][] = [];
    const source = sourceOf(() =>
      Readable.from(
        (async function* () {
          for (let number = 0; number < 16; number++) {
            // More than the streams buffer, so that some of it has reached the disk.
            if (number === 12) seen.push(await readdir(path), await readdir(join(path, 'blobs', 'sha256')));
            yield piece;
          }
        })(),
        { highWaterMark: 1 },
      ),
    );
    await new ImageLayout({ path }).copyBlob(large, source);
    expect(seen).toEqual([expect.arrayContaining([expect.stringMatching(/^\.multiarch-tmp-/)]), []]);
    expect(await readdir(join(path, 'blobs', 'sha256'))).toEqual([large.digest.slice('sha256:'.length)]);
    expect((await readdir(path)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('whose source fails before it is read leaves no files', async () => {
    const path = join(await temporaryDirectory(), 'layout');
    const failure = new UnavailableError('the connection broke');
    const source = sourceOf(() => new Readable({ read() {} }).destroy(failure));
    await expect(new ImageLayout({ path }).copyBlob(blob, source)).rejects.toBe(failure);
    expect((await readdir(path)).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('of the wrong size is written again', async () => {
    const path = await temporaryLayout(EMPTY);
    const layout = new ImageLayout({ path });
    await writeFile(blobPath(path, blob.digest), 'a blob');
    expect(await layout.copyBlob(blob, from)).toBe('copied');
    expect(await readFile(blobPath(path, blob.digest), 'utf8')).toBe('a blob of a layout');
  });

  it('of the right size and with wrong bytes is written again', async () => {
    const path = await temporaryLayout(EMPTY);
    await writeFile(blobPath(path, blob.digest), 'a blot of a layout');
    const layout = new ImageLayout({ path });
    expect(await layout.hasBlob(blob)).toBe(false);
    expect(await layout.copyBlob(blob, from)).toBe('copied');
    expect(await readFile(blobPath(path, blob.digest), 'utf8')).toBe('a blob of a layout');
    expect(await layout.copyBlob(blob, from)).toBe('present');
  });

  it.runIf(process.platform !== 'win32')(
    'that is a link out of the layout is neither read nor trusted',
    async () => {
      const { path, layout } = await layoutWithImage();
      const outside = join(path, '..', 'outside');
      await rename(blobPath(path, entry.digest), outside);
      await symlink(outside, blobPath(path, entry.digest));
      await expect(layout.openBlob(entry)).rejects.toThrow('outside the layout');
      await expect(layout.find(TAG)).rejects.toBeInstanceOf(InvalidError);
      await expect(layout.readManifest(TAG)).rejects.toBeInstanceOf(InvalidError);
      const before = await readFile(outside);
      await layout.writeManifest(image.document);
      expect(await readFile(outside)).toEqual(before);
      expect(await layout.resolve(TAG)).toEqual(entry);
    },
  );

  it.runIf(process.platform !== 'win32')('that is a link within the layout is read', async () => {
    const { path, layout } = await layoutWithImage();
    await rename(blobPath(path, entry.digest), join(path, 'elsewhere'));
    await symlink('../../elsewhere', blobPath(path, entry.digest));
    expect(await readAll(await layout.openBlob(entry))).toHaveLength(entry.size);
  });

  it.runIf(process.platform !== 'win32').each([
    ['blobs', 'outside'],
    ['blobs/sha256', 'outside'],
    ['blobs/sha256', '.'],
  ])('is not written if %s is a link out of the layout, to %s', async (name, to) => {
    const path = await temporaryLayout(EMPTY);
    const above = join(path, '..');
    await mkdir(join(above, 'outside'));
    await rm(join(path, name), { recursive: true });
    await symlink(join(above, to), join(path, name));
    const before = await readdir(above, { recursive: true });
    await expect(new ImageLayout({ path }).copyBlob(blob, from)).rejects.toBeInstanceOf(InvalidError);
    // Nothing is created outside the layout before the link is noticed.
    expect(await readdir(above, { recursive: true })).toEqual(before);
  });

  it.runIf(process.platform !== 'win32').each(['index.json', 'oci-layout'])(
    'is not looked for where %s is a link out of the layout',
    async (name) => {
      const { path, layout } = await layoutWithImage();
      await rename(join(path, name), join(path, '..', name));
      await symlink(join(path, '..', name), join(path, name));
      await expect(layout.resolve(TAG)).rejects.toBeInstanceOf(InvalidError);
    },
  );

  it('that is a directory is rejected', async () => {
    const path = await temporaryLayout(EMPTY);
    await mkdir(blobPath(path, blob.digest));
    const layout = new ImageLayout({ path });
    await expect(layout.openBlob(blob)).rejects.toThrow('is not a regular file');
    await expect(layout.copyBlob(blob, from)).rejects.toBeInstanceOf(InvalidError);
    await expect(layout.readManifest(blob.digest)).rejects.toBeInstanceOf(InvalidError);
  });

  it.runIf(process.platform !== 'win32')(
    'that is a pipe is refused, and does not hold up the reader',
    async () => {
      const path = await temporaryLayout(EMPTY);
      execFileSync('mkfifo', [blobPath(path, blob.digest)]);
      await expect(new ImageLayout({ path }).openBlob(blob)).rejects.toThrow('is not a regular file');
    },
  );

  it.each(['../../../outside', 'sha256:../../../outside', '/etc/passwd', 'sha256:', '..:..'])(
    'of the forged digest %s never becomes a path',
    async (text) => {
      const path = await temporaryLayout(EMPTY);
      await writeFile(join(path, '..', 'outside'), 'a blob of a layout');
      const layout = new ImageLayout({ path });
      const forged = { ...blob, digest: text as Digest };
      await expect(layout.openBlob(forged)).rejects.toThrow('is not a digest');
      const source = sourceOf(() => Readable.from([Buffer.from('a blob of a layout')]));
      await expect(layout.copyBlob(forged, source)).rejects.toThrow('is not a digest');
      expect(await readdir(join(path, '..'))).toHaveLength(2);
    },
  );
});

describe('the leftovers of a killed writer', () => {
  it.each<[string, (layout: ImageLayout) => Promise<unknown>]>([
    ['read', (layout) => layout.names()],
    ['tag', (layout) => layout.writeManifest(image.document, { tag: parseTag('2.0') })],
  ])('are removed before a %s, and nothing else is', async (_, access) => {
    const { path } = await layoutWithImage();
    await leaveLeftovers(path, ['.multiarch-lock']);
    const others = ['notes.txt', '.hidden', '.multiarch-other', 'other.lock'];
    for (const name of others) await mkdir(join(path, name));
    await access(new ImageLayout({ path }));
    expect((await readdir(path)).toSorted()).toEqual(
      ['blobs', 'index.json', 'oci-layout', ...others].toSorted(),
    );
  });

  it('are kept, and block no writer, while it may be running', async () => {
    const { path, layout } = await layoutWithImage();
    const file = temporaryNameOf({ host: 'abcdef01', boot: 'abcdef01' });
    await writeFile(join(path, file), 'half a bl');
    await layout.writeManifest(image.document, { tag: parseTag('2.0') });
    expect(await layout.names()).toEqual(['1.0', '2.0']);
    expect(await readdir(path)).toContain(file);
  });
});

const lockOf = (path: string): string => join(path, '.multiarch-lock');

describe('the lock of a layout', () => {
  it('blocks writers of tags, so that no tag is lost, but not readers', async () => {
    const { path, layout } = await layoutWithImage();
    const tags = { beside: parseTag('2.0'), byHolder: parseTag('3.0') };
    const writing = await withLock(lockOf(path), async (scratch) => {
      const index = parseLayoutIndex(await readFile(join(path, 'index.json')), 'index.json');
      const written = layout.writeManifest(image.document, { tag: tags.beside });
      // Long enough for the other to write its blob and to come to the lock.
      for (let look = 0; look < 50; look++) expect(await layout.names()).toEqual(['1.0']);
      await replaceFile(
        join(path, 'index.json'),
        scratch,
        JSON.stringify(setTag(index, entry, tags.byHolder)),
        { mode: 0o644 },
      );
      return { written };
    });
    await writing.written;
    expect(await layout.names()).toEqual(['1.0', '3.0', '2.0']);
  });

  it('that was removed by hand while it was held keeps the layout unchanged', async () => {
    const { path } = await layoutWithImage();
    const before = await readIndexJson(path);
    const edit = new LayoutMetadata(path).editIndex((index) => {
      // The state after the next holder has taken the lock.
      rmSync(lockOf(path), { recursive: true });
      mkdirSync(lockOf(path));
      writeFileSync(join(lockOf(path), 'next'), '');
      return { ...index, manifests: [] };
    });
    await expect(edit).rejects.toThrow(
      expect.objectContaining({
        name: 'FailedError',
        message: expect.stringContaining('its lock was removed while it was held') as string,
      }),
    );
    expect(await readIndexJson(path)).toEqual(before);
    expect(await readdir(lockOf(path))).toEqual(['next']);
  });
});

describeVectors('nested indexes of the layout vectors', () => {
  const nested = vectorLines<{ file: string; stated_digest?: string }>('fixtures/fixtures.jsonl').filter(
    ({ file }) => file.startsWith('cimage-layout-nested-index'),
  );

  it.each(nested)(
    '$file is read by its digest, although index.json does not list it',
    async ({ file, ...row }) => {
      const bytes = vectorBytes(`fixtures/${file}`);
      const digest = row.stated_digest as Digest;
      const path = await temporaryLayout(EMPTY);
      await writeFile(blobPath(path, digest), bytes);
      const layout = new ImageLayout({ path });
      const document = await layout.readManifest(digest);
      expect(document).toMatchObject({ kind: 'index', digest });
      expect(Buffer.from(document.bytes)).toEqual(bytes);
      expect(await layout.resolve(digest)).toMatchObject({ mediaType: document.mediaType, digest });
    },
  );
});
