import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { readableOf } from '../../../src/content/verified-stream.js';
import { digestOf } from '../../../src/oci/digest.js';
import { documentDescriptor } from '../../../src/oci/document.js';
import { parseTag } from '../../../src/oci/reference.js';
import { copyImage, readAll, sampleImage, sampleIndex } from '../../contract/contract-content.js';
import { tarParts } from '../../support/tar-file.js';
import { archivePath, openOciArchive, push, pushImage, writeLayoutTar } from './temporary-oci-archive.js';

const TAG = parseTag('1.0');
const image = sampleImage();
const [first, second] = [sampleImage({ text: 'first' }), sampleImage({ text: 'second' })];

async function beside(path: string): Promise<string[]> {
  return (await readdir(join(path, '..'))).toSorted();
}

describe('an archive that is to be replaced', () => {
  it.each([
    [
      'is compressed',
      (tar: Buffer) => gzipSync(tar),
      /cannot add to .*images\.tar: it is compressed with gzip$/,
      'gzip -d',
    ],
    [
      'is also one of docker save',
      (tar: Buffer) =>
        Buffer.concat([
          tarParts([
            { name: 'manifest.json', content: '[]' },
            { name: 'repositories', content: '{}' },
          ]),
          tar,
        ]),
      /cannot add to .*images\.tar: it has files .*: "manifest\.json", "repositories"$/,
      'Name another file',
    ],
  ])('is not replaced if it %s', async (_what, change, message, hint) => {
    const path = await archivePath();
    await push(path, { a: first });
    const bytes = change(await readFile(path));
    await writeFile(path, bytes);
    const expected = {
      kind: 'invalid',
      message: expect.stringMatching(message) as string,
      hint: expect.stringContaining(hint) as string,
    };
    const archive = openOciArchive(path);
    await expect(copyImage(archive, second)).rejects.toMatchObject(expected);
    expect(await beside(path)).toEqual(['images.tar']);
    // Nothing of it is new but the tag: that the file cannot be replaced is seen at the end.
    await expect(push(path, { b: first })).rejects.toMatchObject(expected);
    await push(path, { a: first });
    expect(await readFile(path)).toEqual(bytes);
    expect(await beside(path)).toEqual(['images.tar']);
  });

  it('may be an empty file, as mktemp creates it', async () => {
    const [path, fresh] = [await archivePath(), await archivePath()];
    await writeFile(path, '');
    await expect(openOciArchive(path).defaultSelector()).rejects.toMatchObject({
      kind: 'invalid',
      message: `${path} is empty, not a tar file`,
    });
    for (const each of [path, fresh]) await push(each, { '1.0': image });
    expect(await readFile(path)).toEqual(await readFile(fresh));
  });
});

describe('an index that is written', () => {
  it('is rejected if an image lacks a layer, even if the file has its manifest', async () => {
    const [config, layer] = await Promise.all(
      image.blobs.map(async (blob) => readAll(readableOf(await image.from.openBlob(blob)))),
    );
    if (config === undefined || layer === undefined) throw new Error('the sample has both');
    const path = await writeLayoutTar({ schemaVersion: 2, manifests: [] }, [image.document.bytes, config]);
    const before = await readFile(path);
    const archive = openOciArchive(path);
    await archive.writeManifest(sampleIndex([image.document]), { tag: TAG });
    await expect(archive.commit()).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining(digestOf(layer)) as string,
    });
    expect(await readFile(path)).toEqual(before);
  });
});

describe('a tag of an archive', () => {
  it.each([
    ['did not exist', {}, 'no image'],
    ['stood for another image', { '1.0': first }, first.document.digest],
  ])('keeps the tag that %s and that another process has moved', async (_what, before, said) => {
    const path = await archivePath();
    await push(path, { other: image, ...before });
    const archive = openOciArchive(path);
    await pushImage(archive, image, '1.0');
    await push(path, { '1.0': second });
    const left = await readFile(path);
    await expect(archive.commit()).rejects.toMatchObject({
      kind: 'conflict',
      message: `${path}: tag 1.0 was moved by another process from ${said} to ${second.document.digest}`,
    });
    expect(await readFile(path)).toEqual(left);
  });

  it('is no conflict if another process published the same image, or this one publishes twice', async () => {
    const path = await archivePath();
    await push(path, { '1.0': first });
    const archive = openOciArchive(path);
    await pushImage(archive, second, '1.0');
    await push(path, { '1.0': second });
    await archive.commit();
    await pushImage(archive, first, '1.0');
    await pushImage(archive, image, '1.0');
    await archive.commit();
    await pushImage(archive, second, '1.0');
    const commit = archive.commit();
    await pushImage(archive, first, '1.0');
    await commit;
    await archive.commit();
    expect(await openOciArchive(path).resolve(TAG)).toEqual(documentDescriptor(first.document));
  });
});
