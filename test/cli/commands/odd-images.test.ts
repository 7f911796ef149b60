import { describe, expect, it } from 'vitest';

import { digestOf } from '../../../src/oci/digest.js';
import { DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../../../src/oci/media-type.js';
import { amd64, arm64, armv7 } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';
import { tinyIndex, type TinyBlob, type TinyImage, type TinyIndex } from '../../support/tiny-image.mjs';

type Json = Readonly<Record<string, unknown>>;

function blobOf(mediaType: string, json: unknown): TinyBlob {
  const bytes = Buffer.from(JSON.stringify(json));
  return { mediaType, bytes, digest: digestOf(bytes), size: bytes.length };
}

const jsonOf = ({ bytes }: Pick<TinyBlob, 'bytes'>): Json =>
  JSON.parse(Buffer.from(bytes).toString('utf8')) as Json;

const descriptorOf = ({ mediaType, digest, size }: TinyBlob): Json => ({ mediaType, digest, size });

/** An image whose config and manifest are changed in these members. */
function changed(image: TinyImage, config: Json, manifest: Json = {}): TinyImage {
  const newConfig = blobOf(image.config.mediaType, { ...jsonOf(image.config), ...config });
  const type = typeof manifest['mediaType'] === 'string' ? manifest['mediaType'] : OCI_MANIFEST;
  return {
    manifest: blobOf(type, { ...jsonOf(image.manifest), config: descriptorOf(newConfig), ...manifest }),
    config: newConfig,
    layers: image.layers,
  };
}

/** An index whose entries are changed in these members, in order. */
function indexWith(images: readonly TinyImage[], ...entries: readonly Json[]): TinyIndex {
  const index = tinyIndex(images);
  const manifests = (jsonOf(index)['manifests'] as readonly Json[]).map((entry, position) => ({
    ...entry,
    ...entries[position],
  }));
  return { ...index, ...blobOf(OCI_INDEX, { ...jsonOf(index), manifests }) };
}

/** Starts a registry with an image or index under `odd`, and amd64 and arm64. */
async function start(odd: TinyImage | TinyIndex) {
  const { app, registry, run } = await startCommandLine({ images: { odd, amd64, arm64 } });
  const published = (tag: string): Json[] =>
    jsonOf(registry.manifest('app', tag) ?? { bytes: Buffer.from('{}') })['manifests'] as Json[];
  return { app, run, published };
}

describe('an image whose config states its platform by another name', () => {
  it.each([
    [{ architecture: 'aarch64' }, 'linux/aarch64', 'linux/arm64', { architecture: 'arm64', os: 'linux' }],
    [
      { architecture: 'arm64', variant: 'armv8' },
      'linux/arm64/armv8',
      'linux/arm64/v8',
      { architecture: 'arm64', os: 'linux', variant: 'v8' },
    ],
    [{ os: 'linux ' }, 'linux /arm64', 'linux/arm64', { architecture: 'arm64', os: 'linux' }],
    [{ variant: 'v7' }, 'linux/arm64/v7', 'linux/arm64', { architecture: 'arm64', os: 'linux' }],
  ])('is published by the name that clients look for: %o', async (config, stated, used, platform) => {
    const { app, run, published } = await start(changed(arm64, config));
    const argv = ['create', `${app}:1`, `${app}:odd`, '--push', '--require', 'linux/arm64'];
    const { code, stderr } = await run(argv);
    expect({ code, stderr: stderr.split('\n').filter((line) => line.startsWith('warning')) }).toEqual({
      code: 0,
      stderr: [
        `warning: the config of ${app}:odd states the platform ${JSON.stringify(stated)}; it is read as ${used}`,
      ],
    });
    expect(published('1').map((entry) => entry['platform'])).toEqual([platform]);
    expect((await run(['inspect', `${app}:odd`, '--require', 'linux/arm64'])).code).toBe(0);
  });

  it('does not satisfy a requirement by a name that no client knows', async () => {
    const { app, run } = await start(changed(amd64, { architecture: 'x64' }));
    const created = await run(['create', `${app}:1`, `${app}:odd`]);
    const warning = `warning: ${app}:odd: the platform is "linux/x64", which clients do not look for; probably linux/amd64 is meant\n`;
    expect(created.code).toBe(0);
    expect(created.stderr).toContain(warning);
    const pushed = await run(['push', `${app}:1`]);
    expect(pushed.code).toBe(0);
    expect(pushed.stderr).toContain(warning);
    expect((await run(['push', `${app}:1`, '--require', 'linux/amd64'])).code).toBe(5);
  });
});

describe('an index with platforms that no client finds', () => {
  it('keeps their bytes, with a warning', async () => {
    const platform = { architecture: 'AMD64', os: 'linux' };
    const { app, run, published } = await start(indexWith([amd64, arm64], { platform }));
    const { code, stderr } = await run(['create', `${app}:1`, `${app}:odd`, '--annotation', 'a=b', '--push']);
    expect(code).toBe(0);
    expect(stderr).toContain(
      'the platform is "linux/AMD64", which clients do not look for; probably linux/amd64',
    );
    expect(published('1')[0]?.['platform']).toEqual(platform);
    const checked = await run(['validate', `${app}:odd`]);
    expect(checked).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('valid image-index') as string,
    });
    expect(checked.stderr).toContain('warning: /manifests/0/platform: is "linux/AMD64"');
    const required = await run(['inspect', `${app}:odd`, '--require', 'linux/amd64']);
    expect(required.code).toBe(0);
    expect(required.stderr).toContain(`warning: ${app}:odd: /manifests/0/platform is "linux/AMD64"`);
    expect((await run(['inspect', `${app}:odd`])).stderr).toBe('');
  });

  it('cannot be published with the variant of another architecture', async () => {
    const platform = { architecture: 'arm64', os: 'linux', variant: 'v7' };
    const { app, run } = await start(indexWith([amd64, arm64], {}, { platform }));
    expect((await run(['create', `${app}:1`, `${app}:odd`, '--annotation', 'a=b'])).stderr).toContain(
      'the variant is "v7", which is not a variant of arm64',
    );
    const pushed = await run(['push', `${app}:1`]);
    expect(pushed.code).toBe(5);
    expect(pushed.stderr).toContain('--unset variant');
    const checked = await run(['validate', `${app}:odd`]);
    expect(checked.code).toBe(5);
    expect(checked.stderr).toContain('/manifests/1/platform/variant: is "v7"');
    await run(['annotate', `${app}:1`, 'linux/arm64/v7', '--unset', 'variant']);
    expect((await run(['push', `${app}:1`])).code).toBe(0);
  });
});

describe('an index with several images of one platform', () => {
  const zstd = { annotations: { 'io.github.containers.compression.zstd': 'true' } };
  const linux = { platform: { architecture: 'amd64', os: 'linux' } };

  it('is published if annotations tell them apart', async () => {
    const { app, run, published } = await start(indexWith([amd64, arm64], {}, { ...linux, ...zstd }));
    expect(await run(['validate', `${app}:odd`])).toMatchObject({ code: 0, stderr: '' });
    const argv = ['create', `${app}:1`, '--from', `${app}:odd`, '--annotation', 'a=b', '--push'];
    const { code, stderr } = await run(argv);
    expect(code).toBe(0);
    expect(stderr).not.toContain('warning');
    expect(published('1')).toHaveLength(2);
  });

  it('is published with a warning if no known client selects by the annotations', async () => {
    const flavor = { annotations: { 'com.example.flavor': 'debug' } };
    const { app, run, published } = await start(indexWith([amd64, arm64], {}, { ...linux, ...flavor }));
    expect(await run(['validate', `${app}:odd`])).toMatchObject({
      code: 0,
      stderr:
        'warning: /manifests/1/platform: is linux/amd64, as is that of entry 0: only annotations tell them apart, which most clients ignore [platform/shared]\n',
    });
    const { code, stderr } = await run(['create', `${app}:1`, `${app}:odd`, '--annotation', 'a=b', '--push']);
    expect(code).toBe(0);
    expect(stderr.match(/warning: only annotations, which most clients ignore/g)).toHaveLength(1);
    expect(published('1')).toHaveLength(2);
  });

  it('is valid with a warning otherwise, and not published by accident', async () => {
    const { app, run } = await start(indexWith([amd64, arm64], {}, linux));
    const checked = await run(['validate', `${app}:odd`]);
    expect(checked.code).toBe(0);
    expect(checked.stderr).toBe(
      'warning: /manifests/1/platform: is linux/amd64, as is that of entry 0 [platform/duplicate]\n',
    );
    await run(['create', `${app}:1`, `${app}:odd`, '--annotation', 'a=b']);
    const pushed = await run(['push', `${app}:1`]);
    expect(pushed.code).toBe(5);
    expect(pushed.stderr).toMatch(/hint: .*annotate \S+ IMAGE --arch ARCH.*--allow-duplicate-platforms/);
    expect((await run(['push', `${app}:1`, '--allow-duplicate-platforms'])).code).toBe(0);
  });
});

describe('an image', () => {
  it('with null instead of text is read', async () => {
    const odd = changed(amd64, { created: null, author: null, variant: null, 'os.version': null });
    const { app, run, published } = await start(odd);
    expect((await run(['create', `${app}:1`, `${app}:odd`, '--push'])).code).toBe(0);
    expect(published('1')[0]?.['platform']).toEqual({ architecture: 'amd64', os: 'linux' });
  });

  it('with an invalid config is named in the message', async () => {
    const { app, run } = await start(changed(amd64, { variant: 8 }));
    const { code, stderr } = await run(['create', `${app}:1`, `${app}:odd`]);
    expect(code).toBe(5);
    expect(stderr).toContain(`the config of ${app}:odd is not valid: /variant must be a string`);
  });

  it('without layers is valid with a warning', async () => {
    const { app, run } = await start(changed(amd64, {}, { layers: [] }));
    const { code, stdout, stderr } = await run(['validate', `${app}:odd`]);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/: valid image-manifest \(sha256:\w+, 0 layers\)\n$/) as string,
    });
    expect(stderr).toContain('warning: /layers: has no elements');
  });

  it('with media types of OCI and Docker is warned of', async () => {
    const { app, run } = await start(changed(amd64, {}, { mediaType: DOCKER_MANIFEST }));
    const { code, stderr } = await run(['create', `${app}:1`, `${app}:odd`]);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /warning: \S+:odd: \/config\/mediaType is application\/vnd\.oci\S+ in a Docker manifest/,
    );
    expect((await run(['validate', `${app}:odd`])).stderr).toContain('[media-type/mixed]');
  });
});

describe('a source that is not an image', () => {
  const cache = blobOf('application/vnd.buildkit.cacheconfig.v0', { layers: [], records: [] });

  it.each([
    ['a manifest', { ...changed(amd64, {}, { config: descriptorOf(cache) }), config: cache }],
    [
      'an index',
      indexWith([amd64, arm64], descriptorOf(amd64.layers[0] ?? cache), {
        ...descriptorOf(cache),
        platform: null,
      }),
    ],
  ])('is a build cache: %s', async (_, odd) => {
    const { registry, app, run } = await startCommandLine({ registry: { requireChildren: false } });
    registry.put('app', odd, 'cache');
    const { code, stderr } = await run(['create', `${app}:1`, `${app}:cache`]);
    expect(code).toBe(5);
    expect(stderr).toContain(`${app}:cache is a build cache of BuildKit, not an image\nhint: `);
  });
});

describe('an index with stale data', () => {
  it('is copied as it is, and loses the data in a smaller index', async () => {
    const { app, run, published } = await start(indexWith([amd64, arm64, armv7], { data: 'e30=' }));
    const copy = ['copy', `${app}:odd`, `${app}:1`, '--platform'];
    const whole = await run([...copy, 'linux/amd64,linux/arm64,linux/arm/v7']);
    expect({ code: whole.code, hasWarned: whole.stderr.includes('warning') }).toEqual({
      code: 0,
      hasWarned: false,
    });
    expect(published('1')[0]).toHaveProperty('data');
    const part = await run([...copy, 'linux/amd64,linux/arm64']);
    expect(part.stderr).toContain('which is left out');
    expect(published('1')[0]).not.toHaveProperty('data');
  });

  it('loses the data in a new index, with a warning', async () => {
    const { app, run, published } = await start(indexWith([amd64, arm64], { data: 'e30=' }));
    for (const source of [[`${app}:odd`], ['--from', `${app}:odd`]]) {
      const argv = ['create', `${app}:1`, ...source, '--annotation', 'a=b', '--push'];
      const { code, stderr } = await run(argv);
      expect(code).toBe(0);
      expect(stderr).toMatch(/warning: \S+:odd has stale data for sha256:\w+, which is left out/);
      expect(published('1')[0]).not.toHaveProperty('data');
      await run(['rm', `${app}:1`]);
    }
  });
});
