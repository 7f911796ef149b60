import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { parseAssembly } from '../../src/assemble/assembly-file.js';
import { assemblyOptions } from '../../src/client/create-options.js';
import type { CreateOptions } from '../../src/client/create-options.js';
import type { Draft } from '../../src/drafts/draft.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import { parseDigest } from '../../src/oci/digest.js';
import {
  ArgumentError,
  ConflictError,
  InvalidError,
  NotFoundError,
  RequirementError,
  SourcesError,
  UnauthorizedError,
} from '../../src/oci/errors.js';
import type { ImageIndex } from '../../src/oci/image-index.js';
import { parsePlatformList } from '../../src/oci/required-platforms.js';
import { amd64, armv7 } from '../support/images.js';
import { indexOf } from '../support/indexes.js';
import type { MemoryRegistry } from '../support/memory-registry.js';
import { startRegistry } from '../support/open-repository.js';
import { openMultiarch } from '../support/test-multiarch.js';
import { tinyImage, tinyIndex } from '../support/tiny-image.mjs';

/** What happens instead of waiting for the next look. */
const pause = vi.hoisted(() => vi.fn<() => void>());
vi.mock(import('../../src/http/retry.js'), async (importOriginal) => ({
  ...(await importOriginal()),
  sleep: async () => {
    pause();
  },
}));

beforeEach(() => pause.mockReset());
const arm64 = tinyImage({ architecture: 'arm64', variant: 'v8' });
const newer = tinyImage({ architecture: 'amd64', text: 'newer\n' });
const attested = tinyIndex([amd64, arm64], { attestations: true });
/** The same in the bytes that we would write. */
const ownAttested = indexOf((JSON.parse(Buffer.from(attested.bytes).toString()) as ImageIndex).manifests);

/** A registry with `app:amd64`, `app:arm64`, `app:armv7`, and `app:all` with attestations; and a client. */
async function start() {
  const registry = await startRegistry();
  registry.put('app', amd64, 'amd64');
  registry.put('app', arm64, 'arm64');
  registry.put('app', armv7, 'armv7');
  registry.put('app', newer, 'newer');
  registry.put('app', attested, 'all');
  return { registry, app: `${registry.host}/app`, client: await openMultiarch() };
}

const digests = ({ entries }: Draft): string[] => entries.map(({ descriptor }) => descriptor.digest);
const platforms = (...texts: string[]) => parsePlatformList(texts);
const manifestsOf = (registry: MemoryRegistry, tag: string): Descriptor[] =>
  (JSON.parse(registry.manifest('app', tag)?.bytes.toString() ?? '{}') as { manifests: Descriptor[] })
    .manifests;

describe('platforms', () => {
  it('keeps those of an index, each with its own attestation', async () => {
    const { app, client } = await start();
    const { draft } = await client.create(`${app}:1`, [`${app}:all`], {
      platforms: platforms('linux/arm64'),
    });
    const [, image, , attestation] = attested.images;
    expect(digests(draft)).toEqual([image?.manifest.digest, attestation?.manifest.digest]);
  });

  it('that no source has are an error, and no draft is saved', async () => {
    const { app, client } = await start();
    const created = client.create(`${app}:1`, [`${app}:all`], {
      platforms: platforms('linux/arm64', 'linux/s390x'),
    });
    await expect(created).rejects.toThrow(RequirementError);
    await expect(created).rejects.toThrow('app:1 has an image for linux/s390x');
    expect((await client.listDrafts()).drafts).toEqual([]);
  });

  it('fill in templates', async () => {
    const { app, client } = await start();
    const { draft } = await client.create(`${app}:1`, [`${app}:{arch}{variant}`], {
      platforms: platforms('linux/arm/v7', 'linux/amd64'),
    });
    expect(digests(draft)).toEqual([armv7.manifest.digest, amd64.manifest.digest]);
  });

  it('that expand a template to the same source are all selected from it, and it is read once', async () => {
    const { registry, app, client } = await start();
    registry.put('app', attested, 'linux');
    const { draft } = await client.create(`${app}:1`, [`${app}:{os}`], {
      platforms: platforms('linux/arm64', 'linux/amd64'),
      attestations: 'drop',
    });
    expect(digests(draft)).toEqual([arm64.manifest.digest, amd64.manifest.digest]);
    expect(registry.lines()).toHaveLength(1);
  });
});

describe('images of an assembly', () => {
  it('may be several of one source, each with its own settings', async () => {
    const { app, client } = await start();
    const { draft } = await client.create(
      `${app}:1`,
      [
        { source: `${app}:all`, platforms: platforms('linux/arm64'), annotations: { for: 'arm' } },
        { source: `${app}:all`, platforms: platforms('linux/amd64'), platform: { 'os.version': '6' } },
      ],
      { attestations: 'drop' },
    );
    expect((await client.inspect(draft.target)).document.value).toMatchObject({
      manifests: [
        { digest: arm64.manifest.digest, annotations: { for: 'arm' } },
        {
          digest: amd64.manifest.digest,
          platform: { architecture: 'amd64', os: 'linux', 'os.version': '6' },
        },
      ],
    });
  });

  it('may be one image for two platforms', async () => {
    const { app, client } = await start();
    const image = (variant: string) => ({ source: `${app}:armv7`, platform: { variant } });
    const { draft, problems } = await client.create(`${app}:1`, [image('v6'), image('v7')]);
    expect(digests(draft)).toEqual([armv7.manifest.digest, armv7.manifest.digest]);
    expect(problems).toEqual([]);
  });

  it('with one platform for a source of several images are rejected', async () => {
    const { app, client } = await start();
    const created = client.create(`${app}:1`, [{ source: `${app}:all`, platform: { variant: 'v9' } }]);
    await expect(created).rejects.toThrow(`${app}:all gives 2 images: one platform cannot be that of all`);
  });

  it('are all checked: unreadable sources and missing platforms are reported together', async () => {
    const { app, client } = await start();
    const created = client.create(`${app}:1`, [
      { source: `${app}:nowhere` },
      { source: `${app}:all`, platforms: platforms('linux/s390x') },
      { source: `${app}:amd64` },
    ]);
    await expect(created).rejects.toThrow(SourcesError);
    await expect(created).rejects.toThrow(/2 of 3 sources cannot be used:\n.*nowhere.*\n.*linux\/s390x/);
  });

  it('by digest alone are in the repository of the index', async () => {
    const { app, client } = await start();
    const { draft } = await client.create(`${app}:1`, [amd64.manifest.digest]);
    expect(draft.entries.map(({ source }) => source)).toEqual([`${app}@${amd64.manifest.digest}`]);
  });
});

describe('a ready index', () => {
  /** Makes `app:1` of a file's text, and publishes it. */
  async function publish(text: string, options: CreateOptions = {}) {
    const started = await start();
    const { app, client } = started;
    const assembly = await parseAssembly(text, 'index.json');
    const settings = { ...assemblyOptions(assembly), ...options };
    return { ...started, ...(await client.createAndPush(`${app}:1`, assembly.images, settings)) };
  }

  it.each([
    ['with attestations', ownAttested],
    ['of two platforms that share an image', tinyIndexOfOne('v6', 'v7')],
    ['that says less of a platform than the image does', tinyIndexOfOne(undefined)],
  ])('%s is published as the same bytes', async (_, index) => {
    const { registry } = await publish(Buffer.from(index.bytes).toString());
    expect(registry.manifest('app', '1')?.digest).toBe(index.digest);
  });

  it('loses its attestations if requested', async () => {
    const { registry } = await publish(Buffer.from(attested.bytes).toString(), { attestations: 'drop' });
    expect(manifestsOf(registry, '1').map(({ digest }) => digest)).toEqual([
      amd64.manifest.digest,
      arm64.manifest.digest,
    ]);
  });

  it('takes the platform of a bare descriptor from the image', async () => {
    const { digest, size, mediaType } = arm64.manifest;
    const { registry } = await publish(JSON.stringify({ mediaType, digest, size }));
    expect(manifestsOf(registry, '1')).toEqual([{ mediaType, digest, size, platform: arm64.platform }]);
  });

  it.each([{ size: 7 }, { mediaType: 'application/vnd.docker.distribution.manifest.v2+json' }])(
    'is refused where it is wrong about an image: %j',
    async (wrong) => {
      const { digest, size, mediaType } = arm64.manifest;
      const published = publish(JSON.stringify([{ mediaType, digest, size, ...wrong }]));
      await expect(published).rejects.toThrow(InvalidError);
      await expect(published).rejects.toThrow(`@${digest} has the ${Object.keys(wrong)[0]} `);
    },
  );
});

/** An index with one image for arm under each of these variants, in the bytes that we would write. */
function tinyIndexOfOne(...variants: readonly (string | undefined)[]) {
  const { digest, size, mediaType } = armv7.manifest;
  return indexOf(
    variants.map((variant) => ({
      mediaType,
      digest: parseDigest(digest),
      size,
      platform: { architecture: 'arm', os: 'linux', ...(variant !== undefined && { variant }) },
    })),
  );
}

describe('wait', () => {
  it('sends one HEAD request for an existing source, then reads it', async () => {
    const { registry, app, client } = await start();
    await client.create(`${app}:1`, [`${app}:amd64`, `${app}:all`], { wait: 60_000 });
    const heads = registry.lines().filter((line) => line.startsWith('HEAD'));
    expect(heads.sort()).toEqual(['HEAD /v2/app/manifests/all 200', 'HEAD /v2/app/manifests/amd64 200']);
    expect(registry.lines()).toHaveLength(5);
    expect(pause).not.toHaveBeenCalled();
  });

  it('repeats HEAD requests for missing sources only, once an interval', async () => {
    const { registry, app, client } = await start();
    pause.mockImplementationOnce(() => {}).mockImplementationOnce(() => registry.put('app', armv7, 'late'));
    await client.create(`${app}:1`, [`${app}:amd64`, `${app}:late`], { wait: 60_000 });
    const heads = registry.lines().filter((line) => line.startsWith('HEAD'));
    expect(heads.sort()).toEqual([
      'HEAD /v2/app/manifests/amd64 200',
      'HEAD /v2/app/manifests/late 200',
      'HEAD /v2/app/manifests/late 404',
      'HEAD /v2/app/manifests/late 404',
    ]);
    expect(registry.lines()).toHaveLength(8);
  });

  it('fails with the missing sources after the timeout, and reads nothing', async () => {
    const { registry, app, client } = await start();
    const created = client.create(`${app}:1`, [`${app}:amd64`, `${app}:late`], { wait: 0 });
    await expect(created).rejects.toThrow(NotFoundError);
    await expect(created).rejects.toThrow(`still not found after 0s: ${app}:late`);
    expect(registry.lines().filter((line) => !line.startsWith('HEAD'))).toEqual([]);
  });

  it('does not wait for a registry that denies access', async () => {
    const registry = await startRegistry({ auth: { kind: 'basic', username: 'a', password: 'b' } });
    const client = await openMultiarch();
    const created = client.create('app:1', [`${registry.host}/app:late`], { wait: 60_000 });
    await expect(created).rejects.toThrow(UnauthorizedError);
    expect(pause).not.toHaveBeenCalled();
  });

  it('reports the error of the index if the concurrent read of the tag fails too', async () => {
    const isTag = (path: string): boolean => path.endsWith('/manifests/1');
    const registry = await startRegistry({
      fault: (request, next) => (isTag(request.path) ? { status: 400 } : next()),
    });
    registry.put('app', amd64, 'amd64');
    const client = await openMultiarch();
    const unheard = vi.fn<(reason: unknown) => void>();
    process.on('unhandledRejection', unheard);
    onTestFinished(() => void process.off('unhandledRejection', unheard));

    const pushed = client.createAndPush(`${registry.host}/app:1`, [`${registry.host}/app:amd64`], {
      wait: 60_000,
      require: platforms('linux/s390x'),
    });

    await expect(pushed).rejects.toThrow(RequirementError);
    await vi.waitFor(() => expect(registry.lines()).toContain('GET /v2/app/manifests/1 400'));
    await client.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(unheard).not.toHaveBeenCalled();
  });

  it('reads the tags after the wait, since others may move them', async () => {
    const { registry, app, client } = await start();
    pause.mockImplementationOnce(() => {
      registry.put('app', attested, '1');
      registry.put('app', armv7, 'late');
    });
    const { publication } = await client.createAndPush(`${app}:1`, [`${app}:late`], { wait: 60_000 });
    expect(publication.tags).toMatchObject([{ previous: attested.digest, outcome: 'moved' }]);
  });
});

describe('from', () => {
  it('starts from what is published, and a push detects that the tag has moved since', async () => {
    const { registry, app, client } = await start();
    registry.put('app', attested, '1');
    const { draft } = await client.create(`${app}:1`, [`${app}:armv7`], { from: `${app}:1` });
    expect(draft.base).toBe(attested.digest);
    expect(digests(draft)).toEqual([
      ...attested.images.map(({ manifest }) => manifest.digest),
      armv7.manifest.digest,
    ]);
    registry.put('app', tinyIndex([newer]), '1');

    await expect(client.push(`${app}:1`)).rejects.toThrow(ConflictError);

    expect(manifestsOf(registry, '1')).toHaveLength(1);
  });

  it('keeps the bytes of what it starts from', async () => {
    const { registry, app, client } = await start();
    registry.putManifest('app', ownAttested.bytes, ownAttested.mediaType, '1');
    const { publication } = await client.createAndPush(`${app}:1`, [], { from: `${app}:1` });
    expect(publication.descriptor.digest).toBe(ownAttested.digest);
    expect(publication.tags).toMatchObject([{ outcome: 'unchanged' }]);
  });

  it('of another index records no digest, since another tag is pushed', async () => {
    const { app, client } = await start();
    expect((await client.create(`${app}:1`, [], { from: `${app}:all` })).draft.base).toBeUndefined();
  });

  it('an image starts with the image as the only entry', async () => {
    const { app, client } = await start();
    const { draft } = await client.create(`${app}:1`, [`${app}:armv7`], { from: `${app}:amd64` });
    expect(digests(draft)).toEqual([amd64.manifest.digest, armv7.manifest.digest]);
    expect(draft).not.toHaveProperty('base');
    expect(draft.entries[0]).toMatchObject({
      source: `${app}@${amd64.manifest.digest}`,
      descriptor: { platform: amd64.platform },
    });
    const own = await client.create(`${app}:amd64`, [], { from: `${app}:amd64` });
    expect(own.draft.base).toBe(amd64.manifest.digest);
  });

  it('requires a draft that does not exist', async () => {
    const { app, client } = await start();
    await client.create(`${app}:1`, []);
    const again = client.create(`${app}:1`, [], { from: `${app}:all`, amend: true });
    await expect(again).rejects.toThrow(ConflictError);
  });

  it('amend alone requests only the sources', async () => {
    const { registry, app, client } = await start();
    registry.put('app', attested, '1');
    const { draft } = await client.create(`${app}:1`, [`${app}:armv7`], { amend: true });
    expect(digests(draft)).toEqual([armv7.manifest.digest]);
    expect(registry.lines().filter((line) => line.includes('/manifests/1 '))).toEqual([]);
  });
});

describe('replace', () => {
  it('removes the old image of a platform with its attestation', async () => {
    const { app, client } = await start();
    await client.create(`${app}:1`, [`${app}:all`]);
    const { draft, problems } = await client.create(`${app}:1`, [`${app}:newer`], {
      amend: true,
      replace: true,
    });
    const [, image, , attestation] = attested.images;
    expect(digests(draft)).toEqual([
      image?.manifest.digest,
      attestation?.manifest.digest,
      newer.manifest.digest,
    ]);
    expect(problems).toEqual([]);
  });

  it('if absent makes two images of a platform a warning, and an error in push', async () => {
    const { app, client } = await start();
    await client.create(`${app}:1`, [`${app}:all`]);
    const { problems } = await client.create(`${app}:1`, [`${app}:newer`], { amend: true });
    expect(problems).toMatchObject([{ kind: 'platform-duplicate' }]);
    await expect(client.push(`${app}:1`)).rejects.toThrow(InvalidError);
  });
});

describe('require', () => {
  it('counts existing entries, and nothing is saved if a platform is missing', async () => {
    const { app, client } = await start();
    await client.create(`${app}:1`, [`${app}:arm64`]);
    const require = platforms('linux/arm64', 'linux/amd64');
    const failed = client.create(`${app}:1`, [`${app}:armv7`], { amend: true, require });
    await expect(failed).rejects.toThrow(RequirementError);
    await expect(failed).rejects.toThrow('app:1 has no image for linux/amd64');
    const { draft } = await client.create(`${app}:1`, [`${app}:amd64`], { amend: true, require });
    expect(digests(draft)).toEqual([arm64.manifest.digest, amd64.manifest.digest]);
  });

  it('is checked before any tag moves', async () => {
    const { registry, app, client } = await start();
    const pushed = client.createAndPush(`${app}:1`, [`${app}:arm64`], { require: platforms('linux/amd64') });
    await expect(pushed).rejects.toThrow(RequirementError);
    expect(registry.manifest('app', '1')).toBeUndefined();
    expect((await client.listDrafts()).drafts).toEqual([]);
  });
});

describe('annotations from labels', () => {
  const TITLE = 'org.opencontainers.image.title';
  const VERSION = 'org.opencontainers.image.version';
  const labelled = (['amd64', 'arm64'] as const).map((architecture) =>
    tinyImage({ architecture, labels: { [TITLE]: 'app', [VERSION]: `1-${architecture}`, other: 'x' } }),
  );

  it('are the labels common to all images, and each config is read once', async () => {
    const { registry, app, client } = await start();
    registry.put('app', tinyIndex(labelled, { attestations: true }), 'labelled');
    const { draft } = await client.create(`${app}:1`, [`${app}:labelled`], { annotationsFromLabels: true });
    expect(draft.annotations).toEqual({ [TITLE]: 'app' });
    const requests = registry.lines().map((line) => line.replace(/sha256:\w+/, 'DIGEST'));
    expect(requests.sort()).toEqual([
      'GET /v2/app/blobs/DIGEST 200',
      'GET /v2/app/blobs/DIGEST 200',
      'GET /v2/app/manifests/DIGEST 200',
      'GET /v2/app/manifests/DIGEST 200',
      'GET /v2/app/manifests/labelled 200',
    ]);
  });

  it('do not override those that are set', async () => {
    const { registry, app, client } = await start();
    registry.put('app', tinyIndex(labelled), 'labelled');
    const { draft } = await client.create(`${app}:1`, [`${app}:labelled`], {
      annotationsFromLabels: true,
      annotations: { [TITLE]: 'mine' },
    });
    expect(draft.annotations).toEqual({ [TITLE]: 'mine' });
  });

  it('are none if one image has no labels', async () => {
    const { registry, app, client } = await start();
    registry.put('app', tinyIndex(labelled), 'labelled');
    const { draft } = await client.create(`${app}:1`, [`${app}:labelled`, `${app}:armv7`], {
      annotationsFromLabels: true,
    });
    expect(draft.annotations).toBeUndefined();
  });

  it('are rejected if an image was in the draft before and is not read', async () => {
    const { registry, app, client } = await start();
    registry.put('app', attested, '1');
    await client.create(`${app}:2`, [`${app}:amd64`]);
    const options = { annotationsFromLabels: true };
    const amended = client.create(`${app}:2`, [`${app}:arm64`], { ...options, amend: true });
    await expect(amended).rejects.toThrow(ArgumentError);
    const started = client.create(`${app}:1`, [`${app}:armv7`], { ...options, from: `${app}:1` });
    await expect(started).rejects.toThrow(
      /cannot read labels of sha256:\w+: it was added by an earlier create/,
    );
  });
});

describe('annotations of entries', () => {
  it('apply to the selected images, and to no attestation', async () => {
    const { app, client } = await start();
    await client.create(`${app}:1`, [`${app}:all`], {
      entryAnnotations: [
        { annotations: { all: '1', who: 'all' } },
        { platform: { os: 'linux', architecture: 'arm64' }, annotations: { who: 'arm' } },
      ],
    });
    const { document } = await client.inspect(`${app}:1`);
    const annotations = (document.value as ImageIndex).manifests.map((entry) => entry.annotations);
    expect(annotations.slice(0, 2)).toEqual([
      { all: '1', who: 'all' },
      { all: '1', who: 'arm' },
    ]);
    expect(annotations.slice(2)).toEqual(attested.images.slice(2).map((image) => image.annotations));
  });

  it.each([
    [{ os: 'linux', architecture: 's390x' }, 'has no image for linux/s390x'],
    [undefined, 'has no images'],
  ])('for a missing platform are an error: %j', async (platform, message) => {
    const { app, client } = await start();
    const sources = platform === undefined ? [] : [`${app}:all`];
    const entryAnnotations = [{ ...(platform && { platform }), annotations: { a: 'b' } }];
    await expect(client.create(`${app}:1`, sources, { entryAnnotations })).rejects.toThrow(message);
  });

  it('of a Docker list are reported at once, with the format that supports them', async () => {
    const { registry, app, client } = await start();
    registry.put('app', tinyImage({ architecture: 'amd64', mediaTypes: 'docker' }), 'docker');
    const { problems } = await client.create(`${app}:1`, [`${app}:docker`], { annotations: { a: 'b' } });
    expect(problems).toMatchObject([
      { kind: 'format', message: expect.stringContaining(`multiarch create ${app}:1 --amend --format oci`) },
    ]);
    await expect(client.push(`${app}:1`)).rejects.toThrow('Docker manifest list');
    const { problems: none } = await client.create(`${app}:1`, [], { amend: true, format: 'oci' });
    expect(none).toEqual([]);
  });
});

describe('tags of a draft', () => {
  it('are moved by every push of it, together with those of the push', async () => {
    const { registry, app, client } = await start();
    await client.create(`${app}:1`, [`${app}:amd64`], { draftTags: ['1.2', 'stable'] });
    await client.create(`${app}:1`, [], { amend: true, draftTags: ['stable', '1'] });
    const { tags } = await client.push(`${app}:1`, { tags: ['more'] });
    expect(tags.map(({ tag }) => tag)).toEqual(['1', '1.2', 'stable', 'more']);
    expect(registry.manifest('app', 'stable')).toEqual(registry.manifest('app', '1'));
  });

  it('are moved by create and push in one run, with those of the existing draft', async () => {
    const { app, client } = await start();
    await client.create(`${app}:1`, [], { draftTags: ['a'] });
    const options = { amend: true, draftTags: ['b'], tags: ['c'] };
    const { draft, publication } = await client.createAndPush(`${app}:1`, [`${app}:amd64`], options);
    expect(publication.tags.map(({ tag }) => tag)).toEqual(['1', 'a', 'b', 'c']);
    expect(draft.tags).toEqual(['a', 'b']);
  });
});

describe('removeEntries', () => {
  it.each([
    ['a platform', () => 'linux/amd64', ['arm64', 'about arm64']],
    ['a digest', () => arm64.manifest.digest, ['amd64', 'about amd64']],
    ['a source', (app: string) => `${app}:all`, []],
  ])('removes what %s selects, with its attestations', async (_, selector, left) => {
    const { app, client } = await start();
    await client.create(`${app}:1`, [`${app}:all`]);
    const { draft } = await client.removeEntries(`${app}:1`, [selector(app)]);
    const names = ['amd64', 'arm64', 'about amd64', 'about arm64'];
    expect(
      digests(draft).map(
        (digest) => names[attested.images.findIndex(({ manifest }) => manifest.digest === digest)],
      ),
    ).toEqual(left);
  });

  it('is all or nothing', async () => {
    const { app, client } = await start();
    const { draft } = await client.create(`${app}:1`, [`${app}:all`]);
    const removed = client.removeEntries(`${app}:1`, ['linux/amd64', 'linux/s390x']);
    await expect(removed).rejects.toThrow(NotFoundError);
    expect((await client.listDrafts()).drafts).toEqual([draft]);
    await expect(client.removeEntries(`${app}:2`, ['linux/amd64'])).rejects.toThrow(
      `manifest for image linux/amd64 does not exist in ${app}:2`,
    );
  });
});
