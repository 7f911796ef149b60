import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { amd64, arm64 } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';
import { writeLayout } from '../../support/tiny-image.mjs';

const NAMES = ['1.10', '1.2', '1.9', 'edge', 'latest'];
const IMAGES = Object.fromEntries(NAMES.map((name) => [name, amd64]));

describe('tags', () => {
  it.each([
    { args: [], tags: '1.10 1.2 1.9 edge latest', pages: 3 },
    { args: ['--limit', '2'], tags: '1.10 1.2', pages: 1 },
    { args: ['--limit=3'], tags: '1.10 1.2 1.9', pages: 2 },
    { args: ['--sort', 'semver'], tags: '1.10 1.9 1.2 edge latest', pages: 3 },
    { args: ['--sort', 'semver', '--limit', '1'], tags: '1.10', pages: 3 },
    { args: ['--sort', 'name', '--limit', '9'], tags: '1.10 1.2 1.9 edge latest', pages: 3 },
    { args: ['--limit', 'requests=9', '--limit', '1'], tags: '1.10', pages: 1 },
  ])('$args', async ({ args, tags, pages }) => {
    const { run, app, registry } = await startCommandLine({ images: IMAGES, registry: { tagsPageSize: 2 } });
    expect(await run(['tags', app, ...args])).toMatchObject({
      code: 0,
      stdout: tags.replaceAll(' ', '\n') + '\n',
      stderr: '',
    });
    expect(registry.lines()).toHaveLength(pages);
  });

  it('asks for no more tags than are wanted', async () => {
    const { run, app, registry } = await startCommandLine({ images: IMAGES });
    await run(['tags', app, '--limit', '2']);
    expect(registry.lines()).toEqual(['GET /v2/app/tags/list?n=2 200']);
  });

  it('prints JSON', async () => {
    const { run, app } = await startCommandLine({ images: IMAGES });
    const { stdout } = await run(['tags', app, '--json', '--limit', '1']);
    expect(JSON.parse(stdout)).toMatchObject({ repository: app, tags: ['1.10'] });
  });

  it.each([
    ['app:1', 'docker.io/library/app'],
    [`app@sha256:${'0'.repeat(64)}`, 'docker.io/library/app'],
    ['oci:DIR:1', 'oci:DIR'],
    ['oci:DIR:@0', 'oci:DIR'],
    ['oci-layout://DIR:1', 'oci:DIR'],
  ])('rejects the name of an image: %s', async (name, whole) => {
    const { run, directory } = await startCommandLine();
    const [given, shown] = [name, whole].map((text) => text.replace('DIR', `${directory}/layout`));
    expect(await run(['tags', given ?? ''])).toMatchObject({
      code: 125,
      stdout: '',
      stderr: `error: ${given} names an image, not a repository\nhint: Omit the tag and the digest: ${shown}\n`,
    });
  });

  it('lists those of layouts and archives', async () => {
    const { run, directory } = await startCommandLine();
    await writeLayout(join(directory, 'layout'), amd64, 'v1');
    const layout = `oci:${directory}/layout`;
    await writeLayout(join(directory, 'other'), arm64, 'v2');
    await run(['copy', `oci:${directory}/other`, `${layout}:v2`]);
    await run(['copy', `${layout}:v1`, `oci-archive:${directory}/app.tar:v3`]);
    for (const [name, tags] of [
      [layout, 'v1\nv2\n'],
      [`oci-layout://${directory}/layout`, 'v1\nv2\n'],
      [`oci-archive:${directory}/app.tar`, 'v3\n'],
    ] as const) {
      expect(await run(['tags', name])).toMatchObject({ code: 0, stdout: tags, stderr: '' });
    }
    expect((await run(['tags', `oci:${directory}/none`])).code).toBe(3);
    expect((await run(['tags', 'docker-archive:app.tar'])).code).toBe(125);
  });

  it.each([
    { body: '{"name":"app","tags":null}', code: 0, stderr: '' },
    { body: '{"name":"app"}', code: 5, stderr: 'returned no list of tags' },
    { body: '{"tags":[1]}', code: 5, stderr: 'returned no list of tags' },
    { body: '<html>', code: 5, stderr: 'returned no list of tags' },
  ])('of $body', async ({ body, code, stderr }) => {
    const { run, app } = await startCommandLine({
      registry: { fault: () => ({ status: 200, body: Buffer.from(body) }) },
    });
    const result = await run(['tags', app]);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toContain(stderr);
  });

  it('end if a page follows itself, and names are one line each', async () => {
    const body = Buffer.from(JSON.stringify({ tags: ['a\nb', 'a\nb'] }));
    const { run, app } = await startCommandLine({
      registry: {
        fault: ({ path }) => ({ status: 200, body, headers: { link: `<${path}>; rel="next"` } }),
      },
    });
    expect((await run(['tags', app])).stderr).toContain('a page follows itself');
    expect((await run(['tags', app, '--limit', '1'])).stdout).toBe('a b\n');
  });

  it.each(['0', '1.5', '-1', 'x'])('--limit=%s', async (value) => {
    const { run, app } = await startCommandLine();
    const { code, stderr } = await run(['tags', app, `--limit=${value}`]);
    expect(code).toBe(125);
    expect(stderr).toContain('--limit takes');
  });

  it('of a repository that does not exist', async () => {
    const { run, app } = await startCommandLine();
    const { code, stderr } = await run(['tags', app]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^error: cannot read the tags of .*404 Not Found: NAME_UNKNOWN/);
    expect(stderr).toContain(`has no repository ${app}: check the name.`);
  });
});
