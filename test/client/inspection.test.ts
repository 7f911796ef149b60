import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import type { InspectOptions } from '../../src/client/inspect.js';
import { inspectPublished } from '../../src/client/inspection.js';
import { TransportResolver } from '../../src/client/transport-resolver.js';
import type { Limit } from '../../src/content/limit.js';
import { SharedReads } from '../../src/content/shared-reads.js';
import { ArgumentError, InvalidError, NotFoundError } from '../../src/oci/errors.js';
import { parseImageLocation } from '../../src/oci/image-location.js';
import { parsePlatform } from '../../src/oci/platform.js';
import { imagesOf, seedImages } from '../support/architectures.js';
import { dockerSave, keptImage } from '../support/docker-save.js';
import { startRegistry } from '../support/open-repository.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { openMultiarch } from '../support/test-multiarch.js';
import { tinyImage, tinyIndex, writeLayout } from '../support/tiny-image.mjs';

const images = imagesOf(3);
const [amd64, arm64, armv7] = images;
const index = tinyIndex(images, { attestations: true });

/** A registry with an index under `all` and its images under `0`, `1` and `2`. */
async function prepare() {
  const registry = await startRegistry();
  const sources = seedImages(registry, 'app', images);
  registry.put('app', index, 'all');
  return { registry, sources, name: `${registry.host}/app:all`, multiarch: await openMultiarch() };
}

describe('inspect', () => {
  it('returns what is published unchanged, and reads a child on demand', async () => {
    const { registry, name, multiarch } = await prepare();

    const inspection = await multiarch.inspect(name);
    const [, child] = inspection.children;
    const read = await child?.read();

    expect(inspection).toMatchObject({ name, state: 'published', document: { kind: 'index' } });
    expect(Buffer.from(inspection.document.bytes).equals(index.bytes)).toBe(true);
    expect(child?.descriptor.platform).toEqual({ os: 'linux', architecture: 'arm64' });
    expect(read?.document.digest).toBe(arm64?.manifest.digest);
    expect(read?.name).toBe(`${name}@${arm64?.manifest.digest}`);
    expect(registry.requests).toHaveLength(2);
  });

  it('reads children under the limit, and configs too', async () => {
    const { registry, name } = await prepare();
    const transports = new TransportResolver({
      insecure: false,
      env: {},
      homeDirectory: '/nowhere',
      platform: process.platform,
    });
    onTestFinished(() => transports.close());
    const limited: number[] = [];
    const limit: Limit = async (task) => {
      const result = await task();
      limited.push(registry.requests.length);
      return result;
    };
    const inspection = await inspectPublished(
      { transports, limit, signal: undefined, reads: new SharedReads() },
      parseImageLocation(name),
    );
    const before = registry.requests.length;

    const child = await inspection.children[0]?.read();
    await child?.config();

    expect(limited).toEqual([before + 1, before + 2]);
  });

  it('rejects a child whose size differs from that in the index', async () => {
    const { registry, multiarch } = await prepare();
    const value = JSON.parse(Buffer.from(index.bytes).toString()) as { manifests: { size: number }[] };
    for (const entry of value.manifests) entry.size += 1;
    const bytes = Buffer.from(JSON.stringify(value));
    registry.putManifest('app', bytes, index.mediaType, 'wrong');

    const inspection = await multiarch.inspect(`${registry.host}/app:wrong`);

    await expect(inspection.children[0]?.read()).rejects.toThrow('but its index says');
  });

  it('prefers a draft of that name', async () => {
    const { registry, sources, name, multiarch } = await prepare();
    await multiarch.create(name, sources.slice(0, 1));
    registry.clearLog();

    const inspection = await multiarch.inspect(name);

    expect(inspection).toMatchObject({ name, state: 'draft', problems: [] });
    expect(inspection.children).toHaveLength(1);
    expect(registry.requests).toEqual([]);
  });

  it('reads a layout, without a tag if it has one image', async () => {
    const layout = join(await temporaryDirectory(), 'layout');
    await writeLayout(layout, index, '1');
    const multiarch = await openMultiarch();

    for (const name of [`oci:${layout}`, `oci:${layout}:1`, `oci:${layout}@${index.digest}`]) {
      expect((await multiarch.inspect(name)).document.digest).toBe(index.digest);
    }
  });

  it('reads an archive of docker save, which has no drafts', async () => {
    const file = join(await temporaryDirectory(), 'saved.tar');
    const kept = keptImage(['team/app:1']);
    await writeFile(file, dockerSave(kept));
    const multiarch = await openMultiarch();

    for (const name of [`docker-archive:${file}`, `docker-archive:${file}:team/app:1`]) {
      const inspection = await multiarch.inspect(name);
      expect(inspection).toMatchObject({ state: 'published', document: { kind: 'manifest' } });
      expect(Buffer.from(await inspection.config()).equals(kept.config)).toBe(true);
      expect(await inspection.platform()).toEqual({ os: 'linux', architecture: 'arm64' });
      expect(await inspection.referrers()).toEqual([]);
    }
  });

  it.each([
    ['the option', (name: string) => [name, { published: true }]],
    ['docker://', (name: string) => [`docker://${name}`, {}]],
  ] satisfies [string, (name: string) => [string, InspectOptions]][])(
    'ignores a draft with %s',
    async (_, argumentsOf) => {
      const { registry, sources, name, multiarch } = await prepare();
      const never = `${registry.host}/app:never`;
      for (const draft of [name, never]) await multiarch.create(draft, sources.slice(0, 1));

      const inspection = await multiarch.inspect(...argumentsOf(name));
      const [list, options] = argumentsOf(name);
      const entry = await multiarch.inspectEntry(list, 'linux/arm/v7', options);

      expect(inspection).toMatchObject({ name, state: 'published', problems: [] });
      expect(inspection.document.digest).toBe(index.digest);
      expect(entry).toMatchObject({ name: `${name}@${armv7?.manifest.digest}`, state: 'published' });
      await expect(multiarch.inspect(...argumentsOf(never))).rejects.toMatchObject({
        kind: 'not-found',
        hint: `A draft of this name exists: publish it with multiarch push ${never}`,
        exchange: { status: 404 },
      });
    },
  );

  it('opens a draft that cannot be pushed, with its problems', async () => {
    const { sources, name, multiarch } = await prepare();
    await multiarch.create(name, sources, { format: 'docker', annotations: { a: 'b' } });

    const inspection = await multiarch.inspect(name);

    expect(inspection.problems).toMatchObject([{ kind: 'format' }]);
    expect(inspection.document.value).toMatchObject({ annotations: { a: 'b' } });
    await expect(multiarch.push(name)).rejects.toThrow('cannot have annotations');
  });

  it('ignores a damaged draft if drafts are ignored', async () => {
    const store = join(await temporaryDirectory(), 'drafts');
    const { registry, sources, name } = await prepare();
    const multiarch = await openMultiarch({ store });
    const never = `${registry.host}/app:never`;
    for (const draft of [name, never]) await multiarch.create(draft, sources);
    for (const file of await readdir(store)) await writeFile(join(store, file), '{');

    expect((await multiarch.inspect(name, { published: true })).document.digest).toBe(index.digest);
    await expect(multiarch.inspect(never, { published: true })).rejects.toThrow(NotFoundError);
    await expect(multiarch.inspect(name)).rejects.toThrow(InvalidError);
    expect((await multiarch.copy(name, `${registry.host}/app:copy`)).report.digest).toBe(index.digest);
  });

  it('names what does not exist', async () => {
    const { name, multiarch } = await prepare();
    await expect(multiarch.inspect(`${name}-not`)).rejects.toThrow(NotFoundError);
  });
});

describe('select', () => {
  it.each([
    ['linux/arm64', arm64],
    ['linux/arm64/v8', arm64],
    ['linux/arm', armv7],
    ['linux/amd64', amd64],
  ])('returns the image for %s', async (platform, image) => {
    const { name, multiarch } = await prepare();

    const selected = await (await multiarch.inspect(name)).select(parsePlatform(platform));

    expect(selected.document.digest).toBe(image?.manifest.digest);
  });

  it('lists the present platforms if none matches', async () => {
    const { name, multiarch } = await prepare();

    const selected = (await multiarch.inspect(name)).select(parsePlatform('linux/s390x'));

    await expect(selected).rejects.toThrow(`${name} has no image for linux/s390x`);
    await expect(selected).rejects.toMatchObject({ hint: expect.stringContaining('linux/arm64') });
  });

  it('returns an image itself if it matches', async () => {
    const { sources, multiarch } = await prepare();
    const image = await multiarch.inspect(sources[1] ?? '');

    expect(await image.select(parsePlatform('linux/arm64'))).toBe(image);
    await expect(image.select(parsePlatform('linux/amd64'))).rejects.toThrow(NotFoundError);
  });
});

describe('config and platform', () => {
  it('are those of the image', async () => {
    const { sources, multiarch } = await prepare();

    const image = await multiarch.inspect(sources[2] ?? '');

    expect(Buffer.from(await image.config()).equals(armv7?.config.bytes ?? Buffer.alloc(0))).toBe(true);
    expect(await image.platform()).toEqual(armv7?.platform);
  });

  it('reads no config if the index has the platform', async () => {
    const { registry, name, multiarch } = await prepare();
    const child = await (await multiarch.inspect(name)).select(parsePlatform('linux/arm/v7'));
    registry.clearLog();

    expect(await child.platform()).toEqual(armv7?.platform);
    expect(registry.requests).toEqual([]);
  });

  it('an index has no config', async () => {
    const { name, multiarch } = await prepare();
    await expect((await multiarch.inspect(name)).config()).rejects.toThrow(InvalidError);
  });
});

describe('inspect of an entry', () => {
  it('returns the manifest in the draft without a request, and reads its config from the source', async () => {
    const { registry, sources, name, multiarch } = await prepare();
    await multiarch.create(name, sources);
    registry.clearLog();

    const entry = await multiarch.inspectEntry(name, sources[1] ?? '');
    expect(Buffer.from(entry.document.bytes).equals(arm64?.manifest.bytes ?? Buffer.alloc(0))).toBe(true);
    expect(entry).toMatchObject({ name: sources[1], state: 'draft' });
    expect(registry.requests).toEqual([]);

    expect(Buffer.from(await entry.config()).equals(arm64?.config.bytes ?? Buffer.alloc(0))).toBe(true);
    expect(registry.requests).toHaveLength(1);
  });

  it('shows the changes of annotate', async () => {
    const { sources, name, multiarch } = await prepare();
    await multiarch.create(name, sources);
    await multiarch.annotate(name, 'linux/arm64', { 'os.version': '12' });

    const entry = await multiarch.inspectEntry(name, 'linux/arm64');

    expect(await entry.platform()).toEqual({ os: 'linux', architecture: 'arm64', 'os.version': '12' });
  });

  it('reads it from its source if that is an index', async () => {
    const { registry, name, multiarch } = await prepare();
    const list = `${registry.host}/app:list`;
    await multiarch.create(list, [name]);

    const entry = await multiarch.inspectEntry(list, 'linux/amd64');

    expect(entry.document.digest).toBe(amd64?.manifest.digest);
    expect(entry.name).toBe(`${name}@${amd64?.manifest.digest}`);
    await expect(multiarch.inspectEntry(list, name)).rejects.toThrow(ArgumentError);
  });

  it('of a published index rejects a name that points to several of its images', async () => {
    const { name, multiarch } = await prepare();
    await expect(multiarch.inspectEntry(`docker://${name}`, name)).rejects.toThrow(/matches 3 entries/);
    await expect(multiarch.inspectEntry(`docker://${name}`, `${name}-not`)).rejects.toThrow(NotFoundError);
  });

  it('keeps the digest of a tag that has moved since', async () => {
    const { registry, sources, name, multiarch } = await prepare();
    await multiarch.create(name, sources);
    registry.put('app', tinyImage({ architecture: 'arm64', text: 'moved\n' }), '1');

    const entry = await multiarch.inspectEntry(name, sources[1] ?? '');

    expect(entry.document.digest).toBe(arm64?.manifest.digest);
  });
});
