import { describe, expect, it } from 'vitest';

import {
  ArgumentError,
  CancelledError,
  ConflictError,
  InvalidError,
  NotFoundError,
  SourcesError,
  UnavailableError,
} from '../../src/oci/errors.js';
import { imagesOf, seedImages } from '../support/architectures.js';
import { failureOf } from '../support/failure.js';
import { startRegistry } from '../support/open-repository.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { openMultiarch } from '../support/test-multiarch.js';
import { tinyImage } from '../support/tiny-image.mjs';

const images = imagesOf(2);
const [amd64, arm64] = images;
const other = tinyImage({ architecture: 'amd64', text: 'another one\n' });

/** A registry with two images, and the name of a draft of them. */
async function prepare() {
  const registry = await startRegistry();
  const sources = seedImages(registry, 'app', images);
  return { registry, sources, list: `${registry.host}/app:list` };
}

describe('create', () => {
  it('keeps the order of the sources, and repeats the same bytes for the same call', async () => {
    const { sources, list } = await prepare();

    const digests = await Promise.all(
      [1, 2].map(async () => {
        const multiarch = await openMultiarch();
        const { draft } = await multiarch.create(list, sources.toReversed(), {
          annotations: { b: '1', a: '2' },
        });
        expect(draft.entries.map(({ descriptor }) => descriptor.digest)).toEqual([
          arm64?.manifest.digest,
          amd64?.manifest.digest,
        ]);
        return (await multiarch.inspect(list)).document.digest;
      }),
    );

    expect(digests[0]).toBe(digests[1]);
  });

  it('--amend applies the given settings of the index, and keeps the others', async () => {
    const { sources, list } = await prepare();
    const multiarch = await openMultiarch();
    await multiarch.create(list, sources, { format: 'docker', annotations: { a: '1', b: '2' } });

    const { draft } = await multiarch.create(list, [], {
      amend: true,
      format: 'oci',
      annotations: { b: '3' },
    });

    expect(draft).toMatchObject({ format: 'oci', annotations: { a: '1', b: '3' } });
    expect((await multiarch.create(list, [], { amend: true, format: 'auto' })).draft).toEqual(draft);
  });

  it('publishes the bytes that inspect shows of the draft', async () => {
    const { registry, sources, list } = await prepare();
    const multiarch = await openMultiarch();
    await multiarch.create(list, sources);
    const { document } = await multiarch.inspect(list);

    const { descriptor } = await multiarch.push(list);

    expect(descriptor.digest).toBe(document.digest);
    expect(registry.manifest('app', 'list')?.bytes.equals(document.bytes)).toBe(true);
    expect(registry.manifest('app', 'list')?.mediaType).toBe(document.mediaType);
  });

  it('saves nothing if a source cannot be read', async () => {
    const { sources, list } = await prepare();
    const multiarch = await openMultiarch();

    const created = multiarch.create(list, [...sources, `${list}-not-there`]);

    await expect(created).rejects.toThrow(NotFoundError);
    expect(await multiarch.listDrafts()).toMatchObject({ drafts: [], damaged: [] });
  });

  it('reports all sources that cannot be read, as the user wrote them', async () => {
    const { sources, list } = await prepare();
    const multiarch = await openMultiarch();

    const error = await failureOf(multiarch.create(list, [`${list}-x`, ...sources, `${list}-y`]));

    expect(error).toBeInstanceOf(SourcesError);
    expect(String(error)).toMatch(/2 of 4 sources cannot be used:\n.*list-x.*\n.*list-y/);
  });

  it('fails if the draft exists, before any request', async () => {
    const { registry, sources, list } = await prepare();
    const multiarch = await openMultiarch();
    const { draft } = await multiarch.create(list, sources.slice(0, 1));
    registry.clearLog();

    const error = await failureOf(multiarch.create(list, sources));
    const pushError = await failureOf(multiarch.createAndPush(list, sources));

    expect(error).toBeInstanceOf(ConflictError);
    expect(pushError).toBeInstanceOf(ConflictError);
    expect(String(error)).toContain('refusing to amend an existing manifest list with no --amend flag');
    expect(registry.requests).toEqual([]);
    expect((await multiarch.listDrafts()).drafts).toEqual([draft]);
  });

  it('reports what prevents the publication of the draft', async () => {
    const { registry, list } = await prepare();
    registry.put('app', tinyImage({ architecture: 'amd64', omitPlatform: true }), 'bare');
    const multiarch = await openMultiarch();

    const { problems } = await multiarch.create(list, [`${registry.host}/app:bare`]);

    expect(problems).toMatchObject([{ kind: 'platform-missing' }]);
    await expect(multiarch.push(list)).rejects.toThrow(InvalidError);
    await multiarch.annotate(list, `${registry.host}/app:bare`, {
      os: 'linux',
      architecture: 'amd64',
    });
    expect((await multiarch.push(list)).tags).toMatchObject([{ outcome: 'moved' }]);
  });

  it('creates a draft without entries, to be amended', async () => {
    const { sources, list } = await prepare();
    const multiarch = await openMultiarch();

    expect((await multiarch.create(list, [])).draft.entries).toEqual([]);
    expect((await multiarch.create(list, sources, { amend: true })).draft.entries).toHaveLength(2);
  });

  it('stops when it is cancelled, and saves nothing', async () => {
    const stop = new AbortController();
    const registry = await startRegistry({
      fault: (_, next) => {
        stop.abort();
        return next();
      },
    });
    const sources = seedImages(registry, 'app', images);
    const multiarch = await openMultiarch({ signal: stop.signal });

    await expect(multiarch.create(`${registry.host}/app:list`, sources)).rejects.toThrow(CancelledError);

    expect((await multiarch.listDrafts()).drafts).toEqual([]);
  });
});

describe('create --amend', () => {
  it('appends a new source, and reads a known one again, since its tag may have moved', async () => {
    const { registry, sources, list } = await prepare();
    const multiarch = await openMultiarch();
    await multiarch.create(list, sources.slice(0, 1));
    registry.put('app', other, '0');

    const { draft } = await multiarch.create(list, sources, { amend: true });

    expect(draft.entries.map(({ descriptor }) => descriptor.digest)).toEqual([
      other.manifest.digest,
      arm64?.manifest.digest,
    ]);
  });

  it('keeps the changes of annotate', async () => {
    const { registry, sources, list } = await prepare();
    const [first = ''] = sources;
    const multiarch = await openMultiarch();
    await multiarch.create(list, sources);
    await multiarch.annotate(list, first, { 'os.version': '12', annotations: { team: 'a' } });
    await multiarch.annotateIndex(list, { annotations: { about: 'all' } });
    registry.put('app', other, '0');

    await multiarch.create(list, sources, { amend: true });

    expect((await multiarch.inspect(list)).document.value).toMatchObject({
      annotations: { about: 'all' },
      manifests: [
        {
          digest: other.manifest.digest,
          platform: { os: 'linux', architecture: 'amd64', 'os.version': '12' },
          annotations: { team: 'a' },
        },
        { digest: arm64?.manifest.digest, platform: { os: 'linux', architecture: 'arm64' } },
      ],
    });
  });

  it('leaves the draft unchanged if a source cannot be read', async () => {
    const { sources, list } = await prepare();
    const multiarch = await openMultiarch();
    const { draft } = await multiarch.create(list, sources);

    const amended = multiarch.create(list, [`${list}-not-there`], { amend: true });

    await expect(amended).rejects.toThrow(NotFoundError);
    expect((await multiarch.listDrafts()).drafts).toEqual([draft]);
  });
});

describe('create --push', () => {
  it('leaves no draft if the push fails, so that it can be repeated', async () => {
    const { sources } = await prepare();
    const full = await startRegistry({
      fault: (request, next) => (request.method === 'GET' ? next() : { status: 503 }),
    });
    const list = `${full.host}/app:list`;
    const multiarch = await openMultiarch();

    for (const _ of ['first', 'again']) {
      await expect(multiarch.createAndPush(list, sources)).rejects.toThrow(UnavailableError);
      expect((await multiarch.listDrafts()).drafts).toEqual([]);
    }
  });

  it('restores an existing draft if the push fails', async () => {
    const { registry, sources, list } = await prepare();
    const multiarch = await openMultiarch();
    const { draft } = await multiarch.create(list, sources);
    registry.put('app', tinyImage({ architecture: 's390x', omitPlatform: true }), 'bare');

    const pushed = multiarch.createAndPush(list, [`${registry.host}/app:bare`], { amend: true });

    await expect(pushed).rejects.toThrow(InvalidError);
    expect((await multiarch.listDrafts()).drafts).toEqual([draft]);
    expect(registry.manifest('app', 'list')).toBeUndefined();
  });

  it('keeps no draft once it has succeeded, so that it can be repeated', async () => {
    const { sources, list } = await prepare();
    const multiarch = await openMultiarch();
    for (const purge of [undefined, undefined, true, false]) {
      const { draft } = await multiarch.createAndPush(list, sources, { purge });
      expect(draft.entries).toHaveLength(sources.length);
      expect((await multiarch.listDrafts()).drafts).toEqual([]);
    }
  });

  it('keeps the draft with keepDraft, and publishes additions to it', async () => {
    const { registry, sources, list } = await prepare();
    const multiarch = await openMultiarch();
    const [first = '', ...others] = sources;

    const { draft } = await multiarch.createAndPush(list, [first], { keepDraft: true });
    expect((await multiarch.listDrafts()).drafts).toEqual([draft]);

    await expect(multiarch.createAndPush(list, others)).rejects.toThrow(ConflictError);
    const all = await multiarch.createAndPush(list, others, { amend: true });
    expect(all.draft.entries).toHaveLength(sources.length);
    expect((await multiarch.listDrafts()).drafts).toEqual([]);
    expect(registry.manifest('app', 'list')?.digest).toBe(all.publication.descriptor.digest);
  });

  it('leaves a draft that another process has changed during the push', async () => {
    const multiarch = await openMultiarch();
    const registry = await startRegistry({
      fault: async ({ method }, next) => {
        if (method === 'PUT') await multiarch.annotateIndex(list, { annotations: { a: '1' } });
        return next();
      },
    });
    const list = `${registry.host}/app:list`;
    await multiarch.create(list, seedImages(registry, 'app', images));
    await multiarch.createAndPush(list, [], { amend: true });
    expect((await multiarch.listDrafts()).drafts).toMatchObject([{ annotations: { a: '1' } }]);
  });

  it('rejects keepDraft together with purge, before anything is read', async () => {
    const { registry, sources, list } = await prepare();
    const multiarch = await openMultiarch();
    const pushed = multiarch.createAndPush(list, sources, { keepDraft: true, purge: true });
    await expect(pushed).rejects.toThrow(ArgumentError);
    expect(registry.manifest('app', 'list')).toBeUndefined();
  });
});

describe('push', () => {
  it('fails for a missing draft', async () => {
    const multiarch = await openMultiarch();
    await expect(multiarch.push('example.com/app:1')).rejects.toThrow('No such manifest: example.com/app:1');
  });

  it('removes the draft with purge, unless the push fails', async () => {
    const { registry, sources, list } = await prepare();
    const multiarch = await openMultiarch();
    await multiarch.create(list, sources);
    await expect(multiarch.push(list, { purge: true, tags: ['127.0.0.1:1/app:x'] })).rejects.toThrow(
      UnavailableError,
    );
    expect((await multiarch.listDrafts()).drafts).toHaveLength(1);

    await multiarch.push(list, { purge: true });

    expect((await multiarch.listDrafts()).drafts).toEqual([]);
    expect(registry.manifest('app', 'list')).toBeDefined();
  });

  it('to a digest other than that of the index: rejected before any request', async () => {
    const { registry, sources } = await prepare();
    const digest = amd64?.manifest.digest ?? '';
    const list = `${registry.host}/app@${digest}`;
    const multiarch = await openMultiarch();
    await multiarch.create(list, sources);
    registry.clearLog();

    await expect(multiarch.push(list)).rejects.toThrow(InvalidError);
    await expect(multiarch.push(list)).rejects.toThrow('makes an index with the digest sha256:');
    expect(registry.requests).toEqual([]);
  });

  it('to a further reference with another digest: rejected too', async () => {
    const { registry, sources, list } = await prepare();
    const multiarch = await openMultiarch();
    await multiarch.create(list, sources);
    registry.clearLog();

    const pushed = multiarch.push(list, { tags: [`${registry.host}/other@${amd64?.manifest.digest}`] });

    await expect(pushed).rejects.toThrow(InvalidError);
    expect(registry.requests).toEqual([]);
  });

  it('to the digest of the index: put by digest, and no tag moved', async () => {
    const { registry, sources, list } = await prepare();
    const multiarch = await openMultiarch();
    await multiarch.create(list, sources);
    const { digest } = (await multiarch.inspect(list)).document;
    const byDigest = `${registry.host}/app:list@${digest}`;
    await multiarch.create(byDigest, sources);

    expect((await multiarch.push(byDigest)).tags).toEqual([]);

    expect(registry.manifest('app', digest)).toBeDefined();
    expect(registry.manifest('app', 'list')).toBeUndefined();
  });
});

describe('annotate', () => {
  it('names the draft that lacks an image', async () => {
    const { sources, list } = await prepare();
    const multiarch = await openMultiarch();
    const message = (name: string) => `manifest for image ${name}/nowhere:1 does not exist in ${list}`;

    await expect(multiarch.annotate(list, 'example.com/nowhere:1', {})).rejects.toThrow(
      message('example.com'),
    );
    await multiarch.create(list, sources);
    await expect(multiarch.annotate(list, 'example.com/nowhere:1', {})).rejects.toThrow(
      message('example.com'),
    );
  });
});

describe('deleteDrafts', () => {
  it('tries all, and reports a missing one', async () => {
    const { sources, list } = await prepare();
    const multiarch = await openMultiarch();
    await multiarch.create(list, sources);

    const removed = multiarch.deleteDrafts(['example.com/first:1', list]);

    await expect(removed).rejects.toThrow('No such manifest: example.com/first:1');
    await expect(removed).rejects.toThrow(NotFoundError);
    expect((await multiarch.listDrafts()).drafts).toEqual([]);
  });

  it('reports all missing ones', async () => {
    const multiarch = await openMultiarch();

    const error = await failureOf(multiarch.deleteDrafts(['example.com/first:1', 'example.com/second:1']));

    expect(error).toBeInstanceOf(NotFoundError);
    expect(String(error)).toContain('example.com/first:1\nNo such manifest: example.com/second:1');
  });

  it('removes nothing if a name is invalid', async () => {
    const { sources, list } = await prepare();
    const multiarch = await openMultiarch();
    await multiarch.create(list, sources);

    await expect(multiarch.deleteDrafts([list, 'Not A Name'])).rejects.toThrow(ArgumentError);

    expect((await multiarch.listDrafts()).drafts).toHaveLength(1);
  });

  it('is cancelled, and does not report a missing draft', async () => {
    const { sources, list } = await prepare();
    const store = await temporaryDirectory();
    const lists = [list, `${list}-2`];
    const multiarch = await openMultiarch({ store });
    for (const name of lists) await multiarch.create(name, sources);
    const cancelled = await openMultiarch({ store, signal: AbortSignal.abort() });

    await expect(cancelled.deleteDrafts(lists)).rejects.toThrow(CancelledError);

    expect((await multiarch.listDrafts()).drafts).toHaveLength(2);
  });

  it('removes all', async () => {
    const { sources, list } = await prepare();
    const multiarch = await openMultiarch();
    for (const name of [list, `${list}-2`]) await multiarch.create(name, sources);

    await multiarch.deleteAllDrafts();

    expect(await multiarch.listDrafts()).toMatchObject({ drafts: [], damaged: [] });
  });
});
