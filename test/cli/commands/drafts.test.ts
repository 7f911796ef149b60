import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { formatPlatform, type LoosePlatform } from '../../../src/oci/platform.js';
import { armv7 } from '../../support/images.js';
import { makeCommandLine, OK, startCommandLine } from '../../support/in-process.js';
import { tinyImage, tinyIndex } from '../../support/tiny-image.mjs';

async function start() {
  const commandLine = await makeCommandLine();
  for (const list of ['b:1.10', 'a:1', 'c:2']) await commandLine.run(['create', list]);
  const names = async (): Promise<string[]> =>
    (await commandLine.run(['ls', '-q'])).stdout.split('\n').filter((line) => line !== '');
  return { names, ...commandLine };
}

describe('ls', () => {
  it('prints a line for each draft, with its platforms', async () => {
    const odd = tinyImage({ architecture: 'amd64', omitPlatform: true });
    const { app, run } = await startCommandLine({ images: { armv7, odd } });
    await run(['create', 'app:1', `${app}:armv7`, `${app}:odd`]);
    await run(['create', 'app:2']);
    expect(await run(['ls'])).toMatchObject({
      code: 0,
      stdout: 'docker.io/library/app:1  linux/arm/v7, no platform\ndocker.io/library/app:2  (empty)\n',
      stderr: '',
    });
  });

  it('shows Windows versions, and omits attestations', async () => {
    const windows = tinyImage({ architecture: 'amd64', os: 'windows', osVersion: '10.0.17763.4377' });
    const index = tinyIndex([windows], { attestations: true });
    const { app, run } = await startCommandLine({ images: { index } });
    await run(['create', 'app:1', `${app}:index`]);
    expect((await run(['ls'])).stdout).toBe('docker.io/library/app:1  windows(10.0.17763.4377)/amd64\n');
  });

  it('prints only sorted names with -q', async () => {
    const { run } = await start();
    expect((await run(['ls', '-q'])).stdout).toBe(
      'docker.io/library/a:1\ndocker.io/library/b:1.10\ndocker.io/library/c:2\n',
    );
  });

  it('prints nothing without drafts', async () => {
    const { run } = await makeCommandLine();
    expect(await run(['ls'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  it('prints all drafts with --json', async () => {
    const { run } = await start();
    expect(JSON.parse((await run(['ls', '--json'])).stdout)).toEqual({
      ...OK,
      drafts: ['a:1', 'b:1.10', 'c:2'].map((name) => ({
        reference: `docker.io/library/${name}`,
        state: 'draft',
        format: 'auto',
        entries: [],
      })),
      damaged: [],
    });
  });

  it('lists valid drafts, and reports the file of a damaged one', async () => {
    const { directory, run } = await start();

    const files = await readdir(join(directory, 'drafts'));
    const file = join(directory, 'drafts', files.find((name) => name.includes('1.10')) ?? '');
    await writeFile(file, '{"half":');
    const { code, stdout, stderr } = await run(['ls', '-q']);
    expect({ code, stdout }).toEqual({ code: 5, stdout: 'docker.io/library/a:1\ndocker.io/library/c:2\n' });
    expect(stderr).toMatch(/^error: the draft in /);
    expect(stderr.split(file)).toHaveLength(2);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('rm', () => {
  it('deletes drafts and prints nothing, as docker', async () => {
    const { names, run } = await start();
    expect(await run(['rm', 'b:1.10', 'docker.io/library/a:1'])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: '',
    });
    expect(await names()).toEqual(['docker.io/library/c:2']);
  });

  it('deletes all drafts with --all', async () => {
    const { names, run } = await start();
    expect(await run(['rm', '--all'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await names()).toEqual([]);
  });

  it('deletes existing drafts, and reports missing ones', async () => {
    const { names, run } = await start();
    const { code, stdout, stderr } = await run(['rm', 'x:1', 'a:1', 'y:1']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/^No such manifest: \S*x:1\nNo such manifest: \S*y:1\n/);
    expect(await names()).toEqual(['docker.io/library/b:1.10', 'docker.io/library/c:2']);
  });

  it.each([
    [[], 'no draft named'],
    [['--all', 'a:1'], '--all and names of drafts exclude each other'],
  ])('%j', async (argv, message) => {
    const { names, run } = await start();
    expect(await run(['rm', ...argv])).toMatchObject({
      code: 125,
      stdout: '',
      stderr: `error: ${message}\nhint: Name the drafts to delete, or delete all with --all.\n`,
    });
    expect(await names()).toHaveLength(3);
  });
});

const images = (['amd64', 'arm64', 's390x'] as const).map((architecture) => tinyImage({ architecture }));

/** A draft `app:1` of `app:all`, which has three images with attestations. */
async function startWithImages() {
  const { app, run } = await startCommandLine({
    images: { all: tinyIndex(images, { attestations: true }) },
  });
  await run(['create', `${app}:1`, `${app}:all`]);
  /** The platforms of all entries; the text output of `ls` omits attestations. */
  const platforms = async (): Promise<string> => {
    const { drafts } = JSON.parse((await run(['ls', '--json'])).stdout) as {
      drafts: { entries: { descriptor: { platform: LoosePlatform } }[] }[];
    };
    return drafts
      .flatMap(({ entries }) => entries.map(({ descriptor }) => formatPlatform(descriptor.platform)))
      .join(', ');
  };
  return { app, platforms, run };
}

describe('remove', () => {
  it('removes images with their attestations, and prints nothing', async () => {
    const { app, platforms, run } = await startWithImages();
    const argv = ['remove', `${app}:1`, 'linux/amd64', images[2]?.manifest.digest ?? ''];
    expect(await run(argv)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await platforms()).toBe('linux/arm64, unknown/unknown');
  });

  it('prints the draft with --json', async () => {
    const { app, run } = await startWithImages();
    const { stdout } = await run(['remove', `${app}:1`, `${app}:all`, '--json']);
    expect(JSON.parse(stdout)).toEqual({
      ...OK,
      reference: `${app}:1`,
      state: 'draft',
      format: 'auto',
      entries: [],
    });
  });

  it.each([
    [(app: string) => [`${app}:1`, 'linux/amd64', 'linux/arm/v7'], 'linux/arm/v7'],
    [(app: string) => [`${app}:1`, 'linux/amd64', `${app}:nowhere`], 'nowhere'],
    [(app: string) => [`${app}:2`, 'linux/amd64'], 'multiarch create'],
  ])('removes nothing if one is missing', async (argv, named) => {
    const { app, platforms, run } = await startWithImages();
    const before = await platforms();
    const { code, stdout, stderr } = await run(['remove', ...argv(app)]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain(named);
    expect(await platforms()).toBe(before);
  });
});
