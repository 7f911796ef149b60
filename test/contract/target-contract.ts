import { Readable } from 'node:stream';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { readableOf } from '../../src/content/verified-stream.js';
import { MemoryStore } from '../../src/content/memory-store.js';
import type { Target } from '../../src/content/target.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import { parseDigest, type Digest } from '../../src/oci/digest.js';
import { documentDescriptor } from '../../src/oci/document.js';
import { CancelledError, InvalidError, NotFoundError } from '../../src/oci/errors.js';
import { DOCKER_LIST } from '../../src/oci/media-type.js';
import { parseTag } from '../../src/oci/reference.js';
import { artifact, documentOf } from '../support/artifact.js';
import {
  copyImage,
  digestOfStream,
  indexAbout,
  manifestOf,
  readAll,
  sampleImage,
  sampleIndex,
  sourceOf,
} from './contract-content.js';

/** A target for one test. */
export interface TargetUnderTest {
  readonly target: Target;
  /** Changes a byte of the stored content behind the target's back. */
  readonly tamper?: (digest: Digest) => Promise<void>;
  /** What writes have left behind: names of temporary files, open uploads. */
  readonly leftovers?: () => Promise<readonly string[]>;
  /** The same store, opened again. Absent if the store ends with its object. */
  readonly reopen?: () => Promise<Target>;
  readonly close?: () => Promise<void>;
}

export interface ContractLimits {
  /** Why this kind of target does not support sha512 digests. */
  readonly noSha512?: string;
  /** Why the content of this kind of target cannot be changed from outside. */
  readonly noTampering?: string;
  /** Why this kind of target does not persist. */
  readonly noReopening?: string;
}

const TAG = parseTag('1.0');
const OCTETS = 'application/octet-stream';
const ABSENT = parseDigest(`sha256:${'0'.repeat(64)}`);

/** The tests that every {@link Target} must pass, and with it every Source that is its reading half. */
export function describeTargetContract(
  name: string,
  makeTarget: () => Promise<TargetUnderTest>,
  limits: ContractLimits = {},
): void {
  describe(`${name} meets the contract of a target`, () => {
    let made: TargetUnderTest;
    let target: Target;

    beforeEach(async () => {
      made = await makeTarget();
      target = made.target;
    });

    afterEach(async () => {
      await made.close?.();
    });

    async function expectNoLeftovers(): Promise<void> {
      expect(await made.leftovers?.()).toEqual(made.leftovers === undefined ? undefined : []);
    }

    async function expectAbsent(descriptor: Descriptor): Promise<void> {
      await expect(target.openBlob(descriptor)).rejects.toBeInstanceOf(NotFoundError);
      await expectNoLeftovers();
    }

    describe('manifests', () => {
      it.each(['oci', 'docker'] as const)('are read back byte for byte, %s', async (mediaTypes) => {
        const image = sampleImage({ mediaTypes });
        await copyImage(target, image);
        const written = await target.writeManifest(image.document, { tag: TAG });

        expect(written).toEqual(documentDescriptor(image.document));
        for (const selector of [TAG, image.document.digest]) {
          const document = await target.readManifest(selector);
          expect(Buffer.from(document.bytes)).toEqual(Buffer.from(image.document.bytes));
          expect({ ...document, bytes: '' }).toEqual({ ...image.document, bytes: '' });
        }
        for (const blob of image.blobs) {
          expect(await readAll(readableOf(await target.openBlob(blob)))).toEqual(
            await readAll(readableOf(await image.from.openBlob(blob))),
          );
        }
        await expectNoLeftovers();
      });

      it('have the same descriptor by tag and by digest, found and resolved', async () => {
        const image = sampleImage();
        await copyImage(target, image);
        await target.writeManifest(image.document, { tag: TAG });

        const { mediaType, digest, bytes } = image.document;
        const expected = { mediaType, digest, size: bytes.length };
        expect(await target.resolve(TAG)).toEqual(expected);
        expect(await target.resolve(digest)).toEqual(expected);
        expect(await target.find(TAG)).toEqual(expected);
        expect(await target.find(digest)).toEqual(expected);
      });

      it('cause a NotFoundError if missing, or are found to be undefined', async () => {
        for (const selector of [TAG, ABSENT]) {
          await expect(target.resolve(selector)).rejects.toBeInstanceOf(NotFoundError);
          await expect(target.readManifest(selector)).rejects.toBeInstanceOf(NotFoundError);
          expect(await target.find(selector)).toBeUndefined();
        }
      });

      it('are distinguished from blobs', async () => {
        const image = sampleImage();
        await copyImage(target, image);
        for (const blob of image.blobs) expect(await target.find(blob.digest)).toBeUndefined();
      });

      it('are rejected under another digest', async () => {
        const image = sampleImage();
        await copyImage(target, image);
        const forged = { ...image.document, digest: ABSENT };
        await expect(target.writeManifest(forged, { tag: TAG })).rejects.toBeInstanceOf(InvalidError);
        expect(await target.find(TAG)).toBeUndefined();
        expect(await target.find(ABSENT)).toBeUndefined();
        await expectNoLeftovers();
      });

      it('are rejected before their blobs exist', async () => {
        const { document, blobs, from } = sampleImage();
        const [config, layer] = blobs as [Descriptor, Descriptor];
        await target.copyBlob(config, from);
        const writing = target.writeManifest(document, { tag: TAG });
        await expect(writing).rejects.toBeInstanceOf(InvalidError);
        await expect(writing).rejects.toThrow(layer.digest);
        expect(await target.find(TAG)).toBeUndefined();
        expect(await target.find(document.digest)).toBeUndefined();
      });

      it('may lack non-distributable layers', async () => {
        const from = new MemoryStore();
        const config = from.addBlob(Buffer.from('{}'), 'application/vnd.oci.image.config.v1+json');
        const layer = {
          mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
          digest: ABSENT,
          size: 10,
          urls: ['https://example.com/layer'],
        };
        await target.copyBlob(config, from);
        const document = manifestOf(config, [layer]);
        await target.writeManifest(document, { tag: TAG });
        expect((await target.resolve(TAG)).digest).toBe(document.digest);
      });

      it.skipIf(limits.noTampering !== undefined)('that were tampered with are refused', async () => {
        const image = sampleImage();
        await copyImage(target, image);
        await target.writeManifest(image.document, { tag: TAG });
        await made.tamper?.(image.document.digest);
        await expect(target.readManifest(TAG)).rejects.toBeInstanceOf(InvalidError);
        await expect(target.readManifest(image.document.digest)).rejects.toBeInstanceOf(InvalidError);
      });
    });

    describe('indexes', () => {
      it.each([undefined, DOCKER_LIST])('are read back byte for byte, %s', async (mediaType) => {
        const images = (['amd64', 'arm64'] as const).map((architecture) => sampleImage({ architecture }));
        for (const image of images) await copyImage(target, image);
        const index = sampleIndex(
          images.map((image) => image.document),
          mediaType,
        );
        await target.writeManifest(index, { tag: TAG });
        const read = await target.readManifest(TAG);
        expect(Buffer.from(read.bytes)).toEqual(Buffer.from(index.bytes));
        expect(read.mediaType).toBe(index.mediaType);
        for (const { document } of images) {
          expect(await target.find(document.digest)).toEqual(documentDescriptor(document));
        }
      });

      it('may list indexes', async () => {
        const image = sampleImage();
        await copyImage(target, image);
        const inner = sampleIndex([image.document]);
        const outer = sampleIndex([inner, image.document]);
        await target.writeManifest(inner);
        await target.writeManifest(outer, { tag: TAG });
        expect((await target.resolve(TAG)).digest).toBe(outer.digest);
        expect((await target.readManifest(inner.digest)).value).toEqual(inner.value);
      });

      it('are rejected before their children exist', async () => {
        const [present, absent] = [sampleImage({ text: 'present' }), sampleImage({ text: 'absent' })];
        await copyImage(target, present);
        const index = sampleIndex([present.document, absent.document]);
        const writing = target.writeManifest(index, { tag: TAG });
        await expect(writing).rejects.toBeInstanceOf(InvalidError);
        await expect(writing).rejects.toThrow(absent.document.digest);
        expect(await target.find(TAG)).toBeUndefined();
        expect(await target.find(index.digest)).toBeUndefined();
        await expectNoLeftovers();
      });
    });

    describe('a referrer of a manifest', () => {
      const subject = documentDescriptor(sampleImage({ text: 'subject' }).document);
      const referrer = (options?: Parameters<typeof artifact>[1]) => {
        const from = new MemoryStore('artifact');
        const content = artifact(subject, options);
        const blobs = [content.config, ...content.layers].map(({ bytes, mediaType }) =>
          from.addBlob(bytes, mediaType),
        );
        return { document: documentOf(content), blobs, from };
      };

      async function listed(reader: Target): Promise<readonly Descriptor[]> {
        const list = await reader.listReferrers?.(subject.digest);
        return (list ?? []).toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
      }

      it('is listed with its type and annotations, whether or not the manifest exists', async () => {
        expect(await listed(target)).toEqual([]);
        const sbom = referrer({ type: 'application/spdx+json', annotations: { 'org.example.by': 'me' } });
        await copyImage(target, sbom);
        const expected = {
          ...documentDescriptor(sbom.document),
          artifactType: 'application/spdx+json',
          annotations: { 'org.example.by': 'me' },
        };
        expect(await listed(target)).toEqual([expected]);
        await copyImage(target, sbom);
        expect(await listed(target)).toEqual([expected]);
        const other = sampleImage({ text: 'something else' });
        await copyImage(target, other);
        expect(await target.listReferrers?.(other.document.digest)).toEqual([]);
        await expectNoLeftovers();
      });

      it('is listed when several are written in parallel', async () => {
        const referrers = ['a', 'b', 'c', 'd', 'e', 'f'].map((text) => referrer({ text }));
        await Promise.all(referrers.map((each) => copyImage(target, each)));
        const digests = referrers.map(({ document }) => document.digest);
        expect((await listed(target)).map(({ digest }) => digest)).toEqual(digests.toSorted());
        await expectNoLeftovers();
      });

      it('may be an index, under a tag too', async () => {
        const image = sampleImage();
        await copyImage(target, image);
        const index = indexAbout(subject, [image.document]);
        await target.writeManifest(index, { tag: TAG });
        expect((await target.resolve(TAG)).digest).toBe(index.digest);
        expect((await listed(target)).map(({ digest }) => digest)).toEqual([index.digest]);
      });

      it.skipIf(limits.noReopening !== undefined)(
        'can be read after the store has been reopened',
        async () => {
          const image = sampleImage({ text: 'subject' });
          await copyImage(target, image);
          await target.writeManifest(image.document, { tag: TAG });
          for (const text of ['a', 'b']) await copyImage(target, referrer({ text }));
          await target.commit?.();
          const later = (await made.reopen?.()) ?? expect.fail('the target cannot be opened again');
          expect(await listed(later)).toEqual(await listed(target));
          expect(await listed(later)).toHaveLength(2);
          for (const { digest } of await listed(later)) {
            expect((await later.readManifest(digest)).digest).toBe(digest);
          }
        },
      );
    });

    describe('tags', () => {
      it('move, and their previous content stays', async () => {
        const [before, after] = [sampleImage({ text: 'before' }), sampleImage({ text: 'after' })];
        await copyImage(target, before);
        await copyImage(target, after);
        const other = parseTag('other');
        await target.writeManifest(before.document, { tag: TAG });
        await target.writeManifest(before.document, { tag: other });
        await target.writeManifest(after.document, { tag: TAG });
        expect((await target.resolve(TAG)).digest).toBe(after.document.digest);
        expect((await target.resolve(other)).digest).toBe(before.document.digest);
        expect((await target.readManifest(before.document.digest)).digest).toBe(before.document.digest);
      });

      it('may be written twice', async () => {
        const image = sampleImage();
        await copyImage(target, image);
        await target.writeManifest(image.document, { tag: TAG });
        await target.writeManifest(image.document, { tag: TAG });
        expect(await target.resolve(TAG)).toEqual(documentDescriptor(image.document));
      });

      it('are all kept when written in parallel', async () => {
        const images = Array.from({ length: 8 }, (_, number) => sampleImage({ text: `image ${number}` }));
        for (const image of images) await copyImage(target, image);
        const tags = images.map((_, number) => parseTag(`tag-${number}`));
        await Promise.all(
          images.map(({ document }, number) => target.writeManifest(document, { tag: tags[number] ?? TAG })),
        );
        const resolved = await Promise.all(tags.map((tag) => target.resolve(tag)));
        expect(resolved.map(({ digest }) => digest)).toEqual(images.map(({ document }) => document.digest));
        await expectNoLeftovers();
      });
    });

    describe('deletions', () => {
      const OTHER = parseTag('other');
      let digest: Digest;

      beforeEach(async () => {
        const image = sampleImage();
        await copyImage(target, image);
        ({ digest } = image.document);
        for (const tag of [TAG, OTHER]) await target.writeManifest(image.document, { tag });
      });

      it('of a tag leave the image and its other tags', async () => {
        expect(new Set(await target.listTags?.())).toEqual(new Set([TAG, OTHER]));
        expect(await target.listTags?.({ most: 1 })).toHaveLength(1);
        if (target.delete === undefined) return;
        await target.delete(TAG);
        expect(await target.listTags?.()).toEqual([OTHER]);
        expect(await target.find(TAG)).toBeUndefined();
        expect((await target.find(digest))?.digest).toBe(digest);
      });

      it('of a digest delete all its tags', async () => {
        if (target.delete === undefined) return;
        await target.delete(digest);
        expect(await target.find(TAG)).toBeUndefined();
        expect(await target.find(OTHER)).toBeUndefined();
      });

      it('of what does not exist fail', async () => {
        if (target.delete === undefined) return;
        for (const selector of [parseTag('none'), ABSENT]) {
          await expect(target.delete(selector)).rejects.toBeInstanceOf(NotFoundError);
        }
      });
    });

    describe('blobs', () => {
      const from = new MemoryStore('blobs');
      const blob = from.addBlob(Buffer.from('twelve bytes'), OCTETS);

      it('are copied once', async () => {
        expect(await target.copyBlob(blob, from)).toBe('copied');
        const unread = sourceOf(() => {
          throw new Error('nothing is to be read');
        });
        expect(await target.copyBlob(blob, unread)).toBe('present');
        expect(await readAll(readableOf(await target.openBlob(blob)))).toEqual(Buffer.from('twelve bytes'));
      });

      it('may be empty', async () => {
        const empty = from.addBlob(new Uint8Array(), OCTETS);
        expect(await target.copyBlob(empty, from)).toBe('copied');
        expect(await readAll(readableOf(await target.openBlob(empty)))).toHaveLength(0);
        expect(await target.copyBlob(empty, from)).toBe('present');
      });

      it('may be large, and are copied in chunks', async () => {
        const bytes = Buffer.alloc(8 << 20, 'all the bytes of a large layer');
        const large = from.addBlob(bytes, OCTETS);
        const pieces: number[] = [];
        await target.copyBlob(large, from, { onBytes: (count) => pieces.push(count) });
        expect(pieces.length).toBeGreaterThan(8);
        expect(pieces.reduce((sum, count) => sum + count, 0)).toBe(large.size);
        const read = await digestOfStream(readableOf(await target.openBlob(large)));
        expect(read.digest).toBe(large.digest);
        expect(read.chunks).toBeGreaterThan(8);
      });

      it('cause a NotFoundError if missing', async () => {
        await expectAbsent(blob);
        await target.copyBlob(blob, from);
        await expectAbsent({ ...blob, digest: ABSENT });
      });

      it.each([
        ['other bytes', 'twelve bytez'],
        ['bytes missing', 'twelve byte'],
        ['no bytes', ''],
        ['bytes too many', 'twelve bytes and more'],
      ])('with %s are refused, and leave nothing behind', async (_, text) => {
        const lying = sourceOf(() => Readable.from([Buffer.from(text)]));
        await expect(target.copyBlob(blob, lying)).rejects.toBeInstanceOf(InvalidError);
        await expectAbsent(blob);
        expect(await target.copyBlob(blob, from)).toBe('copied');
      });

      it('leave nothing behind if the source lacks them', async () => {
        const copy = target.copyBlob({ ...blob, digest: ABSENT }, from);
        await expect(copy).rejects.toBeInstanceOf(NotFoundError);
        await expectAbsent({ ...blob, digest: ABSENT });
      });

      it('are verified against the descriptor that they are opened with', async () => {
        await target.copyBlob(blob, from);
        for (const size of [blob.size - 1, blob.size + 1]) {
          await expect(
            (async () => readAll(readableOf(await target.openBlob({ ...blob, size }))))(),
          ).rejects.toBeInstanceOf(InvalidError);
        }
      });

      it.skipIf(limits.noTampering !== undefined)('that were tampered with are refused', async () => {
        await target.copyBlob(blob, from);
        await made.tamper?.(blob.digest);
        await expect((async () => readAll(readableOf(await target.openBlob(blob))))()).rejects.toBeInstanceOf(
          InvalidError,
        );
      });

      it('are rejected for an unknown digest algorithm', async () => {
        const unknown = { ...blob, digest: parseDigest('blake3:0123456789abcdef') };
        const source = sourceOf(() => Readable.from([Buffer.from('twelve bytes')]));
        await expect(target.copyBlob(unknown, source)).rejects.toBeInstanceOf(InvalidError);
        await expectNoLeftovers();
      });

      it('may be written in parallel', async () => {
        const large = from.addBlob(Buffer.alloc(1 << 20, 'shared layer'), OCTETS);
        const outcomes = await Promise.all(Array.from({ length: 6 }, () => target.copyBlob(large, from)));
        expect(outcomes).toContain('copied');
        expect((await digestOfStream(readableOf(await target.openBlob(large)))).digest).toBe(large.digest);
        await expectNoLeftovers();
      });
    });

    describe.skipIf(limits.noReopening !== undefined)(
      'what was written, and committed where that is needed',
      () => {
        async function reopen(): Promise<Target> {
          await target.commit?.();
          const reopened = await made.reopen?.();
          if (reopened === undefined) throw new Error('the target cannot be opened again');
          return reopened;
        }

        it('can be read after the store has been reopened', async () => {
          const images = (['amd64', 'arm64'] as const).map((architecture) => sampleImage({ architecture }));
          for (const image of images) await copyImage(target, image);
          const index = sampleIndex(images.map(({ document }) => document));
          await target.writeManifest(index, { tag: TAG });

          const later = await reopen();
          expect(Buffer.from((await later.readManifest(TAG)).bytes)).toEqual(Buffer.from(index.bytes));
          for (const { document, blobs, from } of images) {
            expect(await later.resolve(document.digest)).toEqual(documentDescriptor(document));
            for (const blob of blobs) {
              expect(await later.hasBlob(blob)).toBe(true);
              expect(await readAll(readableOf(await later.openBlob(blob)))).toEqual(
                await readAll(readableOf(await from.openBlob(blob))),
              );
            }
          }
          expect(await target.resolve(TAG)).toEqual(documentDescriptor(index));
        });

        it('is kept without a tag', async () => {
          const image = sampleImage();
          await copyImage(target, image);
          const later = await reopen();
          expect(await later.resolve(image.document.digest)).toEqual(documentDescriptor(image.document));
        });

        it('is added to existing content', async () => {
          const [first, second] = [sampleImage({ text: 'first' }), sampleImage({ text: 'second' })];
          await copyImage(target, first);
          await target.writeManifest(first.document, { tag: TAG });
          const later = await reopen();
          const other = parseTag('other');
          await copyImage(later, second);
          await later.writeManifest(second.document, { tag: other });
          await later.commit?.();

          const last = await reopen();
          expect((await last.resolve(TAG)).digest).toBe(first.document.digest);
          expect((await last.resolve(other)).digest).toBe(second.document.digest);
          for (const { blobs } of [first, second]) {
            for (const blob of blobs)
              expect(await digestOfStream(readableOf(await last.openBlob(blob)))).toMatchObject({
                digest: blob.digest,
              });
          }
        });
      },
    );

    it.skipIf(limits.noSha512 !== undefined)('holds content by sha512 digests', async () => {
      const from = new MemoryStore();
      const config = from.addBlob(Buffer.from('{}'), 'application/vnd.oci.image.config.v1+json', 'sha512');
      const layer = from.addBlob(
        Buffer.from('layer'),
        'application/vnd.oci.image.layer.v1.tar+gzip',
        'sha512',
      );
      await target.copyBlob(config, from);
      await target.copyBlob(layer, from);
      const document = manifestOf(config, [layer], 'sha512');
      await target.writeManifest(document, { tag: TAG });
      expect(await target.resolve(TAG)).toEqual(documentDescriptor(document));
      expect((await target.readManifest(document.digest)).digest).toBe(document.digest);
      expect(await readAll(readableOf(await target.openBlob(layer)))).toEqual(Buffer.from('layer'));
    });

    describe('a cancelled signal', () => {
      const from = new MemoryStore('blobs');
      const blob = from.addBlob(Buffer.alloc(256 << 10, 'cancelled'), OCTETS);

      it('stops every operation before it starts', async () => {
        const image = sampleImage();
        await copyImage(target, image);
        const options = { signal: AbortSignal.abort() };
        const calls = [
          target.resolve(TAG, options),
          target.find(TAG, options),
          Promise.resolve(target.listReferrers?.(ABSENT, options)),
          target.readManifest(TAG, options),
          target.openBlob(image.blobs[0] ?? blob, options),
          target.copyBlob(blob, from, options),
          target.writeManifest(image.document, { ...options, tag: TAG }),
        ];
        for (const call of await Promise.allSettled(calls)) {
          expect(call).toMatchObject({ status: 'rejected', reason: expect.any(CancelledError) });
        }
        expect(await target.find(TAG)).toBeUndefined();
        await expectAbsent(blob);
      });

      it('stops a copy in progress, and leaves nothing behind', async () => {
        const controller = new AbortController();
        let reads = 0;
        const stalling = sourceOf(
          () =>
            new Readable({
              read() {
                // The second chunk is requested after the first was consumed; only the cancellation follows.
                if (reads++ === 0) this.push(Buffer.alloc(128 << 10, 'cancelled'));
                else controller.abort();
              },
            }),
        );
        const copy = target.copyBlob(blob, stalling, { signal: controller.signal });
        await expect(copy).rejects.toBeInstanceOf(CancelledError);
        await expectAbsent(blob);
      });

      it('stops a read in progress', async () => {
        await target.copyBlob(blob, from);
        const controller = new AbortController();
        const stream = readableOf(await target.openBlob(blob, { signal: controller.signal }));
        const reading = (async () => {
          for await (const _ of stream) controller.abort();
        })();
        await expect(reading).rejects.toBeInstanceOf(CancelledError);
      });
    });
  });
}
