import { rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Readable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { readableOf } from '../../../src/content/verified-stream.js';
import type { WorkEvent } from '../../../src/content/events.js';
import { MemoryStore } from '../../../src/content/memory-store.js';
import type { Target } from '../../../src/content/target.js';
import { ImageLayout } from '../../../src/layout/directory/image-layout.js';
import { LayoutReader } from '../../../src/layout/core/layout-reader.js';
import { OciArchive } from '../../../src/layout/oci-archive/oci-archive.js';
import { documentDescriptor } from '../../../src/oci/document.js';
import { NotFoundError } from '../../../src/oci/errors.js';
import { parseTag } from '../../../src/oci/reference.js';
import { copyImage, sampleImage, type SampleImage } from '../../contract/contract-content.js';
import { artifact, documentOf } from '../../support/artifact.js';
import { readIndexJson, temporaryLayout } from '../temporary-layout.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const REF_NAME = 'org.opencontainers.image.ref.name';
const image = sampleImage();
const subject = documentDescriptor(image.document);
const tag = parseTag(subject.digest.replace(':', '-'));
const V1 = parseTag('v1');

function signature(text: string): SampleImage {
  const from = new MemoryStore('artifact');
  const made = artifact(subject, { text });
  const blobs = [made.config, ...made.layers].map(({ bytes, mediaType }) => from.addBlob(bytes, mediaType));
  return { document: documentOf(made), blobs, from };
}

const signatures = ['a', 'b', 'c', 'd', 'e', 'f'].map(signature);
const digests = signatures.map(({ document }) => document.digest);
const [first = expect.fail(), second = expect.fail()] = signatures;

async function publishImage(target: Target): Promise<void> {
  await copyImage(target, image);
  await target.writeManifest(image.document, { tag: V1 });
}

async function listed(target: Target): Promise<readonly string[]> {
  return ((await target.listReferrers?.(subject.digest)) ?? []).map(({ digest }) => digest);
}

async function entriesOf(path: string) {
  const { manifests } = (await readIndexJson(path)) as {
    manifests: { digest: string; mediaType: string; annotations?: Record<string, string> }[];
  };
  return manifests;
}

describe('a layout', () => {
  it('lists each referrer once under the referrers tag', async () => {
    const path = join(await temporaryDirectory(), 'layout');
    const layout = new ImageLayout({ path });
    await publishImage(layout);
    for (const each of [first, second, first]) await copyImage(layout, each);
    const entries = await entriesOf(path);
    expect(entries.map(({ annotations }) => annotations?.[REF_NAME])).toEqual(['v1', tag]);
    const list = await layout.readManifest(tag);
    expect(list.value).toMatchObject({
      manifests: [{ artifactType: 'application/vnd.example.signature' }, {}],
    });
    expect(await listed(layout)).toEqual(digests.slice(0, 2).toSorted());
  });

  it('has the same bytes in whatever order they were written', async () => {
    const lists = await Promise.all(
      [signatures, signatures.toReversed()].map(async (order) => {
        const layout = new ImageLayout({ path: join(await temporaryDirectory(), 'layout') });
        for (const each of order) await copyImage(layout, each);
        return (await layout.resolve(tag)).digest;
      }),
    );
    expect(lists[0]).toBe(lists[1]);
  });

  it('loses no referrer of independent concurrent writers', async () => {
    const path = join(await temporaryDirectory(), 'layout');
    // Two paths of one layout: as with two processes, neither writer waits for the other.
    const layouts = [path, relative(process.cwd(), path)].map((name) => new ImageLayout({ path: name }));
    await Promise.all(
      signatures.map((each, position) => copyImage(layouts[position % 2] ?? expect.fail(), each)),
    );
    for (const layout of layouts) expect(await listed(layout)).toEqual(digests.toSorted());
  });

  it('is one image with its referrers', async () => {
    const layout = new ImageLayout({ path: join(await temporaryDirectory(), 'layout') });
    await publishImage(layout);
    await copyImage(layout, first);
    await layout.writeManifest(first.document, { tag: parseTag(`${tag}.sig`) });
    expect(await layout.names()).toEqual([V1]);
    expect(await layout.defaultSelector()).toBe(subject.digest);
  });

  it('keeps a referrers tag that is not a referrers list, with a warning', async () => {
    const events: WorkEvent[] = [];
    const path = join(await temporaryDirectory(), 'layout');
    const layout = new ImageLayout({ path, onEvent: (event) => events.push(event) });
    await publishImage(layout);
    await layout.writeManifest(image.document, { tag });
    await copyImage(layout, first);
    expect(await listed(layout)).toEqual([]);
    expect((await layout.resolve(tag)).digest).toBe(subject.digest);
    expect(events.flatMap((event) => (event.kind === 'warning' ? [event.message] : []))).toEqual([
      expect.stringContaining(`does not list ${first.document.digest} as a referrer of ${subject.digest}`),
    ]);
  });

  it('reports a missing referrers list', async () => {
    const path = join(await temporaryDirectory(), 'layout');
    const layout = new ImageLayout({ path });
    await copyImage(layout, first);
    const { digest } = await layout.resolve(tag);
    await rm(join(path, 'blobs', ...digest.split(':')));
    await expect(listed(layout)).rejects.toBeInstanceOf(NotFoundError);
    await expect(listed(layout)).rejects.toThrow(`lists ${digest}, but the blob is missing`);
  });

  it('reports a missing referrers list when it writes, too', async () => {
    const path = join(await temporaryDirectory(), 'layout');
    const layout = new ImageLayout({ path });
    await copyImage(layout, first);
    const { digest } = await layout.resolve(tag);
    await rm(join(path, 'blobs', ...digest.split(':')));
    const copied = copyImage(layout, second);
    await expect(copied).rejects.toBeInstanceOf(NotFoundError);
    await expect(copied).rejects.toThrow(`lists ${digest}, but the blob is missing`);
    expect((await entriesOf(path)).map((entry) => entry.digest)).toEqual([digest]);
  });

  it('reads untagged manifests once, a few at a time', async () => {
    const documents = Array.from({ length: 60 }, (_, number) => signature(`signature ${number}`).document);
    const store = new MemoryStore();
    for (const { bytes, mediaType } of documents) store.addBlob(bytes, mediaType);
    const [opened, open]: [string[], Set<Readable>] = [[], new Set()];
    let most = 0;
    const layout = new LayoutReader({
      label: 'layout',
      files: {
        readIndex: () => Promise.resolve({ manifests: documents.map(documentDescriptor) }),
        blobSize: () => Promise.resolve(undefined),
        async openBlob(descriptor) {
          const stream = readableOf(await store.openBlob(descriptor));
          opened.push(descriptor.digest);
          open.add(stream);
          most = Math.max(most, open.size);
          stream.once('close', () => open.delete(stream));
          return stream;
        },
      },
    });
    const wanted = documents.map(({ digest }) => digest).toSorted();
    const lists = await Promise.all([
      layout.listReferrers(subject.digest),
      ...documents.map(({ digest }) => layout.listReferrers(digest)),
    ]);
    const again = await layout.listReferrers(subject.digest);
    expect(lists[0]?.map(({ digest }) => digest).toSorted()).toEqual(wanted);
    expect(lists.slice(1).flat()).toEqual([]);
    expect(again).toEqual(lists[0]);
    expect(opened.toSorted()).toEqual(wanted);
    expect(most).toBeLessThanOrEqual(16);
  });

  it('finds a listed manifest as soon as it exists', async () => {
    const entry = documentDescriptor(first.document);
    const path = await temporaryLayout({ schemaVersion: 2, manifests: [{ ...entry, artifactType: 'a/b' }] });
    const layout = new ImageLayout({ path });
    expect(await listed(layout)).toEqual([]);
    const store = new MemoryStore();
    store.addBlob(first.document.bytes, first.document.mediaType);
    await layout.copyBlob(entry, store);
    expect(await listed(layout)).toEqual([entry.digest]);
  });

  it('that does not exist lists nothing', async () => {
    const path = join(await temporaryDirectory(), 'nowhere');
    expect(await new ImageLayout({ path }).listReferrers(subject.digest)).toEqual([]);
    const archive = new OciArchive({ path });
    expect(await archive.listReferrers(subject.digest)).toEqual([]);
    archive.close();
  });

  it('with referrers from oras lists them, and is still one image', async () => {
    const entries = [first, second].map(({ document }) => documentDescriptor(document));
    const other = sampleImage({ text: 'of no interest' });
    const path = await temporaryLayout({
      schemaVersion: 2,
      manifests: [
        { ...subject, annotations: { [REF_NAME]: 'v1' } },
        // As oras 1.3 writes them; and one whose manifest is gone.
        ...entries.map((entry) => ({ ...entry, artifactType: 'application/vnd.example.signature' })),
        { ...documentDescriptor(other.document), artifactType: 'application/vnd.example.gone' },
      ],
    });
    const layout = new ImageLayout({ path });
    await copyImage(layout, image);
    const unlisted = new MemoryStore();
    for (const { blobs, from, document } of [first, second]) {
      for (const blob of blobs) await layout.copyBlob(blob, from);
      unlisted.addBlob(document.bytes, document.mediaType);
      await layout.copyBlob(documentDescriptor(document), unlisted);
    }
    expect((await listed(layout)).toSorted()).toEqual(digests.slice(0, 2).toSorted());
    expect(await layout.names()).toEqual([V1]);
    expect(await layout.defaultSelector()).toBe(subject.digest);

    // One more, written by us, and one that is in both lists.
    await copyImage(layout, signatures[2] ?? expect.fail());
    await copyImage(layout, first);
    expect((await listed(layout)).toSorted()).toEqual(digests.slice(0, 3).toSorted());
  });

  it('of artifacts only lists them as images', async () => {
    const path = await temporaryLayout({
      schemaVersion: 2,
      manifests: [{ ...documentDescriptor(first.document), artifactType: 'application/vnd.example' }],
    });
    expect(await new ImageLayout({ path }).defaultSelector()).toBe(first.document.digest);
  });
});

describe('an archive', () => {
  it('has the referrers of its image after the commit, with equal bytes for equal content', async () => {
    const directory = await temporaryDirectory();
    const indexes = await Promise.all(
      [signatures, signatures.toReversed()].map(async (order, number) => {
        const path = join(directory, `${number}.tar`);
        const archive = new OciArchive({ path });
        await publishImage(archive);
        await Promise.all(order.map((each) => copyImage(archive, each)));
        await archive.commit();
        archive.close();
        const later = new OciArchive({ path });
        expect(await later.names()).toEqual([V1]);
        expect(await later.defaultSelector()).toBe(subject.digest);
        expect(await listed(later)).toEqual(digests.toSorted());
        for (const { document, blobs } of signatures) {
          expect((await later.readManifest(document.digest)).digest).toBe(document.digest);
          for (const blob of blobs) expect(await later.hasBlob(blob)).toBe(true);
        }
        const { digest } = await later.resolve(tag);
        later.close();
        return digest;
      }),
    );
    expect(indexes[0]).toBe(indexes[1]);
  });
});
