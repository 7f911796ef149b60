import { describe, expect, it } from 'vitest';

import { formatPlatform, type LoosePlatform } from '../../../src/oci/platform.js';
import { makeCommandLine } from '../../support/in-process.js';
import { startRegistry } from '../../support/open-repository.js';
import { tinyImage, tinyIndex } from '../../support/tiny-image.mjs';

const images = (['amd64', 'arm64', 's390x'] as const).map((architecture) => tinyImage({ architecture }));

/** A draft `app:1` of `app:all`, which has three images with attestations. */
async function start() {
  const registry = await startRegistry();
  registry.put('app', tinyIndex(images, { attestations: true }), 'all');
  const app = `${registry.host}/app`;
  const commandLine = await makeCommandLine();
  await commandLine.run(['create', `${app}:1`, `${app}:all`]);
  /** The platforms of all entries; the text output of `ls` omits attestations. */
  const platforms = async (): Promise<string> => {
    const drafts = JSON.parse((await commandLine.run(['ls', '--json'])).stdout) as {
      entries: { descriptor: { platform: LoosePlatform } }[];
    }[];
    return drafts
      .flatMap(({ entries }) => entries.map(({ descriptor }) => formatPlatform(descriptor.platform)))
      .join(', ');
  };
  return { app, platforms, ...commandLine };
}

describe('remove', () => {
  it('removes images with their attestations, and prints nothing', async () => {
    const { app, platforms, run } = await start();
    const argv = ['remove', `${app}:1`, 'linux/amd64', images[2]?.manifest.digest ?? ''];
    expect(await run(argv)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await platforms()).toBe('linux/arm64, unknown/unknown');
  });

  it('prints the draft with --json', async () => {
    const { app, run } = await start();
    const { stdout } = await run(['remove', `${app}:1`, `${app}:all`, '--json']);
    expect(JSON.parse(stdout)).toEqual({ target: `${app}:1`, format: 'auto', entries: [] });
  });

  it.each([
    [(app: string) => [`${app}:1`, 'linux/amd64', 'linux/arm/v7'], 'linux/arm/v7'],
    [(app: string) => [`${app}:1`, 'linux/amd64', `${app}:nowhere`], 'nowhere'],
    [(app: string) => [`${app}:2`, 'linux/amd64'], 'multiarch create'],
  ])('removes nothing if one is missing', async (argv, named) => {
    const { app, platforms, run } = await start();
    const before = await platforms();
    const { code, stdout, stderr } = await run(['remove', ...argv(app)]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain(named);
    expect(await platforms()).toBe(before);
  });
});
