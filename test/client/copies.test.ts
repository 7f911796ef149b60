import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { WorkEvent } from '../../src/content/events.js';
import { ImageLayout } from '../../src/layout/directory/image-layout.js';
import { InvalidError } from '../../src/oci/errors.js';
import { parseTag } from '../../src/oci/reference.js';
import { imagesOf, seedImages } from '../support/architectures.js';
import type { MemoryAccount } from '../support/memory-auth.js';
import type { MemoryRegistry } from '../support/memory-registry.js';
import { startRegistry } from '../support/open-repository.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { openMultiarch } from '../support/test-multiarch.js';
import { tinyIndex, writeLayout, type TinyImage } from '../support/tiny-image.mjs';

const account: MemoryAccount = { kind: 'bearer', username: 'ann', password: 'correct horse' };
const images = imagesOf(3);

/** Each image is in the repository, byte for byte, with all its blobs. */
function expectImages(registry: MemoryRegistry, path: string, expected: readonly TinyImage[]): void {
  for (const { manifest, config, layers } of expected) {
    const found = registry.manifest(path, manifest.digest);
    expect(found?.bytes.equals(manifest.bytes)).toBe(true);
    expect(found?.mediaType).toBe(manifest.mediaType);
    for (const blob of [config, ...layers]) {
      expect(registry.blob(path, blob.digest)?.equals(blob.bytes)).toBe(true);
    }
  }
}

/** How the blobs came to be in the target, in no particular order. */
function outcomes(events: readonly WorkEvent[]): string[] {
  return events.flatMap((event) => (event.kind === 'blob-done' ? [event.outcome] : [])).sort();
}

/** As Basic authentication sends it. */
function secret({ username, password }: MemoryAccount): string {
  return Buffer.from(`${username}:${password}`).toString('base64');
}

function headers(registry: MemoryRegistry): string {
  return JSON.stringify(registry.requests.map((request) => request.headers));
}

describe('to another repository of the registry', () => {
  it.each(['open', 'token'] as const)('mounts every blob: %s', async (mode) => {
    const registry = await startRegistry(mode === 'token' ? { auth: account } : {});
    const sources = seedImages(registry, 'source/app', images);
    const events: WorkEvent[] = [];
    const multiarch = await openMultiarch({
      logins: { [registry.host]: account },
      onEvent: (event) => events.push(event),
    });
    const list = `${registry.host}/target/app:1`;
    await multiarch.create(list, sources);
    registry.clearLog();

    const { descriptor, pushed } = await multiarch.push(list);

    expectImages(registry, 'target/app', images);
    expect(registry.manifest('target/app', '1')?.digest).toBe(descriptor.digest);
    expect(pushed.map(({ digest }) => digest)).toEqual(images.map(({ manifest }) => manifest.digest));
    expect(outcomes(events)).toEqual(Array.from({ length: 6 }, () => 'mounted'));
    const blobReads = registry.requests.filter(
      ({ method, path }) => method === 'GET' && path.includes('/blobs/'),
    );
    expect(blobReads).toEqual([]);
    expect(registry.openSessions).toBe(0);
  });

  it('copies the bytes if the registry does not mount', async () => {
    const registry = await startRegistry({ mounts: 'always202' });
    const sources = seedImages(registry, 'source/app', images);
    const events: WorkEvent[] = [];
    const multiarch = await openMultiarch({ onEvent: (event) => events.push(event) });
    const list = `${registry.host}/target/app:1`;

    await multiarch.createAndPush(list, sources);

    expectImages(registry, 'target/app', images);
    expect(outcomes(events)).toEqual(Array.from({ length: 6 }, () => 'copied'));
    expect(registry.openSessions).toBe(0);
  });

  it('moves the attestations of an index too', async () => {
    const registry = await startRegistry();
    const index = tinyIndex(images, { attestations: true });
    registry.put('source/app', index, '1');
    const multiarch = await openMultiarch();

    const { publication } = await multiarch.createAndPush(`${registry.host}/target/app:1`, [
      `${registry.host}/source/app:1`,
    ]);

    expect(publication.pushed).toHaveLength(6);
    expectImages(registry, 'target/app', index.images);
  });
});

describe('to another registry', () => {
  it('copies images, and sends each registry its own login only', async () => {
    const from = await startRegistry({ auth: account });
    const other: MemoryAccount = { ...account, username: 'bob', password: 'another secret' };
    const to = await startRegistry({ auth: other });
    const sources = seedImages(from, 'app', images);
    const multiarch = await openMultiarch({ logins: { [from.host]: account, [to.host]: other } });
    const list = `${to.host}/mirror/app:1`;

    const { publication } = await multiarch.createAndPush(list, sources);

    expectImages(to, 'mirror/app', images);
    expect(to.manifest('mirror/app', '1')?.digest).toBe(publication.descriptor.digest);
    expect(headers(to)).not.toContain(secret(account));
    expect(headers(from)).not.toContain(secret(other));
    // Nothing was ever to be written where it was only read.
    expect(from.lines().join('\n')).not.toContain('push');
  });

  it('requests no mount of a blob in another registry', async () => {
    const [from, to] = [await startRegistry(), await startRegistry({ mounts: 'always201' })];
    const sources = seedImages(from, 'app', images);
    const multiarch = await openMultiarch();

    await multiarch.createAndPush(`${to.host}/app:1`, sources);

    expectImages(to, 'app', images);
  });

  it('publishes the same bytes to several registries', async () => {
    const registries = [await startRegistry(), await startRegistry()] as const;
    const [own, far] = registries;
    const sources = seedImages(own, 'app', images);
    const multiarch = await openMultiarch();

    const { publication } = await multiarch.createAndPush(`${own.host}/app:1`, sources, {
      tags: ['latest', `${own.host}/other:1`, `${far.host}/app:1`],
    });

    expect(publication.tags.map(({ repository, tag }) => `${repository}:${tag}`)).toEqual([
      `${own.host}/app:1`,
      `${own.host}/other:1`,
      `${far.host}/app:1`,
      `${own.host}/app:latest`,
    ]);
    const published = [
      own.manifest('app', '1'),
      own.manifest('app', 'latest'),
      own.manifest('other', '1'),
      far.manifest('app', '1'),
    ];
    expect(published.map((found) => found?.digest)).toEqual(
      published.map(() => publication.descriptor.digest),
    );
    expectImages(own, 'other', images);
    expectImages(far, 'app', images);
  });

  it('fails on bytes that were changed in transit, and moves no tag', async () => {
    const [image] = images;
    const from = await startRegistry({
      fault: async (request, next) => {
        const response = await next();
        const isLayer = request.path.endsWith(image?.layers[0]?.digest ?? '');
        return isLayer && response.body !== undefined
          ? { ...response, body: Buffer.alloc(response.body.length) }
          : response;
      },
    });
    const to = await startRegistry();
    const sources = seedImages(from, 'app', images);
    const multiarch = await openMultiarch();

    await expect(multiarch.createAndPush(`${to.host}/app:1`, sources)).rejects.toThrow(InvalidError);

    expect(to.manifest('app', '1')).toBeUndefined();
    expect(to.manifest('app', image?.manifest.digest ?? '')).toBeUndefined();
    expect(to.openSessions).toBe(0);
  });
});

describe('between a layout and a registry', () => {
  it('publishes images of a layout', async () => {
    const registry = await startRegistry();
    const layout = join(await temporaryDirectory(), 'layout');
    for (const [position, image] of images.entries()) await writeLayout(layout, image, `image-${position}`);
    const multiarch = await openMultiarch();
    const list = `${registry.host}/app:1`;

    await multiarch.create(
      list,
      images.map((_, position) => `oci:${layout}:image-${position}`),
    );
    const { descriptor } = await multiarch.push(list);

    expectImages(registry, 'app', images);
    expect(registry.manifest('app', '1')?.digest).toBe(descriptor.digest);
  });

  it('writes images of a registry into a layout, from which they can be published again', async () => {
    const registry = await startRegistry();
    const sources = seedImages(registry, 'app', images);
    const layout = join(await temporaryDirectory(), 'layout');
    const multiarch = await openMultiarch();

    const { publication } = await multiarch.createAndPush(`oci:${layout}:1`, sources);
    const again = await multiarch.createAndPush(`${registry.host}/again:1`, [`oci:${layout}:1`]);

    const { digest } = publication.descriptor;
    expect((await new ImageLayout({ path: layout }).resolve(parseTag('1'))).digest).toBe(digest);
    expect(again.publication.descriptor.digest).toBe(digest);
    expectImages(registry, 'again', images);
  });
});
