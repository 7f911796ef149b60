import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

import { OciArchive } from '../../../src/layout/oci-archive/oci-archive.js';
import { digestOf } from '../../../src/oci/digest.js';
import { parseTag } from '../../../src/oci/reference.js';
import { copyImage, type SampleImage } from '../../contract/contract-content.js';
import { tarFile, type TarPart } from '../../support/tar-file.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

/** A path for an archive in its own directory, which is removed when the test ends. */
export async function archivePath(): Promise<string> {
  return join(await temporaryDirectory(), 'images.tar');
}

/** Opens an archive until the test ends. */
export function openOciArchive(path: string): OciArchive {
  const archive = new OciArchive({ path });
  onTestFinished(() => archive.close());
  return archive;
}

/** Pushes images as one run of the command does: opens the archive, commits once and closes it. */
export async function push(path: string, images: Readonly<Record<string, SampleImage>>): Promise<void> {
  const archive = new OciArchive({ path });
  try {
    for (const [tag, image] of Object.entries(images)) await pushImage(archive, image, tag);
    await archive.commit();
  } finally {
    archive.close();
  }
}

/** Writes an image under a tag, without a commit. */
export async function pushImage(archive: OciArchive, image: SampleImage, tag: string): Promise<void> {
  await copyImage(archive, image);
  await archive.writeManifest(image.document, { tag: parseTag(tag) });
}

/** The tar file of a layout, made without the code under test. */
export async function writeLayoutTar(
  index: unknown,
  blobs: readonly Uint8Array[] = [],
  more: readonly TarPart[] = [],
): Promise<string> {
  const path = await archivePath();
  await writeFile(path, layoutTarOf(index, blobs, more));
  return path;
}

export function layoutTarOf(
  index: unknown,
  blobs: readonly Uint8Array[] = [],
  more: readonly TarPart[] = [],
): Buffer {
  return tarFile([
    { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
    { name: 'index.json', content: typeof index === 'string' ? index : JSON.stringify(index) },
    ...blobs.map((content) => ({ name: blobName(digestOf(content)), content })),
    ...more,
  ]);
}

export function blobName(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/** What is in a plain tar file, in its order, by the fields of POSIX ustar. */
export interface TarListing {
  readonly name: string;
  readonly mode: number;
  /** Owner, group, and time of the last change, in seconds. */
  readonly whose: readonly [uid: number, gid: number, mtime: number];
  readonly names: string;
  readonly content: Buffer;
}

export async function listTar(path: string): Promise<TarListing[]> {
  const bytes = await readFile(path);
  const listing: TarListing[] = [];
  for (let at = 0; bytes[at] !== 0;) {
    const text = (start: number, length: number): string =>
      bytes.toString('latin1', at + start, at + start + length).replace(/\0.*$/s, '');
    const number = (start: number, length: number): number => Number.parseInt(text(start, length), 8);
    const size = number(124, 12);
    listing.push({
      name: [text(345, 155), text(0, 100)].filter(Boolean).join('/'),
      mode: number(100, 8),
      whose: [number(108, 8), number(116, 8), number(136, 12)],
      names: text(265, 32) + text(297, 32),
      content: bytes.subarray(at + 512, at + 512 + size),
    });
    at += 512 * (1 + Math.ceil(size / 512));
  }
  return listing;
}

/** The `index.json` of an archive. */
export async function readArchivedIndex(path: string): Promise<unknown> {
  const index = (await listTar(path)).find(({ name }) => name === 'index.json');
  return JSON.parse(index?.content.toString() ?? '');
}

/** Changes in place the byte of a file at which this text starts. */
export async function damage(path: string, text: string | Uint8Array): Promise<void> {
  const bytes = await readFile(path);
  const at = bytes.indexOf(text);
  if (at === -1) throw new Error('the text was not found');
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  await writeFile(path, bytes);
}
