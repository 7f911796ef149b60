import { describe, expect, it } from 'vitest';

import { startCommandLine } from '../../support/in-process.js';
import { tinyImage } from '../../support/tiny-image.mjs';

/** A draft `app:1` of `app:arm64` and `app:windows`. */
async function start() {
  const images = {
    arm64: tinyImage({ architecture: 'arm64', variant: 'v8' }),
    windows: tinyImage({
      architecture: 'amd64',
      os: 'windows',
      osVersion: '10.0.1',
      osFeatures: ['win32k'],
    }),
  };
  const { app, run } = await startCommandLine({ images });
  await run(['create', `${app}:1`, `${app}:arm64`, `${app}:windows`]);
  const index = async (): Promise<unknown> => JSON.parse((await run(['inspect', `${app}:1`])).stdout);
  const platforms = async (): Promise<unknown[]> =>
    ((await index()) as { manifests: { platform: unknown }[] }).manifests.map(({ platform }) => platform);
  return { app, index, platforms, run };
}

const ARM64 = { architecture: 'arm64', os: 'linux', variant: 'v8' };
const WINDOWS = { architecture: 'amd64', os: 'windows', 'os.version': '10.0.1', 'os.features': ['win32k'] };

describe('annotate', () => {
  it.each([
    { flags: ['--os', 'freebsd', '--arch', 'arm64'], platform: { ...ARM64, os: 'freebsd' } },
    { flags: ['--variant', 'v9'], platform: { ...ARM64, variant: 'v9' } },
    { flags: ['--variant', 'v9', '--variant=v9'], platform: { ...ARM64, variant: 'v9' } },
    { flags: ['--variant', ''], platform: { architecture: 'arm64', os: 'linux' } },
    { flags: ['--os-version=', '--os-features='], platform: ARM64 },
    { flags: ['--annotation', 'k='], platform: ARM64 },
    { flags: ['--os-version', '1.10'], platform: { ...ARM64, 'os.version': '1.10' } },
    {
      flags: ['--os-features', 'a,b', '--os-features', 'c'],
      platform: { ...ARM64, 'os.features': ['a', 'b', 'c'] },
    },
    { flags: ['--unset', 'variant'], platform: { architecture: 'arm64', os: 'linux' } },
    { flags: ['--unset', 'variant', '--variant', 'v9'], platform: { ...ARM64, variant: 'v9' } },
  ])('$flags', async ({ flags, platform }) => {
    const { app, run, platforms } = await start();
    const argv = ['annotate', `${app}:1`, `${app}:arm64`, ...flags];
    expect(await run(argv)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await platforms()).toEqual([platform, WINDOWS]);
  });

  it.each([
    ['--os=', /the os is empty.*\nhint: .*--unset os/],
    ['--arch=', /the architecture is empty.*\nhint: .*--unset arch/],
    ['--unset=', /--unset is empty/],
  ])('rejects %s', async (flag, message) => {
    const { app, run, platforms } = await start();
    const { code, stdout, stderr } = await run(['annotate', `${app}:1`, `${app}:arm64`, flag]);
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr).toMatch(message);
    expect(await platforms()).toEqual([ARM64, WINDOWS]);
  });

  it('removes the fields of empty options', async () => {
    const { app, run, platforms } = await start();
    const argv = ['annotate', `${app}:1`, `${app}:windows`, '--os-version=', '--os-features='];
    expect(await run(argv)).toMatchObject({ code: 0, stderr: '' });
    expect(await platforms()).toEqual([ARM64, { architecture: 'amd64', os: 'windows' }]);
    await run(['annotate', `${app}:1`, `${app}:windows`, '--os-features=a', '--annotation', 'k=']);
    expect(JSON.stringify(await platforms())).toContain('"os.features":["a"]');
  });

  it('drops the variant of the source with its architecture, with a notice', async () => {
    const { app, run, platforms } = await start();
    const { code, stderr } = await run(['annotate', `${app}:1`, `${app}:arm64`, '--arch', 'amd64']);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: `warning: ${app}:arm64: its variant v8 belongs to linux/arm64/v8 and is dropped\n`,
    });
    expect(await platforms()).toEqual([{ architecture: 'amd64', os: 'linux' }, WINDOWS]);
    expect((await run(['push', `${app}:1`])).code).toBe(0);
  });

  it.each([
    [['--variant', 'v7'], 'linux/arm64/v7'],
    [['--arch', 'amd64', '--variant', 'v8'], 'linux/amd64/v8'],
  ])('rejects the variant of another architecture: %j', async (flags, platform) => {
    const { app, run, platforms } = await start();
    const { code, stderr } = await run(['annotate', `${app}:1`, `${app}:arm64`, ...flags]);
    expect(code).toBe(125);
    expect(stderr).toContain(`unsupported variant: ${platform}\nhint: `);
    expect(await platforms()).toEqual([ARM64, WINDOWS]);
  });

  it('warns of a variant that clients do not look for', async () => {
    const { app, run, platforms } = await start();
    const argv = ['annotate', `${app}:1`, `${app}:arm64`, '--arch', 'arm', '--variant', '7'];
    const { code, stderr } = await run(argv);
    expect(code).toBe(0);
    expect(stderr).toContain(
      `warning: ${app}:arm64: the platform is "linux/arm/7", which clients do not look for; probably linux/arm/v7 is meant\n`,
    );
    expect(await platforms()).toEqual([{ architecture: 'arm', os: 'linux', variant: '7' }, WINDOWS]);
    expect((await run(['push', `${app}:1`])).stderr).toContain('probably linux/arm/v7 is meant');
  });

  it('clears fields, and adds features to existing ones', async () => {
    const { app, run, platforms } = await start();
    await run(['annotate', '--os-features=x', `${app}:1`, `${app}:windows`, '--unset', 'os-version']);
    expect(await platforms()).toEqual([
      ARM64,
      { architecture: 'amd64', os: 'windows', 'os.features': ['win32k', 'x'] },
    ]);
    await run(['annotate', `${app}:1`, `${app}:windows`, '--unset', 'os-features,os-version']);
    expect(await platforms()).toEqual([ARM64, { architecture: 'amd64', os: 'windows' }]);
  });

  it.each(['linux/arm64', 'linux/arm64/v8'])('finds an image by its platform %s', async (platform) => {
    const { app, run, platforms } = await start();
    expect((await run(['annotate', `${app}:1`, platform, '--variant', 'v9'])).code).toBe(0);
    expect(await platforms()).toEqual([{ ...ARM64, variant: 'v9' }, WINDOWS]);
  });

  it('sets and clears annotations of an image', async () => {
    const { app, run, index } = await start();
    await run(['annotate', `${app}:1`, `${app}:arm64`, '--annotation', 'a=1', '--annotation', 'b=2']);
    await run(['annotate', `${app}:1`, `${app}:arm64`, '--unset', 'a']);
    expect(await index()).toMatchObject({ manifests: [{ annotations: { b: '2' } }, {}] });
  });

  it('annotates the index without an image', async () => {
    const { app, run, index } = await start();
    await run(['annotate', `${app}:1`, '--annotation', 'a=1', '--annotation', 'b=2']);
    await run(['annotate', `${app}:1`, '--unset', 'a,c']);
    expect(await index()).toMatchObject({ annotations: { b: '2' } });
  });

  it('annotates images by target', async () => {
    const { app, run, index } = await start();
    const flags = ['manifest:a=1', 'manifest[linux/arm64]:b=2', 'index:c=3', 'd=4'];
    await run(['annotate', `${app}:1`, ...flags.map((flag) => `--annotation=${flag}`)]);
    expect(await index()).toMatchObject({
      annotations: { c: '3', d: '4' },
      manifests: [{ annotations: { a: '1', b: '2' } }, { annotations: { a: '1' } }],
    });
  });

  it.each(['index:a=1', 'manifest:a=1', 'manifest[linux/arm64]:a=1'])(
    'rejects %s together with an image',
    async (annotation) => {
      const { app, run } = await start();
      const argv = ['annotate', `${app}:1`, `${app}:arm64`, '--annotation', annotation];
      expect(await run(argv)).toMatchObject({
        code: 125,
        stdout: '',
        stderr: expect.stringContaining(`--annotation ${annotation} names a target`),
      });
    },
  );

  it('changes nothing if one target is missing', async () => {
    const { app, run, index } = await start();
    const flags = ['--annotation=a=1', '--annotation=manifest[linux/s390x]:b=2'];
    expect(await run(['annotate', `${app}:1`, ...flags])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('has no image for linux/s390x'),
    });
    expect(await index()).not.toHaveProperty('annotations');
  });

  it('warns that a Docker manifest list cannot have annotations', async () => {
    const { app, run } = await start();
    await run(['create', `${app}:1`, '--amend', '--format', 'docker']);
    const { code, stderr } = await run(['annotate', `${app}:1`, '--annotation', 'a=1']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: .*Docker manifest list.* --format oci`.*\.\n$/);
  });

  it('prints the draft with --json', async () => {
    const { app, run } = await start();
    const { stdout } = await run(['annotate', `${app}:1`, `${app}:arm64`, '--variant', 'v9', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      reference: `${app}:1`,
      entries: [{ source: `${app}:arm64`, descriptor: { platform: { variant: 'v9' } } }, {}],
    });
  });

  it.each([
    [['--variant', 'v9'], '--variant'],
    [['--os', 'linux', '--arch', 'amd64'], '--os, --arch'],
    [['--os-features', 'a'], '--os-features'],
    [['--unset', 'variant,note,os-version'], '--unset variant, --unset os-version'],
  ])('rejects %j for the index, which has no platform', async (flags, named) => {
    const { app, run } = await start();
    expect(await run(['annotate', `${app}:1`, ...flags])).toMatchObject({
      code: 125,
      stdout: '',
      stderr: `error: ${named} needs an image: the index itself has no platform\nhint: Name the image: multiarch annotate ${app}:1 IMAGE …\n`,
    });
  });

  it.each([
    [
      'an image that is not in the draft',
      (app: string) => [`${app}:1`, `${app}:x`],
      3,
      /^manifest for image \S+\/app:x does not exist in \S+\/app:1\n/,
    ],
    [
      'a missing draft',
      (app: string) => [`${app}:2`, `${app}:arm64`],
      3,
      /^manifest for image \S+\/app:arm64 does not exist in \S+\/app:2\n/,
    ],
    [
      'an os and architecture that do not exist',
      (app: string) => [`${app}:1`, `${app}:arm64`, '--os=toaster'],
      125,
      /^manifest entry for image has unsupported os\/arch combination: toaster\/arm64\n/,
    ],
  ] as const)("rejects %s with docker's message", async (_what, argv, code, message) => {
    const { app, run, platforms } = await start();
    const result = await run(['annotate', ...argv(app), '--variant', 'v9']);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toMatch(message);
    expect(await platforms()).toEqual([ARM64, WINDOWS]);
  });
});
