import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { Multiarch } from '../../src/client/multiarch.js';
import type { WorkEvent } from '../../src/content/events.js';
import {
  ArgumentError,
  FailedError,
  LimitError,
  NotFoundError,
  UnauthorizedError,
} from '../../src/oci/errors.js';
import { artifact } from '../support/artifact.js';
import { imagesOf, seedImages } from '../support/architectures.js';
import { failureOf } from '../support/failure.js';
import { failure } from '../support/fake-server.js';
import type { MemoryAccount } from '../support/memory-auth.js';
import type { MemoryRegistryOptions } from '../support/memory-registry.js';
import { startRegistry } from '../support/open-repository.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { openMultiarch, type TestMultiarchOptions } from '../support/test-multiarch.js';
import { tinyIndex, type TinyImage } from '../support/tiny-image.mjs';

const images = imagesOf(7);
const pair = images.slice(0, 2);
const [first] = pair as [TinyImage];
const account: MemoryAccount = { kind: 'bearer', username: 'ann', password: 'correct horse' };

const short = (line: string): string => line.replace(/sha256:(.{8})\S*/g, '$1');
const manifest = (method: string, selector: string, status: number, path = 'app'): string =>
  short(`${method} /v2/${path}/manifests/${selector} ${status}`);
const config = (image: TinyImage, path = 'app'): string =>
  short(`GET /v2/${path}/blobs/${image.config.digest} 200`);
const digestsOf = (of: readonly TinyImage[]): string[] => of.map((image) => image.manifest.digest);

/** A registry with images in `app`, and runs that share a cache and a store, each with a client of its own. */
async function start(options: MemoryRegistryOptions = {}) {
  const gone = new Set<string>();
  const registry = await startRegistry({
    fault: (request, next) => {
      const isGone = request.method !== 'PUT' && [...gone].some((digest) => request.path.endsWith(digest));
      return isGone ? failure(404, 'MANIFEST_UNKNOWN', 'manifest unknown') : next();
    },
    ...options,
  });
  const sources = seedImages(registry, 'app', images);
  registry.put('app', tinyIndex(pair), 'pair');
  const cache = join(await temporaryDirectory(), 'cache');
  const store = await temporaryDirectory();
  /** Runs work in a client, and returns its requests, sorted. */
  const run = async (
    work: (client: Multiarch) => Promise<unknown>,
    more: TestMultiarchOptions = {},
  ): Promise<string[]> => {
    const client = await openMultiarch({ store, cache, ...more });
    registry.clearLog();
    try {
      await work(client);
    } finally {
      await client.close();
    }
    return registry.lines().map(short).toSorted();
  };
  return { registry, sources, cache, gone, app: `${registry.host}/app`, run };
}

/** Reads all images of an index and their configs. */
const inspectAll = (name: string) => async (client: Multiarch) => {
  const { children } = await client.inspect(name, { published: true });
  for (const child of children) await (await child.read()).config();
};

describe('a release with a warm cache', () => {
  it('asks for tags and for the existence of the images, and for nothing else', async () => {
    const { app, sources, run } = await start();
    const list = `${app}:list`;
    const create = (client: Multiarch) => client.create(list, sources, { amend: true });
    const tags = images.map((_, tag) => manifest('GET', String(tag), 200));
    const cold = await run(create);

    expect(cold).toEqual([...tags, ...images.map((image) => config(image))].toSorted());
    expect(await run(create)).toEqual(tags);
    expect(await run((client) => client.annotateIndex(list, { annotations: { a: 'b' } }))).toEqual([]);
    expect(await run((client) => client.push(list))).toEqual(
      [
        manifest('HEAD', 'list', 404),
        ...digestsOf(images).map((digest) => manifest('HEAD', digest, 200)),
        manifest('PUT', 'list', 201),
      ].toSorted(),
    );
    expect(await run(inspectAll(list))).toEqual([manifest('GET', 'list', 200)]);
  });

  it('reads the images and configs of an index once', async () => {
    const { app, run } = await start();

    const cold = await run(inspectAll(`${app}:pair`));

    expect(cold).toHaveLength(5);
    expect(await run(inspectAll(`${app}:pair`))).toEqual([manifest('GET', 'pair', 200)]);
  });

  it('copies the manifests and configs that it has read before', async () => {
    const { app, registry, run } = await start();
    const other = await startRegistry();
    const copy = (client: Multiarch) => client.copy(`${app}:pair`, `${other.host}/app:pair`);
    await run(inspectAll(`${app}:pair`));

    const reads = await run(copy);

    const layers = pair.flatMap((image) => image.layers.map(({ digest }) => short(digest)));
    expect(reads).toEqual(
      [...layers.map((layer) => `GET /v2/app/blobs/${layer} 200`), manifest('GET', 'pair', 200)].toSorted(),
    );
    expect(other.manifest('app', 'pair')?.bytes).toEqual(registry.manifest('app', 'pair')?.bytes);
  });

  it('keeps the manifests of each repository separate', async () => {
    const { registry, run } = await start();
    registry.put('other', tinyIndex(pair), 'pair');
    await run(inspectAll(`${registry.host}/app:pair`));

    expect(await run(inspectAll(`${registry.host}/other:pair`))).toHaveLength(5);
  });
});

describe('the registry is asked', () => {
  it('whether it has a manifest that the user names by digest', async () => {
    const { app, gone, run } = await start();
    const digest = first.manifest.digest;
    const source = `${app}@${digest}`;
    const create = (client: Multiarch) => client.create(`${app}:list`, [source], { amend: true });
    expect(await run(create)).toEqual([config(first), manifest('GET', digest, 200)].toSorted());

    expect(await run(create)).toEqual([manifest('HEAD', digest, 200)]);
    gone.add(digest);
    await failureOf(run(create), NotFoundError);
  });

  it('whether this user may read it', async () => {
    const { app, registry, run } = await start({ auth: account });
    const logins = { [registry.host]: account };
    const name = `${app}@${first.manifest.digest}`;
    const inspect = (client: Multiarch) => client.inspect(name, { published: true });
    await run(inspect, { logins });

    await failureOf(run(inspect), UnauthorizedError);
  });

  it('whether it has an image before an index that lists it is published, and gets it again', async () => {
    const { app, registry, gone, run } = await start({ requireChildren: false });
    const options = { annotationsFromLabels: true, allowDuplicatePlatforms: true };
    const work = (tag: string) => (client: Multiarch) =>
      client.createAndPush(`${app}:${tag}`, [`${app}:pair`, `${app}:0`], options);
    const cold = await run(work('cold'));
    expect(cold).toContain(manifest('GET', first.manifest.digest, 200));
    expect(cold.filter((line) => line.startsWith('HEAD'))).toEqual([manifest('HEAD', 'cold', 404)]);

    // `0` was read by its tag in this run; the other image was not.
    const second = pair[1]?.manifest.digest ?? '';
    gone.add(second);
    const warm = await run(work('warm'));

    expect(warm).toContain(manifest('HEAD', second, 404));
    expect(warm).toContain(manifest('PUT', second, 201));
    expect(registry.manifest('app', 'warm')).toBeDefined();
  });

  it('whether it has a referrer, and an entry of which it matters', async () => {
    const { app, registry, gone, run } = await start({ referrers: {} });
    const signature = artifact(first.manifest);
    registry.put('app', signature);
    const { digest } = signature.manifest;
    const copy = (to: string, onEvent?: (event: WorkEvent) => void) => (client: Multiarch) =>
      client.copy(`${app}:pair`, `${registry.host}/${to}:pair`, { referrers: true, onEvent });
    await run(copy('cold'));
    expect(await run(copy('warm'))).toContain(manifest('HEAD', digest, 200));
    gone.add(digest);

    const warnings: string[] = [];
    await run(copy('gone', (event) => event.kind === 'warning' && warnings.push(event.message)));
    expect(warnings).toEqual([expect.stringContaining(`${app} lists it, but does not have it`)]);
    gone.add(first.manifest.digest);
    await run(async (client) => {
      const [child] = (await client.inspect(`${app}:pair`)).children;
      expect((await child?.read())?.document.digest).toBe(first.manifest.digest);
      await failureOf(child?.read({ allowKept: false }) ?? Promise.resolve(), NotFoundError);
    });
  });

  it('for a manifest that another repository has returned, in the repository that lists it', async () => {
    const { registry, run } = await start({ requireChildren: false });
    const index = tinyIndex(pair);
    registry.putManifest('empty', index.bytes, index.mediaType, 'pair');
    await run(inspectAll(`${registry.host}/app:pair`));

    await failureOf(run(inspectAll(`${registry.host}/empty:pair`)), NotFoundError);
  });
});

describe('the limits of a call', () => {
  it('count bytes from the cache, and no requests', async () => {
    const { app, run } = await start();
    await run(inspectAll(`${app}:pair`));
    const { length } = tinyIndex(pair).bytes;

    await run(inspectAll(`${app}:pair`), { limits: { requests: 1 } });
    await failureOf(run(inspectAll(`${app}:pair`), { limits: { metadata: length + 1 } }), LimitError);
  });
});

describe('the option cache', () => {
  it('is off: nothing is kept', async () => {
    const { app, run, cache } = await start();

    await run(inspectAll(`${app}:pair`), { cache: undefined });
    await run(inspectAll(`${app}:pair`), { cache: false });

    expect(await readdir(cache).catch(() => [])).toEqual([]);
    await failureOf(
      run((client) => client.inspectCache(), { cache: undefined }),
      ArgumentError,
    );
  });

  it('uses the directory for caches with true', async () => {
    const { app, run, cache } = await start();
    await run(inspectAll(`${app}:pair`), { cache: true, env: { XDG_CACHE_HOME: cache } });

    expect(await readdir(join(cache, 'multiarch'))).toEqual(['content']);
  });

  it('counts what is kept, and clears it', async () => {
    const { app, run, cache } = await start();
    await run(inspectAll(`${app}:pair`));
    const documents = [tinyIndex(pair), ...pair.flatMap((image) => [image.manifest, image.config])];
    const bytes = documents.reduce((total, document) => total + document.bytes.length, 0);
    const kept = { directory: cache, files: 5, bytes };

    await run(async (client) => {
      expect(await client.inspectCache()).toMatchObject(kept);
      expect(await client.clearCache()).toMatchObject(kept);
      expect(await client.inspectCache()).toMatchObject({ files: 0, bytes: 0 });
    });
    expect(await run(inspectAll(`${app}:pair`))).toHaveLength(5);
  });

  it('reports once, with an event, that the cache cannot be used', async () => {
    const { app, run } = await start();
    const events: WorkEvent[] = [];
    const file = join(await temporaryDirectory(), 'file');
    await mkdir(file, { mode: 0o777 });
    const cache = join(file, '\0');

    await run(inspectAll(`${app}:pair`), { cache, onEvent: (event) => events.push(event) });

    expect(events.filter(({ kind }) => kind === 'cache-failed')).toHaveLength(1);
    await failureOf(
      run((client) => client.clearCache(), { cache }),
      FailedError,
    );
  });
});
