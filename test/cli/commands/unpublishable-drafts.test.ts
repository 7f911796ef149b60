import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { Draft } from '../../../src/drafts/draft.js';
import { arm64, pair } from '../../support/images.js';
import { startCommandLine, type InProcessResult } from '../../support/in-process.js';
import { tinyImage } from '../../support/tiny-image.mjs';

const docker = tinyImage({ architecture: 'amd64', mediaTypes: 'docker' });
const bare = tinyImage({ architecture: 'amd64', omitPlatform: true });
const images = { docker, bare, arm64, pair, again: tinyImage({ architecture: 'arm64', text: 'again\n' }) };

/** By what is wrong with a draft: the arguments of `create` after its name, a part of the message, and the broken rule. */
const DRAFTS: Readonly<
  Record<string, readonly [argv: (app: string) => readonly string[], message: string, rule?: string]>
> = {
  'a Docker list with annotations': [
    (app) => [`${app}:docker`, '--annotation', 'a=b'],
    'is a Docker manifest list (its first image is not an OCI image) and cannot have annotations',
  ],
  'a Docker list by request with annotations': [
    (app) => [`${app}:arm64`, '--annotation', 'a=b', '--format', 'docker'],
    'is a Docker manifest list and cannot have annotations',
  ],
  'a Docker list with annotations of entries': [
    (app) => [`${app}:docker`, '--annotation', 'manifest:a=b'],
    'cannot have annotations of entries',
  ],
  'a Docker list with both': [
    (app) => [`${app}:docker`, '--annotation', 'manifest:a=b', '--annotation', 'a=b'],
    'cannot have annotations, annotations of entries',
  ],
  'a missing platform': [
    (app) => [`${app}:bare`],
    'must have an OS and Architecture to be pushed',
    'platform/missing',
  ],
  'a duplicate platform': [
    (app) => [`${app}:arm64`, `${app}:again`],
    'duplicate platform linux/arm64',
    'platform/duplicate',
  ],
};
const NAMES = Object.keys(DRAFTS);

async function start() {
  const made = await startCommandLine({ images });
  const make = (what: string): readonly string[] => DRAFTS[what]?.[0](made.app) ?? [];
  const create = async (what: string) => made.run(['create', `${made.app}:1`, ...make(what)]);
  return { ...made, make, create };
}

/** Runs one of the commands that a hint names, with values for its placeholders. */
async function runHint(
  { stderr }: InProcessResult,
  run: (argv: readonly string[]) => Promise<InProcessResult>,
  alternative: number,
): Promise<void> {
  const hint = stderr.slice(stderr.indexOf('hint: '));
  const commands = [...hint.matchAll(/`multiarch ([^`]*)`/g)].map(([, command = '']) => command);
  const values: Readonly<Record<string, string>> = {
    KEY: 'a',
    ARCH: 'amd64',
    IMAGE: arm64.manifest.digest,
  };
  const argv = (commands[alternative] ?? '').split(' ').map((word) => values[word] ?? word);
  const { code, stderr: errors } = await run(argv);
  expect({ code, argv, errors }).toMatchObject({ code: 0 });
}

describe.each(NAMES)('a draft with %s', (what) => {
  const [, message = ''] = DRAFTS[what] ?? [];

  it.each([[[]], [['-v']], [['--raw']], [['--format=table']], [['--format=tree']], [['--json']]])(
    'is shown by inspect %j, with a warning',
    async (flags) => {
      const { app, create, run } = await start();
      await create(what);
      const { code, stdout, stderr } = await run(['inspect', `${app}:1`, ...flags]);
      expect(code, stderr).toBe(0);
      expect(stdout).toContain('sha256:');
      expect(stderr).toMatch(/^warning: /);
      expect(stderr).toContain(message);
    },
  );

  it('is compared by diff, with a warning', async () => {
    const { app, create, run } = await start();
    await create(what);
    for (const argv of [[`${app}:1`], [`${app}:pair`, `${app}:1`], [`${app}:1`, `${app}:pair`]]) {
      const { code, stdout, stderr } = await run(['diff', ...argv]);
      expect(code, stderr).toBe(1);
      expect(stdout).toContain('sha256:');
      expect(stderr).toMatch(/^warning: /);
      expect(stderr).toContain(message);
    }
  });

  it('is neither pushed nor copied', async () => {
    const { app, create, run, registry } = await start();
    await create(what);
    const pushed = await run(['push', `${app}:1`]);
    expect(pushed).toMatchObject({ code: 5, stdout: '', stderr: expect.stringContaining(message) });
    expect((await run(['copy', `${app}:1`, `${app}:2`])).code).toBe(3);
    expect(registry.manifest('app', '1') ?? registry.manifest('app', '2')).toBeUndefined();
  });
});

describe('validate', () => {
  it.each(NAMES)('warns of %s', async (what) => {
    const { app, create, run } = await start();
    await create(what);
    const [, message = '', rule = 'draft/format'] = DRAFTS[what] ?? [];
    const { code, stdout, stderr } = await run(['validate', `${app}:1`]);
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`the draft ${app}:1: valid `),
    });
    expect(stderr).toMatch(/^warning: /);
    expect(stderr).toContain(`[${rule}]`);
    if (rule === 'draft/format') expect(stderr).toContain(message);

    const json = await run(['validate', '--json', `${app}:1`]);
    expect(json.code).toBe(0);
    expect(JSON.parse(json.stdout)).toMatchObject({
      state: 'draft',
      valid: true,
      warnings: [{ rule }],
    });
  });
});

describe('the hint of push', () => {
  it.each([
    ['a Docker list with annotations', 0],
    ['a Docker list with annotations', 1],
    ['a Docker list by request with annotations', 0],
    ['a Docker list by request with annotations', 1],
    ['a Docker list with annotations of entries', 0],
    ['a Docker list with both', 0],
    ['a missing platform', 0],
    ['a duplicate platform', 0],
    ['a duplicate platform', 1],
  ])('about %s names a command that solves it: number %i', async (what, alternative) => {
    const { app, create, run } = await start();
    await create(what);
    await runHint(await run(['push', `${app}:1`]), run, alternative);
    expect(await run(['push', `${app}:1`])).toMatchObject({ code: 0 });
  });

  it('names the image by its digest if its source has several', async () => {
    const { app, run, registry } = await start();
    const manifests = [bare, arm64].map(({ manifest: { mediaType, digest, bytes } }) => ({
      mediaType,
      digest,
      size: bytes.length,
    }));
    const index = { schemaVersion: 2, mediaType: pair.mediaType, manifests };
    registry.putManifest('app', Buffer.from(JSON.stringify(index)), pair.mediaType, 'n');
    await run(['create', `${app}:1`, '--from', `${app}:n`]);
    await runHint(await run(['push', `${app}:1`]), run, 0);
    expect(await run(['push', `${app}:1`])).toMatchObject({ code: 0 });
  });
});

describe('the hint of create --push', () => {
  it.each([
    ['a Docker list with annotations', 'hint: Use --format oci, or leave out the annotations.\n'],
    [
      'a missing platform',
      'hint: State its platform in an assembly file (-f), or create the draft without --push',
    ],
    ['a duplicate platform', 'hint: Leave one out, take the later one with --replace, '],
  ])('about %s names no draft, since none is kept', async (what, hint) => {
    const { app, directory, make, run } = await start();
    const { code, stderr } = await run(['create', `${app}:1`, ...make(what), '--push']);
    expect(code).toBe(5);
    expect(stderr).toContain(hint);
    expect(stderr).not.toContain(`multiarch annotate ${app}:1`);
    expect(stderr).not.toContain(`multiarch remove ${app}:1`);
    const files = await readdir(join(directory, 'drafts')).catch((): string[] => []);
    expect(files.filter((file) => file.endsWith('.json'))).toEqual([]);
  });

  it.each([
    ['a Docker list with annotations', ['--format', 'oci']],
    ['a duplicate platform', ['--replace']],
    ['a duplicate platform', ['--allow-duplicate-platforms']],
  ])('about %s works on the same command line: %j', async (what, flags) => {
    const { app, make, run } = await start();
    const argv = ['create', `${app}:1`, ...make(what), '--push', ...flags];
    expect(await run(argv)).toMatchObject({ code: 0 });
  });

  it('names commands for the draft if that was saved with the problem', async () => {
    const { app, create, run } = await start();
    await create('a Docker list with annotations');
    const argv = ['create', `${app}:1`, '--amend', '--push'];
    await runHint(await run(argv), run, 1);
    expect(await run(argv)).toMatchObject({ code: 0 });
  });

  it('about a missing platform works with an assembly file', async () => {
    const { app, directory, run } = await start();
    const file = join(directory, 'app.yaml');
    await writeFile(file, `target: ${app}:1\nimages:\n  - source: ${app}:bare\n    platform: linux/amd64\n`);
    expect(await run(['create', `${app}:1`, '-f', file, '--push'])).toMatchObject({ code: 0 });
  });
});

it('a draft that is larger than registries accept is shown, with a warning', async () => {
  const { app, directory, run } = await start();
  await run(['create', `${app}:1`, `${app}:arm64`]);
  const [file = ''] = await readdir(join(directory, 'drafts'));
  const path = join(directory, 'drafts', file);
  const draft = JSON.parse(await readFile(path, 'utf8')) as Draft;
  await writeFile(path, JSON.stringify({ ...draft, annotations: { a: 'x'.repeat(4 << 20) } }));
  const shown = await run(['inspect', `${app}:1`, '--format', 'table']);
  expect(shown).toMatchObject({ code: 0, stderr: expect.stringContaining('warning: the image index is ') });
  expect(await run(['validate', `${app}:1`])).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('[draft/size]'),
  });
  expect(await run(['push', `${app}:1`])).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('registries accept at most'),
  });
});
