import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, afterEach, expect, it } from 'vitest';

import { startRegistry, type RunningRegistry } from '../support/docker-registry.js';
import { amd64, armv7 } from '../support/images.js';
import { describeIntegration } from '../support/integration.js';
import { dockerManifest } from '../support/peers.js';
import { Repository } from '../support/repository.js';
import { multiarch, type RunResult } from '../support/run.js';
import { makeSandbox, type Sandbox } from '../support/sandbox.js';
import { snapshot } from '../support/snapshot.js';
import { tinyImage, tinyIndex, type TinyImage } from '../support/tiny-image.mjs';

const oci = {
  amd64,
  arm64: tinyImage({ architecture: 'arm64', variant: 'v8' }),
  armv7,
};
const docker = {
  amd64: tinyImage({ architecture: 'amd64', mediaTypes: 'docker' }),
  arm64: tinyImage({ architecture: 'arm64', mediaTypes: 'docker' }),
  s390x: tinyImage({ architecture: 's390x', mediaTypes: 'docker' }),
};
const windows = tinyImage({
  architecture: 'amd64',
  os: 'windows',
  osVersion: '10.0.20348.2113',
  osFeatures: ['win32k', '<other>'],
});
/** Neither its config nor anybody else says what it runs on. */
const bare = tinyImage({ architecture: 'riscv64', omitPlatform: true });

describeIntegration('as docker manifest', ['docker', 'docker-registry'], () => {
  let registry: RunningRegistry;
  let app: Repository;
  let sandbox: Sandbox;

  beforeAll(async () => {
    registry = await startRegistry();
  });
  afterAll(() => registry.stop());
  beforeEach(async () => {
    sandbox = await makeSandbox();
    app = new Repository(registry, 'team/app');
  });
  afterEach(() => sandbox.remove());

  /** The same words to both. They keep their drafts apart. */
  async function both(...words: string[]): Promise<{ theirs: RunResult; ours: RunResult }> {
    return { theirs: await dockerManifest(sandbox, words), ours: await multiarch(sandbox, words) };
  }

  /** The same words to both, which both take: they print the same, and nothing on stderr. */
  async function alike(...words: string[]): Promise<string> {
    const { theirs, ours } = await both(...words);
    expect(theirs).toMatchObject({ code: 0 });
    expect(ours).toMatchObject({ code: 0, stdout: theirs.stdout });
    return ours.stdout;
  }

  /** Both publish; between the two, the registry forgets the index and these images of its repository. Gives its bytes. */
  async function pushBoth(
    list: string,
    images: readonly TinyImage[] = [],
    ...flags: string[]
  ): Promise<string> {
    const tag = list.slice(list.lastIndexOf(':') + 1);
    const theirs = await dockerManifest(sandbox, ['push', '--insecure', ...flags, list]);
    const index = await app.readManifest(tag);
    const written = [sha256(index.text), ...images.map(({ manifest }) => manifest.digest)];
    for (const digest of written) await app.deleteManifest(digest);
    const ours = await multiarch(sandbox, ['push', '--insecure', ...flags, list]);

    expect(theirs).toMatchObject({ code: 0 });
    expect(theirs.stdout.trimEnd().split('\n')).toHaveLength(images.length + 1);
    expect(ours).toMatchObject({ code: 0, stdout: theirs.stdout });
    expect(await app.readManifest(tag)).toEqual(index);
    for (const digest of written) expect(await app.hasManifest(digest)).toBe(true);
    return index.text;
  }

  // Tags in docker's order, which is that of its file names: the first one decides the media type.
  it.each<{ name: string; images: Record<string, TinyImage>; mediaType: string }>([
    { name: 'OCI images', images: oci, mediaType: 'application/vnd.oci.image.index.v1+json' },
    {
      name: 'Docker images',
      images: docker,
      mediaType: 'application/vnd.docker.distribution.manifest.list.v2+json',
    },
    {
      name: 'both, an OCI image first',
      images: { a: oci.armv7, b: docker.arm64, c: oci.amd64 },
      mediaType: 'application/vnd.oci.image.index.v1+json',
    },
    {
      name: 'both, a Docker image first',
      images: { a: docker.arm64, b: oci.armv7, c: docker.s390x },
      mediaType: 'application/vnd.docker.distribution.manifest.list.v2+json',
    },
    {
      name: 'images whose configs say all of a platform',
      images: { a: oci.arm64, b: windows },
      mediaType: 'application/vnd.oci.image.index.v1+json',
    },
  ])('create, inspect, push and rm of $name', async ({ images, mediaType }) => {
    const list = `${app.name}:list`;
    const sources: string[] = [];
    for (const [tag, image] of Object.entries(images)) sources.push(await app.add(image, `p-${tag}`));

    expect(await alike('create', '--insecure', list, ...sources)).toBe(`Created manifest list ${list}\n`);
    const shown = await alike('inspect', list);
    for (const source of sources) await alike('inspect', list, source);
    const pushed = await pushBoth(list);
    expect(shown).toBe(`${pushed}\n`);
    expect(JSON.parse(pushed)).toMatchObject({
      mediaType,
      manifests: Object.values(images).map(({ manifest }) => ({ digest: manifest.digest })),
    });
    expect(await alike('rm', list)).toBe('');
    // Without the draft, what is published is shown.
    expect(await alike('inspect', '--insecure', list)).toBe(shown);
  });

  it('every flag of annotate, and a second time', async () => {
    const list = `${app.name}:annotated`;
    const first = await app.add(oci.amd64, 'q-1');
    const second = await app.add(windows, 'q-2');
    const third = await app.add(bare, 'q-3');
    await alike('create', '--insecure', list, first, second, third);

    const flags = ['--os', 'linux', '--arch', 'arm', '--variant', 'v6', '--os-version', '6.1 <&>'];
    expect(await alike('annotate', ...flags, list, first)).toBe('');
    await alike('annotate', list, '--variant', 'v7', first, '--os-features', 'b,a', '--os-features', 'c');
    await alike('annotate', list, first, '--os-features', 'b,d');
    await alike('annotate', list, second, '--os-features', 'win32k,more');
    await alike('annotate', list, third, '--os', 'linux', '--arch', 'riscv64');

    const shown = await alike('inspect', list);
    expect(JSON.parse(shown)).toMatchObject({
      manifests: [
        {
          platform: {
            architecture: 'arm',
            os: 'linux',
            'os.version': '6.1 <&>',
            'os.features': ['b', 'a', 'c', 'd'],
            variant: 'v7',
          },
        },
        { platform: { os: 'windows', 'os.features': ['win32k', '<other>', 'more'] } },
        { platform: { architecture: 'riscv64', os: 'linux' } },
      ],
    });
    expect(await pushBoth(list)).toBe(shown.trimEnd());
  });

  it('images of another repository, and a draft that grows', async () => {
    const parts = new Repository(registry, 'team/parts');
    const list = `${app.name}:joined`;
    const sources = [await parts.add(oci.amd64, 'amd64'), await parts.add(docker.s390x, 's390x')];
    const [first = '', second = ''] = sources;
    await alike('create', '--insecure', list, first);

    await alike('create', '--insecure', list, '--amend', second, '--amend', first);
    await pushBoth(list, [oci.amd64, docker.s390x], '--purge');

    const gone = await both('rm', list);
    expect(gone.theirs.stderr).toBe(`No such manifest: ${list}\n`);
    expect(gone.ours).toMatchObject({ code: 3, stderr: expect.stringContaining(gone.theirs.stderr) });
  });

  it('inspect of an image in the registry, by tag and by digest', async () => {
    for (const image of [oci.armv7, docker.amd64]) {
      await alike('inspect', '--insecure', await app.add(image, 'image'));
      await alike('inspect', '--insecure', await app.add(image));
    }
  });

  // docker makes such an index anew and puts its members in another order; we show what is there.
  it.each([
    ['OCI index', tinyIndex([oci.amd64, oci.armv7])],
    ['Docker list', tinyIndex([docker.amd64, docker.arm64], { mediaTypes: 'docker' })],
  ])('inspect of an %s that others wrote: the same members', async (_name, content) => {
    const { theirs, ours } = await both('inspect', '--insecure', await app.add(content, 'foreign'));

    expect(theirs).toMatchObject({ code: 0 });
    expect(ours).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(ours.stdout)).toEqual(JSON.parse(theirs.stdout));
  });

  /** `ours`: where docker's line names the wrong thing. */
  it.each<{ name: string; words: string[]; line: string; ours?: string; code: number }>([
    {
      name: 'create without --amend where there is a draft',
      words: ['create', '--insecure', 'LIST', 'APP:e-amd64'],
      line: 'refusing to amend an existing manifest list with no --amend flag',
      code: 7,
    },
    {
      name: 'create of an image that is not in the registry',
      words: ['create', '--insecure', 'APP:other', 'APP:none'],
      line: 'no such manifest: APP:none',
      code: 3,
    },
    {
      name: 'annotate of an image that is not in the list',
      words: ['annotate', 'LIST', 'APP:none', '--arch', 'arm64'],
      line: 'manifest for image APP:none does not exist in LIST',
      code: 3,
    },
    {
      name: 'annotate of a list that is not there',
      words: ['annotate', 'APP:other', 'APP:e-amd64', '--arch', 'arm64'],
      line: 'manifest for image APP:e-amd64 does not exist in APP:other',
      code: 3,
    },
    {
      name: 'annotate with an architecture that does not exist',
      words: ['annotate', 'LIST', 'APP:e-amd64', '--os', 'linux', '--arch', 'armhf'],
      line: 'manifest entry for image has unsupported os/arch combination: linux/armhf',
      code: 125,
    },
    {
      name: 'annotate with an operating system that does not exist',
      words: ['annotate', 'LIST', 'APP:e-amd64', '--os', 'beos', '--arch', 'amd64'],
      line: 'manifest entry for image has unsupported os/arch combination: beos/amd64',
      code: 125,
    },
    {
      name: 'inspect of an image that is not in the registry',
      words: ['inspect', '--insecure', 'APP:none'],
      line: 'no such manifest: APP:none',
      code: 3,
    },
    {
      name: 'inspect of an image that is not in the list',
      words: ['inspect', 'LIST', 'APP:none'],
      line: 'No such manifest: APP:none',
      code: 3,
    },
    {
      name: 'inspect of an image of a list that is not there',
      words: ['inspect', 'APP:other', 'APP:e-amd64'],
      line: 'No such manifest: APP:e-amd64',
      ours: 'No such manifest: APP:other',
      code: 3,
    },
    {
      name: 'push of a list with an image without platform',
      words: ['push', '--insecure', 'LIST'],
      line: 'manifest APP:e-bare must have an OS and Architecture to be pushed to a registry',
      code: 5,
    },
    {
      name: 'push of a list that is not there',
      words: ['push', '--insecure', 'APP:other'],
      line: 'No such manifest: APP:other',
      code: 3,
    },
    {
      name: 'rm of a list that is not there',
      words: ['rm', 'APP:other'],
      line: 'No such manifest: APP:other',
      code: 3,
    },
  ])('$name: the error', async ({ words, line, ours: ourLine = line, code }) => {
    const list = `${app.name}:errors`;
    const sources = [await app.add(oci.amd64, 'e-amd64'), await app.add(bare, 'e-bare')];
    await alike('create', '--insecure', list, ...sources);
    const before = await snapshot(join(sandbox.directory, 'drafts'));
    const full = (text: string): string => text.replace(/\bLIST$/, list).replaceAll('APP:', `${app.name}:`);

    const { theirs, ours } = await both(...words.map(full));

    expect(theirs).toMatchObject({ code: 1, stdout: '', stderr: `${full(line)}\n` });
    expect(ours).toMatchObject({ code, stdout: '' });
    expect(ours.stderr.split('\n')).toContain(full(ourLine));
    expect(await snapshot(join(sandbox.directory, 'drafts'))).toEqual(before);
  });
});

function sha256(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
