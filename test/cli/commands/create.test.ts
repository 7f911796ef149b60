import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { amd64, arm64, attested } from '../../support/images.js';
import { makeCommandLine, OK, startCommandLine } from '../../support/in-process.js';
import { tinyImage, writeLayout } from '../../support/tiny-image.mjs';

const images = { amd64, arm64 };

describe('create', () => {
  it("prints docker's message, and the sources on stderr", async () => {
    const { app, run } = await startCommandLine({ images });
    const { code, stdout, stderr } = await run(['create', `${app}:1`, `${app}:amd64`, `${app}:arm64`]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `Created manifest list ${app}:1\n` });
    expect(stderr.trimEnd().split('\n').sort()).toEqual([
      `Read ${app}:amd64: linux/amd64`,
      `Read ${app}:arm64: linux/arm64`,
    ]);
  });

  it.each([
    ['app', 'docker.io/library/app:latest'],
    ['ann/app:1.2', 'docker.io/ann/app:1.2'],
    ['index.docker.io/app', 'docker.io/library/app:latest'],
    ['localhost:5000/app', 'localhost:5000/app:latest'],
  ])('prints the full name of %s', async (list, name) => {
    const { run } = await makeCommandLine();
    expect((await run(['create', list])).stdout).toBe(`Created manifest list ${name}\n`);
  });

  it('accepts --amend before each image, as scripts write it', async () => {
    const { app, run } = await startCommandLine({ images });
    const argv = ['create', `${app}:1`, '--amend', `${app}:amd64`, '--amend', `${app}:arm64`];
    expect((await run(argv)).code).toBe(0);
    expect((await run(['ls'])).stdout).toBe(`${app}:1  linux/amd64, linux/arm64\n`);
  });

  it('keeps an existing draft without --amend', async () => {
    const { app, run } = await startCommandLine({ images });
    await run(['create', `${app}:1`, `${app}:amd64`]);
    expect(await run(['create', `${app}:1`, `${app}:arm64`])).toMatchObject({
      code: 7,
      stdout: '',
      stderr: `refusing to amend an existing manifest list with no --amend flag\nhint: There is a draft ${app}:1 already: add to it with --amend, or delete it with: multiarch rm ${app}:1\n`,
    });
    expect((await run(['ls'])).stdout).toBe(`${app}:1  linux/amd64\n`);
  });

  it('prints only the draft on stdout with --json', async () => {
    const { app, run } = await startCommandLine({ images });
    const { stdout } = await run(['create', `${app}:1`, `${app}:amd64`, '--annotation', 'a=b=c', '--json']);
    const { digest, size, mediaType } = amd64.manifest;
    expect(JSON.parse(stdout)).toEqual({
      ...OK,
      reference: `${app}:1`,
      state: 'draft',
      format: 'auto',
      annotations: { a: 'b=c' },
      entries: [
        {
          source: `${app}:amd64`,
          descriptor: { mediaType, size, digest, platform: { architecture: 'amd64', os: 'linux' } },
        },
      ],
    });
  });

  it.each([
    ['auto', 'application/vnd.oci.image.index.v1+json'],
    ['oci', 'application/vnd.oci.image.index.v1+json'],
    ['docker', 'application/vnd.docker.distribution.manifest.list.v2+json'],
  ])('uses the media type of --format %s', async (format, mediaType) => {
    const { app, run } = await startCommandLine({ images });
    await run(['create', `${app}:1`, `${app}:amd64`, '--format', format]);
    expect(JSON.parse((await run(['inspect', `${app}:1`])).stdout)).toMatchObject({ mediaType });
  });

  it('sets annotations of the index, with or without index:', async () => {
    const { run } = await makeCommandLine();
    await run(['create', 'app:1', '--annotation', 'a=1', '--annotation=index:b=']);
    const { stdout } = await run(['inspect', 'app:1']);
    expect(JSON.parse(stdout)).toMatchObject({ annotations: { a: '1', b: '' } });
  });

  it.each(['novalue', '=x', '', 'manifest:a', 'manifest[linux/arm64]a=b'])(
    'rejects --annotation %j',
    async (annotation) => {
      const { run } = await makeCommandLine();
      const { code, stdout, stderr } = await run(['create', 'app:1', `--annotation=${annotation}`]);
      expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
      expect(stderr).toMatch(/\nhint: .*KEY=VALUE/);
      expect((await run(['ls', '-q'])).stdout).toBe('');
    },
  );

  it('reads layouts by relative paths', async () => {
    const { directory, run } = await makeCommandLine();
    await writeLayout(join(directory, 'layout'), attested, 'v1');
    const { code, stderr } = await run(['create', 'app:1', `oci:${directory}/layout:v1`]);
    expect(code).toBe(0);
    expect(stderr).toBe(`Read oci:${directory}/layout:v1: linux/amd64, linux/arm64\n`);
  });

  it('warns about problems that push rejects, unless --quiet is set', async () => {
    const { registry, app, run } = await startCommandLine({ images });
    registry.put('app', tinyImage({ architecture: 'amd64', omitPlatform: true }), 'odd');
    const { code, stdout, stderr } = await run(['create', `${app}:1`, `${app}:odd`, `${app}:amd64`, '-q']);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: `Created manifest list ${app}:1\n`,
      stderr: '',
    });
    const loud = await run(['create', `${app}:1`, '--amend']);
    expect(loud.code).toBe(0);
    expect(loud.stderr).toMatch(/^warning: .*must have an OS and Architecture/);
  });

  it.each([
    [['--tag', 'v2'], '--tag needs --push'],
    [['-p'], '--purge needs --push'],
    [['--keep-draft'], '--keep-draft needs --push'],
    [
      ['--allow-duplicate-platforms', '-t', 'a', '-p'],
      '--tag, --purge, --allow-duplicate-platforms needs --push',
    ],
  ])('rejects %j without --push', async (flags, message) => {
    const { run } = await makeCommandLine();
    const buildx = message.includes('--tag')
      ? ' To publish as with buildx, give -t REPOSITORY:TAG before the sources.'
      : '';
    expect(await run(['create', 'app:1', ...flags])).toMatchObject({
      code: 125,
      stdout: '',
      stderr: `error: ${message}\nhint: Add --push, or give the option to multiarch push.${buildx}\n`,
    });
    expect((await run(['ls', '-q'])).stdout).toBe('');
  });

  it('keeps the draft of --push with --keep-draft only', async () => {
    const { app, run } = await startCommandLine({ images });
    const argv = ['create', `${app}:1`, `${app}:amd64`, '--push'];
    const both = await run([...argv, '--keep-draft', '--purge']);
    expect(both).toMatchObject({ code: 125, stdout: '' });
    expect(both.stderr).toMatch(/^error: --keep-draft and --purge exclude each other\n/);
    for (const flags of [[], ['--purge=false'], ['--keep-draft=false']]) {
      expect((await run([...argv, ...flags])).code).toBe(0);
      expect((await run(['ls', '-q'])).stdout).toBe('');
    }
    expect((await run([...argv, '--keep-draft'])).code).toBe(0);
    expect((await run(['ls', '-q'])).stdout).toBe(`${app}:1\n`);
    expect(await run(argv)).toMatchObject({ code: 7, stdout: '' });
    expect((await run([...argv, '-a'])).code).toBe(0);
    expect((await run(['ls', '-q'])).stdout).toBe('');
  });

  it('publishes with --push, with the output of push', async () => {
    const { registry, app, run } = await startCommandLine({ images });
    const argv = ['create', `${app}:1`, `${app}:amd64`, '--push', '-t', 'v1', '--purge'];
    const { code, stdout } = await run(argv);
    expect(code).toBe(0);
    const digest = registry.manifest('app', '1')?.digest;
    expect(stdout).toBe(`${digest}\n`);
    expect(registry.manifest('app', 'v1')?.digest).toBe(digest);
    expect((await run(['ls', '-q'])).stdout).toBe('');
  });

  it('reports all unreadable sources', async () => {
    const { app, run } = await startCommandLine({ images });
    const { code, stdout, stderr } = await run([
      'create',
      `${app}:1`,
      `${app}:x`,
      `${app}:amd64`,
      `${app}:y`,
    ]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain('2 of 3 sources cannot be used:');
    expect(stderr).toContain(`no such manifest: ${app}:x`);
    expect(stderr).toContain(`no such manifest: ${app}:y`);
    expect((await run(['ls', '-q'])).stdout).toBe('');
  });
});
