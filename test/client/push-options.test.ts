import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { Digest } from '../../src/oci/digest.js';
import { ArgumentError, ConflictError, FailedError, RequirementError } from '../../src/oci/errors.js';
import { parsePlatform } from '../../src/oci/platform.js';
import { imagesOf } from '../support/architectures.js';
import type { MemoryRegistry, MemoryRegistryOptions } from '../support/memory-registry.js';
import { startMultiarch, type ClientSetUp } from '../support/test-multiarch.js';
import { tinyImage, tinyIndex } from '../support/tiny-image.mjs';

const images = imagesOf(3);
const other = tinyIndex([tinyImage({ architecture: 'amd64', text: 'other' })]);

/** Images in the repository of an index that does not exist yet. */
function start(registry?: MemoryRegistryOptions): Promise<ClientSetUp> {
  return startMultiarch({ images, registry });
}

/** The requests that change something. */
function writes(registry: MemoryRegistry): string[] {
  return registry.lines().filter((line) => !/^(GET|HEAD) /.test(line));
}

async function filesIn(directory: string): Promise<Record<string, string>> {
  const names = await readdir(directory);
  const files = names.map(async (name) => [name, await readFile(join(directory, name), 'utf8')] as const);
  return Object.fromEntries(await Promise.all(files));
}

describe('push with required platforms', () => {
  it('moves nothing if one is missing, and lists the missing and the present ones', async () => {
    const { registry, multiarch, list, sources } = await start();
    await multiarch.create(list, sources);
    registry.clearLog();

    const pushed = multiarch.push(list, {
      require: ['linux/arm64', 'linux/s390x'].map((text) => parsePlatform(text)),
    });

    await expect(pushed).rejects.toThrow(RequirementError);
    await expect(pushed).rejects.toMatchObject({
      message: `${list} has no image for linux/s390x`,
      hint: 'It has linux/amd64, linux/arm64, linux/arm/v7.',
    });
    expect(registry.lines()).toEqual([]);
  });

  it('succeeds if all are present: arm64 is arm64/v8', async () => {
    const { multiarch, list, sources, tag } = await start();
    await multiarch.create(list, sources);
    const require = ['linux/arm64/v8', 'linux/amd64'].map((text) => parsePlatform(text));
    const { descriptor } = await multiarch.push(list, { require });
    expect(tag('1.2')).toBe(descriptor.digest);
  });
});

describe('push with an expectation', () => {
  it('of none: the first push succeeds, also repeated, and that of another index is rejected', async () => {
    const { multiarch, list, sources, tag } = await start();
    await multiarch.create(list, sources);
    const { descriptor } = await multiarch.push(list, { expectCurrent: 'none' });
    const again = await multiarch.push(list, { expectCurrent: 'none' });
    expect(again.tags.map(({ outcome }) => outcome)).toEqual(['unchanged']);

    await multiarch.annotateIndex(list, { annotations: { a: 'b' } });
    await expect(multiarch.push(list, { expectCurrent: 'none' })).rejects.toThrow(ConflictError);
    expect(tag('1.2')).toBe(descriptor.digest);
  });

  it('of a digest: rejected before anything is written if the tag has another', async () => {
    const { registry, multiarch, list, sources, tag } = await start();
    const before = registry.put('app', other, '1.2');
    await multiarch.create(list, sources);
    registry.clearLog();
    const wrong = images[0]?.manifest.digest as Digest;

    const refused = multiarch.push(list, { expectCurrent: wrong });

    await expect(refused).rejects.toThrow(ConflictError);
    await expect(refused).rejects.toThrow(`${list} was expected to hold ${wrong}, but holds ${before}`);
    expect(writes(registry)).toEqual([]);
    await multiarch.push(list, { expectCurrent: before });
    expect(tag('1.2')).not.toBe(before);
  });

  it('is rejected for an index without a tag', async () => {
    const { registry, multiarch, list, sources } = await start();
    await multiarch.create(list, sources);
    const { descriptor } = await multiarch.push(list);
    const byDigest = `${registry.host}/app@${descriptor.digest}`;
    await multiarch.create(byDigest, sources);
    await expect(multiarch.push(byDigest, { expectCurrent: 'none' })).rejects.toThrow(ArgumentError);
    await multiarch.push(byDigest, { expectCurrent: 'any' });
  });
});

describe('a draft that was started from its tag', () => {
  async function startFrom(): Promise<ClientSetUp & { readonly base: string }> {
    const scene = await start();
    const base = scene.registry.put('app', tinyIndex(images.slice(0, 1)), '1.2');
    await scene.multiarch.create(scene.list, scene.sources.slice(1, 2), { from: scene.list });
    return { ...scene, base };
  }

  it('is published while the tag has not moved', async () => {
    const { multiarch, list, base, tag } = await startFrom();
    const { tags } = await multiarch.push(list);
    expect(tags).toMatchObject([{ previous: base, outcome: 'moved' }]);
    expect(tag('1.2')).not.toBe(base);
  });

  it('is rejected if the tag has moved, unless anything or the new digest is expected', async () => {
    const { registry, multiarch, list, base, tag } = await startFrom();
    const moved = registry.put('app', other, '1.2');
    registry.clearLog();
    await expect(multiarch.push(list)).rejects.toThrow(
      `${list} was expected to hold ${base}, but holds ${moved}`,
    );
    await expect(multiarch.planPush(list)).rejects.toThrow(ConflictError);
    expect(writes(registry)).toEqual([]);

    await multiarch.push(list, { expectCurrent: 'any' });
    registry.put('app', other, '1.2');
    await multiarch.push(list, { expectCurrent: moved });
    expect(tag('1.2')).not.toBe(moved);
  });

  it('expects its own push afterwards if it is kept', async () => {
    const { registry, multiarch, list } = await startFrom();
    const { descriptor } = await multiarch.push(list);
    await multiarch.annotateIndex(list, { annotations: { a: 'b' } });
    const second = await multiarch.push(list);
    expect(second.tags).toMatchObject([{ previous: descriptor.digest, outcome: 'moved' }]);

    await multiarch.annotateIndex(list, { annotations: { a: 'c' } });
    registry.put('app', other, '1.2');
    await expect(multiarch.push(list)).rejects.toThrow(`expected to hold ${second.descriptor.digest}`);
  });
});

it('a draft without a base gets none from a push', async () => {
  const { registry, multiarch, list, sources } = await start();
  await multiarch.create(list, sources);
  await multiarch.push(list);
  await multiarch.annotateIndex(list, { annotations: { a: 'b' } });
  registry.put('app', other, '1.2');
  await multiarch.push(list);
  expect((await multiarch.listDrafts()).drafts.map(({ base }) => base)).toEqual([undefined]);
});

describe('a dry run', () => {
  it('of push sends GET and HEAD requests only, and leaves the draft and its directory unchanged', async () => {
    const { registry, multiarch, store, sources } = await start();
    const list = `${registry.host}/target:1`;
    await multiarch.create(list, sources);
    const before = await filesIn(store);
    registry.clearLog();

    const plan = await multiarch.planPush(list, { tags: ['latest', '2'], purge: true });

    const repository = `${registry.host}/target`;
    expect(plan.content.map(({ action, kind }) => `${action} ${kind}`)).toEqual(
      images.flatMap(() => ['mount blob', 'mount blob', 'put manifest']),
    );
    expect(plan.tags).toEqual(
      ['1', '2', 'latest'].map((moved) => ({ repository, tag: moved, outcome: 'moved' })),
    );
    const digests = images.map(({ manifest }) => manifest.digest);
    const blobs = images.flatMap(({ config, layers }) => [config, ...layers].map(({ digest }) => digest));
    const requests = registry.requests.map(({ method, path }) => `${method} ${path}`);
    expect(requests.sort()).toEqual(
      [
        ...['1', '2', 'latest', ...digests].map((selector) => `HEAD /v2/target/manifests/${selector}`),
        ...blobs.map((digest) => `HEAD /v2/target/blobs/${digest}`),
      ].sort(),
    );
    expect(await filesIn(store)).toEqual(before);
    expect(registry.manifest('target', '1')).toBeUndefined();

    const { descriptor } = await multiarch.push(list);
    expect(descriptor).toMatchObject({ digest: plan.digest, size: plan.size });
  });

  it('of create and push creates no draft, and writes nothing', async () => {
    const { registry, multiarch, store, list, sources } = await start();

    const plan = await multiarch.planCreateAndPush(list, sources, { tags: ['latest'] });

    expect(plan.content.map(({ action }) => action)).toEqual(['present', 'present', 'present']);
    expect(plan.tags.map(({ tag }) => tag)).toEqual(['1.2', 'latest']);
    expect(writes(registry)).toEqual([]);
    await expect(readdir(store)).rejects.toThrow('ENOENT');
    const { publication } = await multiarch.createAndPush(list, sources);
    expect(publication.descriptor.digest).toBe(plan.digest);
  });

  it('of create and push starts from the existing draft, and leaves it unchanged', async () => {
    const { multiarch, store, list, sources } = await start();
    await multiarch.create(list, sources.slice(0, 1));
    const before = await filesIn(store);
    await expect(multiarch.planCreateAndPush(list, sources.slice(1))).rejects.toThrow(ConflictError);
    const plan = await multiarch.planCreateAndPush(list, sources.slice(1), { amend: true });
    expect(plan.content).toHaveLength(3);
    expect(await filesIn(store)).toEqual(before);
  });

  it('fails if the push would: a platform is missing', async () => {
    const { multiarch, list, sources } = await start();
    await multiarch.create(list, sources);
    const require = [parsePlatform('linux/s390x')];
    await expect(multiarch.planPush(list, { require })).rejects.toThrow(RequirementError);
  });
});

describe('the report of a push', () => {
  it('has the full names of everything that was published', async () => {
    const { registry, multiarch, list, sources } = await start();
    const before = registry.put('app', other, '1.2');
    await multiarch.create(list, sources);
    const { report, descriptor } = await multiarch.push(list, { tags: ['latest'] });
    const repository = `${registry.host}/app`;
    expect(report).toMatchObject({
      references: [`${repository}:1.2`, `${repository}:latest`],
      image: `${repository}@${descriptor.digest}`,
      ...descriptor,
      tags: [
        { reference: `${repository}:1.2`, previous: before, outcome: 'moved' },
        { reference: `${repository}:latest`, outcome: 'moved' },
      ],
    });
    expect(Object.keys(report.platforms)).toEqual(['linux/amd64', 'linux/arm64', 'linux/arm/v7']);
  });
});

describe('the history of pushes', () => {
  const histories = async (store: string): Promise<unknown[]> =>
    Object.entries(await filesIn(store)).flatMap(([name, text]) =>
      name.endsWith('.history') ? [(JSON.parse(text) as { pushes: unknown }).pushes] : [],
    );

  it('has the previous digest of each tag, and is kept when the draft is purged', async () => {
    const { registry, multiarch, store, list, sources } = await start();
    const before = registry.put('app', other, '1.2');
    const { publication } = await multiarch.createAndPush(list, sources, { tags: ['latest'], purge: true });
    const { digest } = publication.descriptor;
    expect(await histories(store)).toEqual([
      [
        {
          digest,
          tags: [{ reference: list, previous: before }, { reference: `${registry.host}/app:latest` }],
        },
      ],
    ]);
  });

  it('does not include a push that moved no tag', async () => {
    const { multiarch, store, list, sources } = await start();
    await multiarch.create(list, sources);
    await multiarch.push(list);
    const [first] = await histories(store);
    await multiarch.push(list);
    expect(await histories(store)).toEqual([first]);
  });

  it('keeps a push that failed as unfinished if a tag that it moved cannot be moved back', async () => {
    const { registry, multiarch, store, list, sources } = await start({
      fault: (request, next) =>
        request.method === 'PUT' && request.path.endsWith('/latest')
          ? { status: 403, body: Buffer.from('{}') }
          : next(),
    });
    await multiarch.create(list, sources);
    await expect(multiarch.push(list, { tags: ['latest'] })).rejects.toThrow();
    const digest = registry.manifest('app', '1.2')?.digest;
    const tags = [{ reference: list }, { reference: `${registry.host}/app:latest` }];
    expect(await histories(store)).toEqual([[{ digest, tags, unfinished: expect.any(String) }]]);
  });

  it('if damaged causes a warning with its path, and the push succeeds', async () => {
    const { multiarch, store, list, sources, events, tag } = await start();
    await multiarch.create(list, sources);
    await multiarch.push(list);
    const name = (await readdir(store)).find((file) => file.endsWith('.history')) ?? '';
    await writeFile(join(store, name), 'damaged');
    await multiarch.annotateIndex(list, { annotations: { a: 'b' } });

    const { descriptor } = await multiarch.push(list);

    expect(tag('1.2')).toBe(descriptor.digest);
    const warnings = events.flatMap((event) => (event.kind === 'warning' ? [event.message] : []));
    expect(warnings).toEqual([expect.stringContaining(join(store, name))]);
    expect(await readFile(join(store, name), 'utf8')).toBe('damaged');
  });
});

it('an immutable tag with the same digest is a success, and one with another digest a conflict that names both', async () => {
  const { multiarch, list, sources } = await start({ immutableTags: true });
  await multiarch.create(list, sources);
  const { descriptor } = await multiarch.push(list);
  await expect(multiarch.push(list)).resolves.toMatchObject({ descriptor });

  await multiarch.annotateIndex(list, { annotations: { a: 'b' } });
  const { digest } = await multiarch.planPush(list);
  const refused = multiarch.push(list);

  await expect(refused).rejects.toThrow(ConflictError);
  await expect(refused).rejects.not.toThrow(FailedError);
  await expect(refused).rejects.toThrow(descriptor.digest);
  await expect(refused).rejects.toThrow(digest);
});
