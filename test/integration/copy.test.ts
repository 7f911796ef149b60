import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeEach, expect, it } from 'vitest';

import { amd64, arm64, armv7 } from '../support/images.js';
import { describeIntegration } from '../support/integration.js';
import { podmanPull, skopeo } from '../support/peers.js';
import { useRegistries } from '../support/registries.js';
import { requestsDuring } from '../support/registry-log.js';
import type { Repository } from '../support/repository.js';
import { tinyImage, tinyIndex, type TinyImage, type TinyIndex } from '../support/tiny-image.mjs';

const index = tinyIndex([amd64, arm64, armv7], { attestations: true });
const dockerList = tinyIndex(
  (['amd64', 's390x'] as const).map((architecture) => tinyImage({ architecture, mediaTypes: 'docker' })),
  { mediaTypes: 'docker' },
);

describeIntegration('copying', ['docker-registry', 'skopeo', 'podman'], () => {
  const setUp = useRegistries(2);
  let from: Repository;
  let to: Repository;
  beforeEach(() => {
    from = setUp.repository('app');
    to = setUp.repository('app', setUp.other);
  });

  /** @returns the digest that was printed */
  async function copied(...words: string[]): Promise<string> {
    const result = await setUp.run('copy', ...words);
    expect(result).toMatchObject({ code: 0 });
    return result.stdout.trimEnd();
  }

  /** The top manifest is there as it was made, and a client of others reads and checks all that it points to. */
  async function expectContent(
    place: Repository,
    tag: string,
    content: TinyImage | TinyIndex,
  ): Promise<void> {
    const { mediaType, bytes } = 'images' in content ? content : content.manifest;
    expect(await place.readManifest(tag)).toEqual({ mediaType, text: Buffer.from(bytes).toString() });
    await readAll(`docker://${place.name}:${tag}`);
  }

  async function readAll(source: string): Promise<void> {
    const read = await skopeo(setUp.sandbox, [
      'copy',
      '--all',
      source,
      `dir:${setUp.sandbox.directory}/read`,
    ]);
    expect(read).toMatchObject({ code: 0 });
  }

  it.each([
    ['an index with attestations', index],
    ['a Docker manifest list', dockerList],
    ['an image', amd64],
  ])('promotes %s from one registry to another, byte for byte', async (_, content) => {
    const source = await from.add(content, '1.2');

    const digest = await copied(source, `${to.name}:1.2`, '-t', 'stable');

    expect(digest).toBe('images' in content ? content.digest : content.manifest.digest);
    await expectContent(to, '1.2', content);
    expect(await to.readManifest('stable')).toEqual(await to.readManifest('1.2'));
  });

  it('podman pulls what was promoted, each architecture', async () => {
    await copied(await from.add(index, '1.2'), `${to.name}:1.2`);
    for (const [image, platform] of [
      [arm64, { architecture: 'arm64' }],
      [armv7, { architecture: 'arm', variant: 'v7' }],
    ] as const) {
      const pulled = await podmanPull(setUp.sandbox, `${to.name}:1.2`, platform);
      expect(pulled).toMatchObject({ code: 0 });
      expect(pulled.stdout.trim()).toBe(image.config.digest.replace('sha256:', ''));
    }
  });

  it('a second time asks, and writes nothing', async () => {
    const source = await from.add(index, '1.2');
    await copied(source, `${to.name}:1.2`);
    const { result, requests } = await requestsDuring(setUp.other, () => copied(source, `${to.name}:1.2`));
    expect(result).toBe(index.digest);
    expect(requests.length).toBeGreaterThan(0);
    for (const line of requests) expect(line).toMatch(/^(HEAD \S+|GET \/v2\/) 200$/);
  });

  it('one platform is the image, several are a smaller index with their attestations', async () => {
    const source = await from.add(index, '1.2');

    await copied(source, `${to.name}:arm64`, '--platform', 'linux/arm64');
    const digest = await copied(source, `${to.name}:two`, '--platform', 'linux/arm/v7,linux/amd64');

    await expectContent(to, 'arm64', arm64);
    const [, , , aboutAmd64, , aboutArmv7] = index.images;
    const { text } = await to.readManifest('two');
    const { manifests } = JSON.parse(text) as { manifests: { digest: string }[] };
    expect(manifests.map((entry) => entry.digest)).toEqual(
      [amd64, armv7, aboutAmd64, aboutArmv7].map((image) => image?.manifest.digest),
    );
    expect(await to.hasManifest(digest)).toBe(true);
    await readAll(`docker://${to.name}:two`);
  });

  it('mounts within one registry: no blob is read or sent', async () => {
    const source = await from.add(index, '1.2');
    const release = setUp.repository('release');

    const { requests } = await requestsDuring(setUp.registry, () => copied(source, `${release.name}:1.2`));

    const blobs = requests.filter((line) => line.includes('/blobs/') && !line.startsWith('HEAD '));
    expect(blobs.length).toBeGreaterThan(0);
    for (const line of blobs) expect(line).toMatch(/^POST .*\?.*mount=.* 201$/);
    await expectContent(release, '1.2', index);
  });

  it.each([
    ['oci', 'an index', index],
    ['oci', 'an image', arm64],
    ['oci-archive', 'an index', index],
    ['oci-archive', 'an image', arm64],
  ])('through %s to a registry: %s, and skopeo reads each', async (transport, _, content) => {
    const source = await from.add(content, '1.2');
    const place = `${transport}:${join(setUp.sandbox.directory, 'place')}:1.2`;

    const into = await copied(source, place);
    await readAll(place);
    const out = await copied(place, `${to.name}:1.2`);

    expect(out).toBe(into);
    await expectContent(to, '1.2', content);
  });

  it('takes what skopeo has put into a layout', async () => {
    const layout = `oci:${join(setUp.sandbox.directory, 'theirs')}:1.2`;
    const written = await skopeo(setUp.sandbox, [
      'copy',
      '--all',
      `docker://${await from.add(index, '1.2')}`,
      layout,
    ]);
    expect(written).toMatchObject({ code: 0 });
    expect(await copied(layout, `${to.name}:1.2`)).toBe(index.digest);
    await expectContent(to, '1.2', index);
  });

  it.each([
    ['gzip', 'application/vnd.docker.image.rootfs.diff.tar.gzip'],
    ['none', 'application/vnd.docker.image.rootfs.diff.tar'],
  ])('takes what skopeo wrote as docker save does, its layers as %s', async (compression, layerType) => {
    const file = `docker-archive:${join(setUp.sandbox.directory, 'saved.tar')}`;
    const saved = await skopeo(setUp.sandbox, [
      'copy',
      `docker://${await from.add(arm64, '1.2')}`,
      `${file}:app:1.2`,
    ]);
    expect(saved).toMatchObject({ code: 0 });

    const words = [file, `${to.name}:1.2`, '--layer-compression', compression];
    const digest = await copied(...words, '--platform', 'linux/arm64');

    const manifest = JSON.parse((await to.readManifest(digest)).text) as {
      config: object;
      layers: readonly object[];
    };
    // The config is the image's own; its layers were unpacked when it was saved.
    expect(manifest.config).toMatchObject({ digest: arm64.config.digest });
    expect(manifest.layers).toMatchObject([{ mediaType: layerType }]);
    const pulled = await podmanPull(setUp.sandbox, `${to.name}:1.2`, { architecture: 'arm64' });
    expect(pulled.stdout.trim()).toBe(arm64.config.digest.replace('sha256:', ''));
    expect(await copied(...words)).toBe(digest);
  });

  it('of a platform that is not there ends with 5, and of no image with 3; neither writes anything', async () => {
    const source = await from.add(index, '1.2');
    const directory = join(setUp.sandbox.directory, 'out');
    await mkdir(directory);
    for (const place of [`oci:${directory}/layout`, `oci-archive:${directory}/file.tar`]) {
      const refused = await setUp.run('copy', source, place, '--platform', 'linux/riscv64');
      expect(refused).toMatchObject({ code: 5, stdout: '' });
      expect(refused.stderr).toContain('It has linux/amd64, linux/arm64, linux/arm/v7.');
      const missing = await setUp.run('copy', `${from.name}:gone`, place);
      expect(missing).toMatchObject({ code: 3, stdout: '' });
    }
    expect(await readdir(directory)).toEqual([]);
  });
});
