import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { WorkEvent } from '../../src/content/events.js';
import { MemoryStore } from '../../src/content/memory-store.js';
import type { Source } from '../../src/content/source.js';
import { ImageLayout } from '../../src/layout/directory/image-layout.js';
import { parseDocument } from '../../src/oci/parse.js';
import { parseTag } from '../../src/oci/reference.js';
import { imagesOf, seedImages } from '../support/architectures.js';
import { startRegistry } from '../support/open-repository.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { openMultiarch } from '../support/test-multiarch.js';
import type { TinyImage } from '../support/tiny-image.mjs';

const images = imagesOf(2);

/** A store with the two images under the tags `1` and `2`. */
async function filledStore(label?: string): Promise<MemoryStore> {
  const store = new MemoryStore(label);
  for (const [position, image] of images.entries()) await addImage(store, image, `${position + 1}`);
  return store;
}

async function addImage(
  store: MemoryStore,
  { manifest, config, layers }: TinyImage,
  tag: string,
): Promise<void> {
  for (const blob of [config, ...layers]) store.addBlob(blob.bytes, blob.mediaType);
  await store.writeManifest(parseDocument(manifest.bytes), { tag: parseTag(tag) });
}

/** A source of a caller's own, whose blobs are async iterables and no streams. */
function ownSource(store: MemoryStore): Source {
  return {
    label: 'my cache',
    resolve: (selector) => store.resolve(selector),
    find: (selector) => store.find(selector),
    readManifest: (selector) => store.readManifest(selector),
    async openBlob(descriptor) {
      const stream = await store.openBlob(descriptor);
      return (async function* bytes() {
        yield* stream;
      })();
    },
  };
}

describe('Source and Target objects', () => {
  it('are created from and pushed to a registry, with their labels in the draft', async () => {
    const registry = await startRegistry();
    const store = await filledStore();
    const multiarch = await openMultiarch();

    const { draft, publication } = await multiarch.createAndPush(`${registry.host}/app:1`, [
      { source: store, selector: '1' },
      { source: ownSource(store), selector: images[1]?.manifest.digest ?? '' },
    ]);

    expect(draft.entries.map(({ source }) => source)).toEqual([
      '(memory):1',
      `(my cache)@${images[1]?.manifest.digest ?? ''}`,
    ]);
    expect(registry.manifest('app', '1')?.digest).toBe(publication.descriptor.digest);
    for (const { manifest } of images) expect(registry.manifest('app', manifest.digest)).toBeDefined();
  });

  it('are numbered where two have the same label', async () => {
    const multiarch = await openMultiarch();
    const [one, two] = [await filledStore(), await filledStore()];
    const { draft } = await multiarch.create('r.example/app:1', [
      { source: one, selector: '1' },
      { source: two, selector: '2' },
      { source: one, selector: '2' },
    ]);
    expect(draft.entries.map(({ source }) => source)).toEqual(['(memory):1', '(memory 2):2', '(memory):2']);
  });

  it('take the settings of a source', async () => {
    const multiarch = await openMultiarch();
    const { draft } = await multiarch.create('r.example/app:1', [
      {
        source: await filledStore(),
        selector: '1',
        platform: 'linux/riscv64',
        annotations: { team: 'a' },
      },
    ]);
    expect(draft.entries[0]?.override).toEqual({
      platform: { os: 'linux', architecture: 'riscv64' },
      annotations: { team: 'a' },
    });
  });

  it('cannot be pushed by a client that was not given them', async () => {
    const registry = await startRegistry();
    const store = join(await temporaryDirectory(), 'drafts');
    const name = `${registry.host}/app:1`;
    const first = await openMultiarch({ store });
    await first.create(name, [{ source: await filledStore(), selector: '1' }]);

    await expect((await openMultiarch({ store })).push(name)).rejects.toMatchObject({
      kind: 'argument',
      message: '(memory):1 was an object of the program that named it, and cannot be opened by name',
    });
    await expect(first.push(name)).resolves.toBeDefined();
  });

  it('are copied from and to, and inspected', async () => {
    const multiarch = await openMultiarch();
    const layout = new ImageLayout({ path: join(await temporaryDirectory(), 'layout') });
    const target = { target: layout, selector: 'latest' };

    const { descriptor } = await multiarch.copy({ source: await filledStore(), selector: '2' }, target);

    expect((await layout.resolve(parseTag('latest'))).digest).toBe(descriptor.digest);
    const inspected = await multiarch.inspect({ source: layout, selector: 'latest' });
    expect(inspected.document.digest).toBe(images[1]?.manifest.digest);
    expect(inspected.state).toBe('published');
  });

  it('are the target of a draft, and further destinations of a push', async () => {
    const multiarch = await openMultiarch();
    const [main, mirror] = [new MemoryStore('main'), new MemoryStore('mirror')];
    const { publication } = await multiarch.createAndPush(
      { target: main, selector: '1.2' },
      [{ source: await filledStore(), selector: '1' }],
      { tags: [{ target: mirror, selector: 'copy' }, 'stable'] },
    );
    const { digest } = publication.descriptor;
    expect((await main.resolve(parseTag('1.2'))).digest).toBe(digest);
    expect((await main.resolve(parseTag('stable'))).digest).toBe(digest);
    expect((await mirror.resolve(parseTag('copy'))).digest).toBe(digest);
  });

  it('are refused as a target if they can only be read', async () => {
    const multiarch = await openMultiarch();
    const store = await filledStore();
    const target = ownSource(store) as MemoryStore;
    await expect(
      multiarch.copy({ source: store, selector: '1' }, { target, selector: '1' }),
    ).rejects.toMatchObject({ kind: 'argument', message: 'my cache can only be read' });
  });

  it('are opened by name, sharing the connections of the client', async () => {
    const registry = await startRegistry();
    seedImages(registry, 'app', images);
    registry.put('app', images[0] ?? failed(), 'one');
    const multiarch = await openMultiarch();

    const opened = await multiarch.openSource(`${registry.host}/app:one`);
    expect((await opened.source.readManifest(opened.selector)).digest).toBe(images[0]?.manifest.digest);

    const { target, selector } = await multiarch.openTarget(`${registry.host}/mirror`);
    expect(selector).toBe('latest');
    await multiarch.copy(opened, { target, selector });
    expect(registry.manifest('mirror', 'latest')?.digest).toBe(images[0]?.manifest.digest);
  });
});

describe('plain strings', () => {
  it.each([
    ['a platform', { require: ['linux/amd64/v8/x'] }],
    ['a platform of entries', { entryAnnotations: [{ platform: '???', annotations: {} }] }],
    ['a digest', { expectCurrent: 'sha256:abc' }],
    ['the digest of a subject', { subject: { mediaType: 'a/b', digest: 'x', size: 1 } }],
  ])('are checked before anything is read: %s', async (_, options) => {
    const registry = await startRegistry();
    const multiarch = await openMultiarch();
    const created = multiarch.createAndPush(`${registry.host}/app:1`, ['oci:/nowhere:1'], options);
    await expect(created).rejects.toMatchObject({ kind: 'argument' });
    expect(registry.lines()).toEqual([]);
  });

  it('name platforms and digests', async () => {
    const multiarch = await openMultiarch();
    const layout = `oci:${join(await temporaryDirectory(), 'layout')}:1`;
    const { publication } = await multiarch.createAndPush(
      layout,
      [{ source: await filledStore(), selector: '1', platforms: ['linux/amd64'] }],
      { platforms: ['linux/amd64'], require: ['linux/amd64'], expectCurrent: 'none', keepDraft: true },
    );
    const { digest } = publication.descriptor;
    await multiarch.push(layout, { expectCurrent: digest, require: ['linux/amd64'] });
    const inspection = await multiarch.inspect(layout, { published: true });
    await inspection.requirePlatforms(['linux/amd64']);
    expect((await inspection.select('linux/amd64')).document.digest).toBe(images[0]?.manifest.digest);
  });
});

describe('the options of a call', () => {
  it('report events to the handler of the call, after that of the client', async () => {
    const heard: string[] = [];
    const hear =
      (name: string) =>
      (event: WorkEvent): void => {
        if (event.kind === 'tagged') heard.push(name);
      };
    const multiarch = await openMultiarch({ onEvent: hear('client') });
    const source = { source: await filledStore(), selector: '1' };
    await multiarch.copy(source, { target: new MemoryStore(), selector: '1' }, { onEvent: hear('call') });
    await multiarch.copy(source, { target: new MemoryStore(), selector: '1' });
    expect(heard).toEqual(['client', 'call', 'client']);
  });

  it('report the events of shared connections to running calls only', async () => {
    const registry = await startRegistry();
    seedImages(registry, 'app', images);
    registry.put('app', images[0] ?? failed(), '1');
    registry.put('app', images[0] ?? failed(), '2');
    const multiarch = await openMultiarch();
    const kinds: string[] = [];
    await multiarch.inspect(`${registry.host}/app:1`, { onEvent: ({ kind }) => kinds.push(kind) });
    const before = kinds.length;
    await multiarch.inspect(`${registry.host}/app:2`);
    expect(kinds).toHaveLength(before);
  });

  it.each(['the call', 'the client'])('are cancelled by the signal of %s', async (whose) => {
    const [own, call] = [new AbortController(), new AbortController()];
    const multiarch = await openMultiarch({ signal: own.signal });
    (whose === 'the call' ? call : own).abort();
    const copied = multiarch.copy(
      { source: await filledStore(), selector: '1' },
      { target: new MemoryStore(), selector: '1' },
      { signal: call.signal },
    );
    await expect(copied).rejects.toMatchObject({ kind: 'cancelled' });
  });
});

it('closes at the end of an `await using` block', async () => {
  const registry = await startRegistry();
  const client = await openMultiarch();
  {
    await using closing = client;
    await expect(closing.inspect(`${registry.host}/app:1`)).rejects.toMatchObject({ kind: 'not-found' });
  }
  await expect(client.inspect(`${registry.host}/app:1`)).rejects.toThrow();
});

function failed(): never {
  throw new Error('an image is missing');
}
