import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { failure } from '../../support/fake-server.js';
import { amd64, arm64 } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';
import { tinyIndex, writeLayout } from '../../support/tiny-image.mjs';

const INDEX = tinyIndex([amd64, arm64]);
const IMAGES = { '1': INDEX, '2': INDEX, amd64 };
const SHORT = INDEX.digest.slice(0, 15);

/** A terminal on which a user types an answer. */
function typed(answer: string): PassThrough {
  const stdin = Object.assign(new PassThrough(), { isTTY: true as const, setRawMode: () => {} });
  stdin.write(answer);
  return stdin;
}

describe('delete', () => {
  it('of a tag leaves the manifest and its other tags', async () => {
    const { run, app, registry } = await startCommandLine({ images: IMAGES, registry: { deletes: 'tags' } });
    expect(await run(['delete', '--yes', `${app}:1`])).toMatchObject({
      code: 0,
      stdout: `Untagged: ${app}:1\n`,
      stderr: `note: only the tag was deleted; ${app}@${INDEX.digest} still exists\n`,
    });
    expect(registry.lines()).toEqual([
      'HEAD /v2/app/manifests/1 200',
      'DELETE /v2/app/manifests/1 202',
      `HEAD /v2/app/manifests/${SHORT} 200`,
    ]);
    expect(registry.manifest('app', '2')).toBeDefined();
  });

  it('says if the registry deletes the manifest with the tag', async () => {
    const { run, app } = await startCommandLine({
      images: IMAGES,
      registry: {
        deletes: 'tags',
        fault: ({ method, path }, next) =>
          method !== 'DELETE' && path.includes('sha256:') ? failure(404, 'MANIFEST_UNKNOWN', 'x') : next(),
      },
    });
    const { code, stdout, stderr } = await run(['delete', '-y', `${app}:1`]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `Untagged: ${app}:1\n` });
    expect(stderr).toContain(`warning: the registry has deleted ${INDEX.digest} together with its tag`);
  });

  it('of a digest deletes all its tags, and leaves the images of an index', async () => {
    const { run, app, registry } = await startCommandLine({
      images: IMAGES,
      registry: { deletes: 'manifests' },
    });
    const { code, stdout, stderr } = await run(['delete', '-y', `${app}@${INDEX.digest}`]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `Deleted: ${app}@${INDEX.digest}\n` });
    expect(stderr).toContain('note: the images of the index still exist');
    expect(registry.lines()).toEqual([
      `HEAD /v2/app/manifests/${SHORT} 200`,
      `DELETE /v2/app/manifests/${SHORT} 202`,
    ]);
    expect(registry.manifest('app', '2')).toBeUndefined();
    expect(registry.manifest('app', amd64.manifest.digest)).toBeDefined();
  });

  it.each([
    { deletes: undefined, code: 4, hint: /storage\.delete\.enabled.* may not delete a tag alone/ },
    { deletes: 'manifests', code: 4, hint: /^hint: \S+ may not delete a tag alone/m },
  ] as const)('of a tag never deletes its manifest instead: $deletes', async ({ deletes, code, hint }) => {
    const { run, app, registry } = await startCommandLine({ images: IMAGES, registry: { deletes } });
    const result = await run(['delete', '--yes', `${app}:1`]);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toMatch(hint);
    expect(result.stderr).toContain(`multiarch delete --manifest ${app}:1`);
    expect(registry.manifest('app', '1')).toBeDefined();
    expect(registry.lines().filter((line) => line.startsWith('DELETE'))).toHaveLength(1);
  });

  it('--manifest deletes the manifest of the tag', async () => {
    const { run, app, registry } = await startCommandLine({
      images: IMAGES,
      registry: { deletes: 'manifests' },
    });
    const { stdout } = await run(['delete', '--yes', '--manifest', `${app}:1`]);
    expect(stdout).toBe(`Deleted: ${app}@${INDEX.digest}\n`);
    expect(registry.manifest('app', '2')).toBeUndefined();
  });

  it.each([
    { answer: 'y\r', deleted: true },
    { answer: 'YES\r', deleted: true },
    { answer: '\r', deleted: false },
    { answer: 'n\r', deleted: false },
    { answer: '\u0003', deleted: false },
  ])('asks on a terminal: $answer', async ({ answer, deleted }) => {
    const { run, app, registry } = await startCommandLine({ images: IMAGES, registry: { deletes: 'tags' } });
    const { code, stderr } = await run(['delete', `${app}:1`], { stdin: typed(answer) });
    expect(code).toBe(deleted ? 0 : 130);
    expect(stderr).toContain(`Delete the tag ${app}:1, which is ${INDEX.digest}? [y/N] `);
    expect(registry.manifest('app', '1') === undefined).toBe(deleted);
  });

  it('needs --yes without a terminal, before any request', async () => {
    const { run, app, registry } = await startCommandLine({ images: IMAGES });
    expect(await run(['delete', `${app}:1`], { stdin: 'y\n' })).toMatchObject({
      code: 125,
      stdout: '',
      stderr: expect.stringContaining('hint: Add --yes to delete without being asked.') as string,
    });
    expect(registry.lines()).toEqual([]);
  });

  it.each([
    'app',
    'docker://app',
    'oci:layout',
    'oci-archive:app.tar:1',
    'docker-archive:a.tar:app',
    'oci:x:@0',
  ])('rejects %s', async (name) => {
    const { run } = await startCommandLine();
    expect(await run(['delete', '--yes', name])).toMatchObject({ code: 125, stdout: '' });
  });

  it('with a tag and a digest checks that the tag has the digest', async () => {
    const { run, app, registry } = await startCommandLine({ images: IMAGES, registry: { deletes: 'tags' } });
    expect((await run(['delete', '-y', `${app}:amd64@${INDEX.digest}`])).code).toBe(7);
    expect(registry.manifest('app', 'amd64')).toBeDefined();
    expect((await run(['delete', '-y', `${app}:amd64@${amd64.manifest.digest}`])).code).toBe(0);
    expect(registry.manifest('app', 'amd64')).toBeUndefined();
  });

  it.each([':none', `@sha256:${'0'.repeat(64)}`])('of what does not exist: %s', async (rest) => {
    const { run, app } = await startCommandLine({ images: IMAGES, registry: { deletes: 'tags' } });
    const result = await run(['delete', '-y', app + rest]);
    expect(result).toMatchObject({ code: 3, stdout: '' });
    expect(result.stderr).toContain(`no such manifest: ${app}${rest}\n`);
  });

  it('counts as done if the response was lost', async () => {
    let first = true;
    const { run, app, registry } = await startCommandLine({
      images: IMAGES,
      registry: {
        deletes: 'tags',
        fault: async (request, next) => {
          const answer = await next();
          const isLost = request.method === 'DELETE' && first;
          if (isLost) first = false;
          return isLost ? { status: 408 } : answer;
        },
      },
    });
    expect((await run(['delete', '-y', `${app}:1`])).code).toBe(0);
    expect(registry.manifest('app', '1')).toBeUndefined();
  });

  it.each([
    { status: 403, error: 'DENIED', text: 'no', code: 4, hint: 'may delete from' },
    { status: 400, error: 'TAG_INVALID', text: 'immutable', code: 7, hint: 'do not allow its deletion' },
    { status: 400, error: 'GOOGLE_MANIFEST_DANGLING_TAG', text: 'x', code: 1, hint: 'Delete first what' },
  ])('explains $error', async ({ status, error, text, code, hint }) => {
    const { run, app, registry } = await startCommandLine({
      images: IMAGES,
      registry: {
        fault: (request, next) => (request.method === 'DELETE' ? failure(status, error, text) : next()),
      },
    });
    const result = await run(['delete', '-y', `${app}:1`]);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toContain(hint);
    expect(registry.manifest('app', '1')).toBeDefined();
  });

  it('removes the entry of a layout, and leaves drafts alone', async () => {
    const { run, directory } = await startCommandLine();
    const layout = join(directory, 'layout');
    await writeLayout(layout, amd64, 'v1');
    await run(['create', `oci:${layout}:v1`, '--amend']);
    await run(['copy', `oci:${layout}:v1`, `oci:${layout}:v2`]);
    const index = async (): Promise<string> => readFile(join(layout, 'index.json'), 'utf8');
    expect((await run(['delete', '-y', `oci:${layout}:none`])).code).toBe(3);
    expect((await run(['delete', '-y', `oci:${layout}:v1`])).stdout).toBe(`Untagged: oci:${layout}:v1\n`);
    expect((await run(['tags', `oci:${layout}`])).stdout).toBe('v2\n');
    const named = `oci:${layout}@${amd64.manifest.digest}`;
    expect((await run(['delete', '-y', named])).stdout).toBe(`Deleted: ${named}\n`);
    expect(JSON.parse(await index())).toMatchObject({ manifests: [] });
    expect((await run(['ls', '-q'])).stdout).toBe(`oci:${layout}:v1\n`);
  });

  it('prints JSON', async () => {
    const { run, app } = await startCommandLine({ images: IMAGES, registry: { deletes: 'tags' } });
    const { stdout } = await run(['delete', '-yq', '--json', `${app}:1`]);
    expect(JSON.parse(stdout)).toMatchObject({
      reference: `${app}:1`,
      kind: 'tag',
      descriptor: { digest: INDEX.digest },
    });
  });
});
