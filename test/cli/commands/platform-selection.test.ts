import { describe, expect, it } from 'vitest';

import { amd64, arm64, armv7, pair, s390x } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';
import type { MemoryRegistry } from '../../support/memory-registry.js';
import { tinyImage, tinyIndex } from '../../support/tiny-image.mjs';

const OCI_INDEX = pair.mediaType;

interface Entry {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: object;
}

const entryOf = ({ mediaType, digest, size }: Entry): Entry => ({ mediaType, digest, size });

/** Stores an index of these entries, and returns its entry for another index. */
function putIndex(registry: MemoryRegistry, manifests: readonly Entry[], tag?: string): Entry {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  registry.putManifest('app', bytes, OCI_INDEX, tag);
  return { mediaType: OCI_INDEX, digest: registry.putManifest('app', bytes, OCI_INDEX), size: bytes.length };
}

/** A registry with indexes whose images are found in other ways than by their entries. */
async function start() {
  const made = await startCommandLine({ images: { pair, amd64, arm64, armv7, s390x } });
  const { registry } = made;
  const withoutPlatforms = [arm64, s390x].map(({ manifest }) => entryOf(manifest));
  const stated = { ...entryOf(amd64.manifest), platform: { ...amd64.platform } };
  putIndex(registry, [entryOf(pair), stated], 'nested');
  putIndex(registry, withoutPlatforms, 'unstated');
  const inner = putIndex(registry, withoutPlatforms);
  putIndex(registry, [stated, inner], 'both');
  putIndex(registry, [putIndex(registry, [inner])], 'deep');
  const older = { ...entryOf(armv7.manifest), platform: { ...armv7.platform } };
  putIndex(registry, [older, inner], 'compatible');
  registry.clearLog();
  return made;
}

describe('an image for a platform', () => {
  it.each(['nested', 'unstated', 'both', 'deep', 'compatible'])(
    'in the index %s is found alike by copy, inspect --platform and inspect --require',
    async (tag) => {
      const { app, run } = await start();
      const platform = ['--platform', 'linux/arm64'];
      const copied = await run(['copy', `${app}:${tag}`, `${app}:copy`, ...platform]);
      expect(copied).toMatchObject({ code: 0, stdout: `${arm64.manifest.digest}\n` });

      const shown = await run(['inspect', '--raw', `${app}:${tag}`, ...platform]);
      expect(shown.stderr).toBe('');
      expect(shown.bytes.equals(arm64.manifest.bytes)).toBe(true);
      expect(await run(['inspect', `${app}:${tag}`, '--require', 'linux/arm64'])).toMatchObject({
        code: 0,
        stderr: '',
      });
      const config = await run(['inspect', '--config', '--raw', `${app}:${tag}`, ...platform]);
      expect(config.bytes.equals(arm64.config.bytes)).toBe(true);
      const table = await run(['inspect', '--format=table', `${app}:${tag}`, ...platform]);
      expect(table.stdout).toMatch(/^Platform: +linux\/arm64$/m);
      const entry = await run(['inspect', '--raw', '--published', `${app}:${tag}`, 'linux/arm64']);
      expect(entry.bytes.equals(arm64.manifest.bytes)).toBe(true);
    },
  );

  it.each(['nested', 'unstated', 'both', 'deep'])(
    'that the index %s lacks is missed alike, with the same platforms in the hint',
    async (tag) => {
      const { app, run } = await start();
      const copied = await run(['copy', `${app}:${tag}`, `${app}:copy`, '--platform', 'linux/riscv64']);
      const required = await run(['inspect', `${app}:${tag}`, '--require', 'linux/riscv64']);
      expect([copied.code, required.code]).toEqual([5, 5]);
      expect(required.stderr).toBe(copied.stderr);
      const shown = await run(['inspect', `${app}:${tag}`, '--platform', 'linux/riscv64']);
      expect(shown.code).toBe(3);
      expect(shown.stderr).toBe(copied.stderr);
    },
  );

  it('is not looked for in configs if the index states it', async () => {
    const { app, run, registry } = await start();
    await run(['inspect', `${app}:pair`, '--require', 'linux/arm64']);
    expect(registry.lines()).toEqual(['GET /v2/app/manifests/pair 200']);
  });

  it('is found with fewer features than the index states, as copy finds it', async () => {
    const { app, run, registry } = await start();
    const image = tinyImage({ architecture: 'amd64', os: 'linux', osFeatures: ['gpu'] });
    registry.put('app', tinyIndex([image]), 'features');
    const platform = ['--platform', 'linux/amd64'];
    const copied = await run(['copy', `${app}:features`, `${app}:copy`, ...platform]);
    expect(copied.stdout).toBe(`${image.manifest.digest}\n`);
    const shown = await run(['inspect', '--raw', `${app}:features`, ...platform]);
    expect(shown.bytes.equals(image.manifest.bytes)).toBe(true);
  });

  it('in a nested index of a draft is found by inspect and by push --require', async () => {
    const { app, run } = await start();
    await run(['create', `${app}:1`, '--from', `${app}:nested`]);
    const shown = await run(['inspect', '--raw', `${app}:1`, '--platform', 'linux/arm64']);
    expect(shown.bytes.equals(arm64.manifest.bytes)).toBe(true);
    expect((await run(['inspect', `${app}:1`, '--require', 'linux/arm64'])).code).toBe(0);
    expect((await run(['push', `${app}:1`, '--require', 'linux/arm64'])).code).toBe(0);
    expect((await run(['push', `${app}:1`, '--require', 'linux/s390x'])).code).toBe(5);
  });
});

describe.each([[[]], [['--push']]])('create --require %j', (flags) => {
  it.each(['nested', 'unstated', 'both', 'deep'])('finds an image that --from %s has', async (tag) => {
    const { app, run } = await start();
    const create = (platforms: string) =>
      run(['create', `${app}:1`, '--from', `${app}:${tag}`, '--require', platforms, ...flags]);
    expect((await create('linux/arm64,linux/riscv64')).code).toBe(5);
    expect(await create('linux/arm64')).toMatchObject({ code: 0 });
  });

  it('finds an image in a nested index of the draft that is amended', async () => {
    const { app, run } = await start();
    await run(['create', `${app}:1`, '--from', `${app}:nested`]);
    const amend = (platforms: string) =>
      run(['create', `${app}:1`, `${app}:s390x`, '--amend', '--require', platforms, ...flags]);
    expect(await amend('linux/arm64,linux/riscv64')).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('hint: It has linux/amd64, linux/s390x, linux/arm64.'),
    });
    expect(await amend('linux/amd64,linux/arm64,linux/s390x')).toMatchObject({ code: 0 });
  });
});

describe('create --from an image', () => {
  it.each([
    ['its own tag', (app: string) => [`${app}:arm64`, `${app}:arm64`]],
    ['another tag', (app: string) => [`${app}:1`, `${app}:arm64`]],
    ['a digest', (app: string) => [`${app}:1`, `${app}@${arm64.manifest.digest}`]],
    ['an explicit registry', (app: string) => [`${app}:1`, `docker://${app}:arm64`]],
  ])('starts with the image as the only entry: %s', async (_, names) => {
    const { app, run, registry } = await start();
    const [list = '', from = ''] = names(app);
    const argv = ['create', list, '--from', from, `${app}:amd64`, '--push', '--purge'];
    expect(await run(argv)).toMatchObject({ code: 0 });
    const tag = list.slice(list.lastIndexOf(':') + 1);
    const { manifests } = JSON.parse(registry.manifest('app', tag)?.bytes.toString() ?? '') as {
      manifests: Entry[];
    };
    expect(manifests).toEqual([
      { ...entryOf(arm64.manifest), platform: arm64.platform },
      { ...entryOf(amd64.manifest), platform: amd64.platform },
    ]);
  });

  it('expects that its own tag has not moved', async () => {
    const { app, run, registry } = await start();
    await run(['create', `${app}:arm64`, '--from', `${app}:arm64`]);
    registry.put('app', s390x, 'arm64');
    const { code, stderr } = await run(['push', `${app}:arm64`]);
    expect(code).toBe(7);
    expect(stderr).toContain(arm64.manifest.digest);
  });

  it('reads no draft of that name', async () => {
    const { app, run } = await start();
    await run(['create', `${app}:arm64`, `${app}:amd64`]);
    await run(['create', `${app}:1`, '--from', `${app}:arm64`]);
    expect((await run(['inspect', `${app}:1`])).stdout).toContain(arm64.manifest.digest);
  });
});
