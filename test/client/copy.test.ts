import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { WorkEvent } from '../../src/content/events.js';
import { digestOf, parseDigest } from '../../src/oci/digest.js';
import {
  ArgumentError,
  CancelledError,
  ConflictError,
  InvalidError,
  NotFoundError,
  RequirementError,
} from '../../src/oci/errors.js';
import { parsePlatformList } from '../../src/oci/required-platforms.js';
import { artifact } from '../support/artifact.js';
import { amd64, arm64 } from '../support/images.js';
import type { MemoryRegistry, MemoryRegistryOptions } from '../support/memory-registry.js';
import { startRegistry } from '../support/open-repository.js';
import { failure } from '../support/fake-server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { openMultiarch } from '../support/test-multiarch.js';
import { tinyImage, tinyIndex, writeLayout, type TinyImage, type TinyIndex } from '../support/tiny-image.mjs';

const s390x = tinyImage({ architecture: 's390x', mediaTypes: 'docker' });
const index = tinyIndex([amd64, arm64, s390x], { attestations: true });

/** A line of a registry's log for a manifest. */
const manifest = (method: string, path: string, selector: string, status: number): string =>
  `${method} /v2/${path}/manifests/${short(selector)} ${status}`;
const blob = (method: string, path: string, { digest }: { digest: string }, status: number): string =>
  `${method} /v2/${path}/blobs/${short(digest)} ${status}`;
const short = (text: string): string => text.replace(/^(sha256:.{8}).*/, '$1');
const sorted = (lines: readonly string[]): string[] => [...lines].sort();
const blobsOf = (images: readonly TinyImage[]) => images.flatMap(({ config, layers }) => [config, ...layers]);
const methods = (registry: MemoryRegistry): string[] => [
  ...new Set(registry.requests.map(({ method }) => method)),
];

/** The content is under the tag, byte for byte, with all that it points to. */
function expectContent(registry: MemoryRegistry, path: string, tag: string, content: TinyImage | TinyIndex) {
  const [top, images] = 'images' in content ? [content, content.images] : [content.manifest, [content]];
  expect(registry.manifest(path, tag)).toMatchObject({ mediaType: top.mediaType, digest: top.digest });
  for (const each of [top, ...images.map((image) => image.manifest)]) {
    expect(registry.manifest(path, each.digest)?.bytes.equals(each.bytes)).toBe(true);
  }
  for (const each of blobsOf(images)) expect(registry.blob(path, each.digest)?.equals(each.bytes)).toBe(true);
}

/** Two registries, the first of which has the content as `app:1`. */
async function start(content: TinyImage | TinyIndex = index, options: MemoryRegistryOptions = {}) {
  const [from, to] = [await startRegistry(options), await startRegistry(options)];
  from.put('app', content, '1');
  const events: WorkEvent[] = [];
  const multiarch = await openMultiarch({ onEvent: (event) => events.push(event) });
  return { from, to, events, multiarch, source: `${from.host}/app:1`, target: `${to.host}/mirror/app:2` };
}

describe('copy from registry to registry', () => {
  it('keeps an index with all its content, byte for byte, and reports it', async () => {
    const { to, multiarch, source, target } = await start();

    const { descriptor, report, pushed } = await multiarch.copy(source, target);

    expectContent(to, 'mirror/app', '2', index);
    expect(descriptor).toEqual({ mediaType: index.mediaType, digest: index.digest, size: index.size });
    expect(report).toMatchObject({ references: [target], digest: index.digest, mediaType: index.mediaType });
    expect(Object.keys(report.platforms)).toEqual(['linux/amd64', 'linux/arm64', 'linux/s390x']);
    expect(pushed.map(({ digest }) => digest)).toEqual(index.images.map((each) => each.manifest.digest));
  });

  it('of an image sends requests for its manifest, and a check, a download and an upload for each blob', async () => {
    const { from, to, multiarch, source, target } = await start(amd64);

    await multiarch.copy(source, target);

    expectContent(to, 'mirror/app', '2', amd64);
    const blobs = blobsOf([amd64]);
    expect(sorted(from.lines())).toEqual(
      sorted([manifest('GET', 'app', '1', 200), ...blobs.map((each) => blob('GET', 'app', each, 200))]),
    );
    expect(sorted(to.lines().map((line) => line.replace(/uploads\/\S*/, 'uploads/')))).toEqual(
      sorted([
        // Before the copy, and before the tag moves.
        ...Array.from({ length: 2 }, () => manifest('HEAD', 'mirror/app', '2', 404)),
        manifest('HEAD', 'mirror/app', amd64.manifest.digest, 404),
        ...blobs.flatMap((each) => [
          blob('HEAD', 'mirror/app', each, 404),
          'POST /v2/mirror/app/blobs/uploads/ 202',
          'PUT /v2/mirror/app/blobs/uploads/ 201',
        ]),
        manifest('PUT', 'mirror/app', '2', 201),
      ]),
    );
    expect(to.lines().at(-1)).toBe(manifest('PUT', 'mirror/app', '2', 201));
  });

  it('of an index whose images exist only checks them, and puts the index', async () => {
    const { from, to, multiarch, source, target } = await start();
    for (const image of index.images) to.put('mirror/app', image);

    await multiarch.copy(source, target);

    expect(from.lines()).toEqual([manifest('GET', 'app', '1', 200)]);
    expect(sorted(to.lines())).toEqual(
      sorted([
        manifest('HEAD', 'mirror/app', '2', 404),
        ...index.images.map((image) => manifest('HEAD', 'mirror/app', image.manifest.digest, 200)),
        manifest('PUT', 'mirror/app', '2', 201),
      ]),
    );
  });

  it.each([
    ['an index', index],
    ['an image', amd64],
  ])('a second time writes nothing: %s', async (_, content) => {
    const { to, multiarch, source, target } = await start(content);
    await multiarch.copy(source, target);
    to.clearLog();

    const { report, pushed } = await multiarch.copy(source, target);

    expect(methods(to)).toEqual(['HEAD']);
    expect(report.tags).toMatchObject([{ reference: target, outcome: 'unchanged' }]);
    expect(pushed).toEqual([]);
  });

  it('copies only what is missing', async () => {
    const { from, to, multiarch, source, target } = await start();
    to.put('mirror/app', amd64);
    to.putBlob('mirror/app', arm64.layers[0]?.bytes ?? Buffer.alloc(0));
    await multiarch.copy(source, target);
    const read = (of: { digest: string }): string => blob('GET', 'app', of, 200);
    const reads = from.lines().filter((line) => line.includes('/blobs/'));
    expect(reads).toContain(read(arm64.config));
    for (const each of [...blobsOf([amd64]), ...arm64.layers]) expect(reads).not.toContain(read(each));
    expectContent(to, 'mirror/app', '2', index);
  });

  it('mounts within one registry, and reads no blob', async () => {
    const { from, events, multiarch, source } = await start();
    await multiarch.copy(source, `${from.host}/release/app:1.2`);
    expectContent(from, 'release/app', '1.2', index);
    expect(from.lines().filter((line) => /^GET .*\/blobs\/|^PUT .*\/blobs\//.test(line))).toEqual([]);
    const outcomes = events.flatMap((event) => (event.kind === 'blob-done' ? [event.outcome] : []));
    expect(new Set(outcomes)).toEqual(new Set(['mounted']));
  });

  it.each([
    ['an image', amd64, []],
    ['an index', index, index.images.map((image) => manifest('HEAD', 'app', image.manifest.digest, 200))],
  ])('gives %s another tag in its own repository', async (_, content, looks) => {
    const { from, multiarch, source } = await start(content);
    await multiarch.copy(source, `${from.host}/app:stable`);
    expect(sorted(from.lines())).toEqual(
      sorted([
        manifest('HEAD', 'app', 'stable', 404),
        manifest('GET', 'app', '1', 200),
        ...looks,
        manifest('PUT', 'app', 'stable', 201),
      ]),
    );
  });

  it('copies what a digest names, and the entries of a nested index', async () => {
    const { from, to, multiarch } = await start();
    const outer = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: index.mediaType,
        manifests: [{ mediaType: index.mediaType, digest: index.digest, size: index.size }],
      }),
    );
    const digest = from.putManifest('app', outer, index.mediaType);
    await multiarch.copy(`${from.host}/app@${digest}`, `${to.host}/app:nested`);
    expect(to.manifest('app', 'nested')?.digest).toBe(digest);
    expectContent(to, 'app', index.digest, index);
  });

  it('follows no URL of a non-distributable layer', async () => {
    const { from, to, multiarch } = await start();
    const elsewhere = await startRegistry();
    const foreign = windowsImage(`http://${elsewhere.host}/v2/base/blobs/1`);
    from.put('win', { ...foreign, layers: [] }, '1');
    await multiarch.copy(`${from.host}/win:1`, `${to.host}/win:1`);
    expect(to.hasBlob('win', foreign.layers[0]?.digest ?? '')).toBe(false);

    const { allowNondistributable } = { allowNondistributable: true };
    await multiarch.copy(`${from.host}/win:1`, `${to.host}/win:1`, { allowNondistributable });
    expect(to.hasBlob('win', foreign.layers[0]?.digest ?? '')).toBe(false);

    from.put('win', foreign, '1');
    await multiarch.copy(`${from.host}/win:1`, `${to.host}/win:1`, { allowNondistributable });
    expect(to.hasBlob('win', foreign.layers[0]?.digest ?? '')).toBe(true);
    expectContent(to, 'win', '1', foreign);
    expect(to.openSessions).toBe(0);
    expect(elsewhere.requests).toEqual([]);
  });
});

describe('copy of a part', () => {
  it('of one platform is the image itself', async () => {
    const { to, multiarch, source, target } = await start();
    const platforms = parsePlatformList(['linux/arm64']);
    const { report } = await multiarch.copy(source, target, { platforms });
    expectContent(to, 'mirror/app', '2', arm64);
    expect(to.manifest('mirror/app', amd64.manifest.digest)).toBeUndefined();
    expect(report.platforms).toEqual({
      'linux/arm64': {
        platform: arm64.platform,
        digest: arm64.manifest.digest,
        mediaType: arm64.manifest.mediaType,
        size: arm64.manifest.size,
      },
    });
  });

  it('of several platforms is a smaller index, the same every time', async () => {
    const { from, to, multiarch, source, target } = await start();
    const platforms = parsePlatformList(['linux/s390x', 'linux/amd64']);

    const { descriptor } = await multiarch.copy(source, target, { platforms });

    const [, , , aboutAmd64, , aboutS390x] = index.images;
    const found = to.manifest('mirror/app', '2');
    expect(found?.digest).toBe(descriptor.digest);
    const { manifests } = JSON.parse(found?.bytes.toString() ?? '') as { manifests: { digest: string }[] };
    expect(manifests.map(({ digest }) => digest)).toEqual(
      [amd64, s390x, aboutAmd64, aboutS390x].map((image) => image?.manifest.digest),
    );
    expect(to.manifest('mirror/app', arm64.manifest.digest)).toBeUndefined();
    for (const each of blobsOf([amd64, s390x])) expect(to.hasBlob('mirror/app', each.digest)).toBe(true);
    const again = await multiarch.copy(source, `${from.host}/app:some`, { platforms });
    expect(again.descriptor).toEqual(descriptor);
  });

  it('without attestations omits them', async () => {
    const { to, multiarch, source, target } = await start();
    await multiarch.copy(source, target, { attestations: 'drop' });
    const { manifests } = JSON.parse(to.manifest('mirror/app', '2')?.bytes.toString() ?? '') as TinyIndexJson;
    expect(manifests).toHaveLength(3);
    expect(to.manifest('mirror/app', index.images[3]?.manifest.digest ?? '')).toBeUndefined();
  });

  it('of a missing platform moves nothing', async () => {
    const { to, multiarch, source, target } = await start();
    const platforms = parsePlatformList(['linux/amd64,linux/riscv64']);
    await expect(multiarch.copy(source, target, { platforms })).rejects.toThrow(RequirementError);
    expect(methods(to)).toEqual(['HEAD']);
  });
});

describe('the target of a copy', () => {
  it.each([
    ['without a tag', '', 'latest'],
    ['with a tag', ':1.2', '1.2'],
    ['with the digest', `@${index.digest}`, index.digest],
  ])('a registry %s', async (_, suffix, selector) => {
    const { to, multiarch, source } = await start();
    await multiarch.copy(source, `${to.host}/app${suffix}`);
    expectContent(to, 'app', selector, index);
    expect(to.manifest('app', 'latest') === undefined).toBe(selector !== 'latest');
  });

  describe.each(['a registry', 'a layout', 'an archive'])('without a tag in %s', (kind) => {
    /** The target, and the tags that it and the source's registry have after a copy. */
    async function copyTo(tags: (target: string, elsewhere: string) => readonly string[]) {
      const { from, to, multiarch, source } = await start();
      const directory = await temporaryDirectory();
      const target = { 'a registry': `${to.host}/app`, 'a layout': `oci:${directory}/layout` }[kind];
      const name = target ?? `oci-archive:${directory}/file.tar`;
      const options = { tags: tags(name, `${from.host}/mirror`) };
      const plan = await multiarch.planCopy(source, name, options);
      const { report } = await multiarch.copy(source, name, options);
      expect(plan.tags.map(({ repository, tag }) => `${repository}:${tag}`)).toEqual(
        report.tags.map(({ reference }) => reference),
      );
      const has = async (tag: string): Promise<boolean> => {
        const reader = await openMultiarch();
        const found = await reader.inspect(`${name}:${tag}`).catch(() => undefined);
        return found?.document.digest === index.digest;
      };
      return { name, from, multiarch, source, report, has };
    }

    it('leaves latest alone if a tag is given', async () => {
      const { name, report, has } = await copyTo(() => ['v2', 'v1', 'v2']);
      expect(report.references).toEqual([`${name}:v2`, `${name}:v1`]);
      expect([await has('v1'), await has('v2'), await has('latest')]).toEqual([true, true, false]);
    });

    it('leaves latest alone if a tag is given as a full reference', async () => {
      const { has } = await copyTo((target) => [`${target}:v1`]);
      expect([await has('v1'), await has('latest')]).toEqual([true, false]);
    });

    it('moves latest if that is one of the tags', async () => {
      const { name, report, has } = await copyTo(() => ['latest', 'v1']);
      expect(report.references).toEqual([`${name}:latest`, `${name}:v1`]);
      expect(report.tags.at(-1)?.reference).toBe(`${name}:latest`);
      expect([await has('v1'), await has('latest')]).toEqual([true, true]);
    });

    it('moves latest if all tags are elsewhere', async () => {
      const { from, has } = await copyTo((_, elsewhere) => [`${elsewhere}:v1`]);
      expect(await has('latest')).toBe(true);
      expect(from.manifest('mirror', 'v1')?.digest).toBe(index.digest);
    });

    it('expects the current digest of the first tag', async () => {
      const { name, multiarch, source } = await copyTo(() => ['v1']);
      const again = multiarch.copy(source, name, { tags: ['v2', 'v1'], expectCurrent: 'none' });
      await expect(again).resolves.toBeDefined();
      const other = multiarch.copy(source.replace(':1', `@${amd64.manifest.digest}`), name, {
        tags: ['v1', 'v3'],
        expectCurrent: 'none',
      });
      await expect(other).rejects.toThrow(`${name}:v1 was expected to hold no image`);
    });
  });

  it('rejects a target with another digest, and writes nothing', async () => {
    const { to, multiarch, source } = await start();
    const copied = multiarch.copy(source, `${to.host}/app@${amd64.manifest.digest}`);
    await expect(copied).rejects.toThrow(InvalidError);
    await expect(copied).rejects.toThrow(
      `what is copied of ${source} is an index with the digest ${index.digest}`,
    );
    expect(to.requests).toEqual([]);
  });

  it('moves further tags, in the repository and elsewhere, latest last', async () => {
    const { from, to, multiarch, source, target } = await start();
    const tags = ['latest', `${from.host}/copy:1`, '2.0'];

    const { report } = await multiarch.copy(source, target, { tags });

    const mirror = `${to.host}/mirror/app`;
    expect(report.tags.map(({ reference }) => reference)).toEqual([
      target,
      `${from.host}/copy:1`,
      `${mirror}:2.0`,
      `${mirror}:latest`,
    ]);
    for (const tag of ['2', '2.0', 'latest']) expectContent(to, 'mirror/app', tag, index);
    expectContent(from, 'copy', '1', index);
    expect(to.lines().slice(-3)).toEqual(
      ['2', '2.0', 'latest'].map((tag) => manifest('PUT', 'mirror/app', tag, 201)),
    );
  });

  it.each(['oci', 'oci-archive'])(
    '%s, and from there to a registry, with the same digest',
    async (transport) => {
      const { from, to, multiarch, source, target } = await start();
      const directory = await temporaryDirectory();
      const copied = `${transport}:${join(directory, 'place')}`;

      await multiarch.copy(source, copied);
      await multiarch.copy(`${from.host}/app@${amd64.manifest.digest}`, `${copied}:one`);

      await multiarch.close();
      expect(await readdir(directory)).toEqual(['place']);
      const later = await openMultiarch();
      await later.copy(`${copied}:latest`, target);
      await later.copy(`${copied}:one`, `${to.host}/app:one`);
      expectContent(to, 'mirror/app', '2', index);
      expectContent(to, 'app', 'one', amd64);
      const unnamed = later.copy(copied, target);
      await expect(unnamed).rejects.toMatchObject({ hint: expect.stringContaining('latest, one') });
    },
  );

  it('an archive with several tags at once, and the same file again for the same images', async () => {
    const { from, source } = await start();
    const directory = await temporaryDirectory();
    const write = async (name: string, first: string, second: string): Promise<Buffer> => {
      const [file, multiarch] = [join(directory, name), await openMultiarch()];
      const copied = `oci-archive:${file}`;
      const platforms = parsePlatformList(['linux/amd64']);
      await multiarch.copy(source, `${copied}:${first}`, { tags: [second] });
      await multiarch.copy(`${from.host}/app:1`, `${copied}:amd64`, { platforms });
      await multiarch.close();
      return readFile(file);
    };
    const one = await write('one.tar', '1', 'latest');
    expect((await write('other.tar', 'latest', '1')).equals(one)).toBe(true);
    expect(await readdir(directory)).toEqual(['one.tar', 'other.tar']);
  });

  it('copies the only image of a layout without a tag', async () => {
    const { to, multiarch, target } = await start();
    const directory = join(await temporaryDirectory(), 'layout');
    await writeLayout(directory, index, 'some');
    await multiarch.copy(`oci:${directory}`, target);
    expectContent(to, 'mirror/app', '2', index);
  });
});

describe('copy with expectCurrent', () => {
  it.each(['registry', 'oci', 'oci-archive'])(
    'moves a tag only from the expected digest: %s',
    async (kind) => {
      const { from, multiarch, source, target: there } = await start();
      const target = kind === 'registry' ? there : `${kind}:${join(await temporaryDirectory(), 'place')}:2`;
      from.put('app', amd64, '2');
      await multiarch.copy(`${from.host}/app:2`, target, { expectCurrent: 'none' });
      const refused = multiarch.copy(source, target, { expectCurrent: 'none' });
      await expect(refused).rejects.toThrow(ConflictError);
      await expect(multiarch.planCopy(source, target, { expectCurrent: 'none' })).rejects.toThrow(
        ConflictError,
      );
      const expectCurrent = parseDigest(amd64.manifest.digest);
      expect((await multiarch.copy(source, target, { expectCurrent })).descriptor.digest).toBe(index.digest);
      // Done already, so that a job that is run again succeeds.
      await multiarch.copy(source, target, { expectCurrent });
      await multiarch.close();
    },
  );

  it('requires a tag', async () => {
    const { to, multiarch, source } = await start();
    const copied = multiarch.copy(source, `${to.host}/app@${index.digest}`, { expectCurrent: 'none' });
    await expect(copied).rejects.toThrow(ArgumentError);
    expect(to.requests).toEqual([]);
  });
});

describe('copy', () => {
  it('can be undone', async () => {
    const { from, to, multiarch, source, target } = await start();
    to.put('mirror/app', amd64, '2');
    await multiarch.copy(source, target, { tags: ['3'] });
    const { tags, undone } = await multiarch.undo(target);
    expect(undone).toBe(index.digest);
    expect(tags.map(({ outcome }) => outcome)).toEqual(['kept', 'moved']);
    expectContent(to, 'mirror/app', '2', amd64);
    expect(from.manifest('app', '1')?.digest).toBe(index.digest);
  });

  it('of a missing source writes nothing', async () => {
    const { from, to, multiarch, target } = await start();
    const directory = await temporaryDirectory();
    const tags = [`oci:${directory}/layout:1`, `oci-archive:${directory}/file.tar:1`];
    const copied = multiarch.copy(`${from.host}/app:gone`, target, { tags });
    await expect(copied).rejects.toThrow(NotFoundError);
    expect(methods(to)).toEqual(['HEAD']);
    expect(await readdir(directory)).toEqual([]);
  });

  it('moves no tag if it is cancelled', async () => {
    const { from, to, source, target } = await start();
    const before = to.put('mirror/app', amd64, '2');
    const controller = new AbortController();
    const multiarch = await openMultiarch({
      signal: controller.signal,
      onEvent: (event) => {
        if (event.kind === 'blob-done') controller.abort();
      },
    });
    await expect(multiarch.copy(source, target)).rejects.toThrow(CancelledError);
    expect(to.manifest('mirror/app', '2')?.digest).toBe(before);
    expect(from.manifest('app', '1')?.digest).toBe(index.digest);
  });

  it('rejects a source with wrong bytes, and leaves neither tag nor file', async () => {
    const spoiled = await startRegistry({
      fault: async ({ path }, next) => {
        const response = await next();
        const { body } = response;
        const isLayer = path.endsWith(`/blobs/${amd64.layers[0]?.digest}`);
        return isLayer && body !== undefined ? { ...response, body: Buffer.alloc(body.length) } : response;
      },
    });
    spoiled.put('app', amd64, '1');
    const { to, multiarch, target } = await start();
    const directory = await temporaryDirectory();
    for (const copied of [target, `oci-archive:${directory}/file.tar:1`]) {
      await expect(multiarch.copy(`${spoiled.host}/app:1`, copied)).rejects.toThrow(InvalidError);
    }
    await multiarch.close();
    expect(to.manifest('mirror/app', '2')).toBeUndefined();
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('copy with referrers', () => {
  const signature = artifact(amd64.manifest);

  /** The first registry holds a signature of the image. */
  async function signed() {
    const scene = await start(index, { referrers: {} });
    scene.from.put('app', signature);
    return scene;
  }

  it.each([
    ['an index', {}],
    ['a part', { platforms: parsePlatformList(['linux/amd64']) }],
  ])('copies the referrers of a child: %s', async (_, options) => {
    const { to, multiarch, source, target } = await signed();

    const { referrers } = await multiarch.copy(source, target, { ...options, referrers: true });

    expect(referrers).toEqual([signature.manifest.digest]);
    const found = to.manifest('mirror/app', signature.manifest.digest);
    expect(found?.bytes.equals(signature.manifest.bytes)).toBe(true);
    const puts = to.lines().filter((line) => /^PUT .*\/manifests\//.test(line));
    expect(puts.at(-1)).toBe(manifest('PUT', 'mirror/app', '2', 201));
    expect((await multiarch.copy(source, target, { ...options, referrers: true })).referrers).toEqual([]);
  });

  it('copies them with a reduced index too, which the source does not have', async () => {
    const { from, multiarch, source, target } = await start(index, {
      referrers: {},
      fault: async (request, next) => {
        const [, path = '', digest = ''] = /^\/v2\/(.+)\/referrers\/([^?]+)/.exec(request.path) ?? [];
        const isUnknown = digest !== '' && from.manifest(path, digest) === undefined;
        return isUnknown ? failure(404, 'MANIFEST_UNKNOWN', 'manifest unknown') : next();
      },
    });
    from.put('app', signature);
    const platforms = parsePlatformList(['linux/amd64,linux/arm64']);
    const { referrers } = await multiarch.copy(source, target, { platforms, referrers: true });
    expect(referrers).toEqual([signature.manifest.digest]);
  });

  it('copies none unless requested', async () => {
    const { to, multiarch, source, target } = await signed();
    const result = await multiarch.copy(source, target);
    expect(result).not.toHaveProperty('referrers');
    expect(to.manifest('mirror/app', signature.manifest.digest)).toBeUndefined();
  });
});

describe('planCopy', () => {
  it.each([
    ['an index', index, {}],
    ['an image', amd64, {}],
    ['a part', index, { platforms: parsePlatformList(['linux/amd64,linux/arm64']) }],
  ])('of %s returns what copy does, and writes nothing', async (_, content, options) => {
    const { to, events, multiarch, source, target } = await start(content);
    to.put('mirror/app', arm64);

    const plan = await multiarch.planCopy(source, target, options);

    expect(methods(to).filter((method) => method !== 'GET' && method !== 'HEAD')).toEqual([]);
    events.length = 0;
    const { descriptor, report } = await multiarch.copy(source, target, options);
    expect(plan).toMatchObject({ digest: descriptor.digest, mediaType: descriptor.mediaType });
    const uploads = plan.content.flatMap(({ action, digest }) => (action === 'upload' ? [digest] : []));
    const copied = events.flatMap((event) =>
      event.kind === 'blob-done' && event.outcome === 'copied' ? [event.digest] : [],
    );
    expect(sorted(copied)).toEqual(sorted(uploads));
    expect(copied.length).toBeGreaterThan(0);
    expect(plan.tags.map(({ repository, tag }) => `${repository}:${tag}`)).toEqual(report.references);
  });
});

describe('push with allowNondistributable', () => {
  it('moves non-distributable layers, of a draft too', async () => {
    const [from, to] = [await startRegistry(), await startRegistry()];
    const foreign = windowsImage('https://example.com/layer');
    from.put('win', foreign, '1');
    const list = `${to.host}/app:1`;
    const multiarch = await openMultiarch();
    await multiarch.createAndPush(list, [`${from.host}/win:1`], { keepDraft: true });
    const has = (): boolean => to.hasBlob('app', foreign.layers[0]?.digest ?? '');
    expect(has()).toBe(false);

    await multiarch.push(list, { allowNondistributable: true });

    expect(has()).toBe(true);
  });
});

interface TinyIndexJson {
  readonly manifests: readonly unknown[];
}

/** An image whose only layer is not for distribution, and is said to be at this URL. */
function windowsImage(url: string): TinyImage {
  const { config, layers } = tinyImage({ architecture: 'amd64', os: 'windows', osVersion: '10.0.20348.1' });
  const mediaType = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
  const described = ({ digest, size }: { digest: string; size: number }) => ({ digest, size });
  const manifestJson = {
    schemaVersion: 2,
    mediaType: amd64.manifest.mediaType,
    config: { mediaType: config.mediaType, ...described(config) },
    layers: layers.map((layer) => ({ mediaType, ...described(layer), urls: [url] })),
  };
  const bytes = Buffer.from(JSON.stringify(manifestJson));
  const digest = digestOf(bytes);
  return {
    manifest: { bytes, digest, mediaType: amd64.manifest.mediaType, size: bytes.length },
    config,
    layers,
  };
}
