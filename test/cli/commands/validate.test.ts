import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { amd64 as image, arm64 } from '../../support/images.js';
import { makeCommandLine, startCommandLine } from '../../support/in-process.js';
import { tinyImage, tinyIndex, writeLayout } from '../../support/tiny-image.mjs';

const index = tinyIndex([image, arm64]);
const dockerList = tinyIndex([tinyImage({ architecture: 'amd64', mediaTypes: 'docker' })], {
  mediaTypes: 'docker',
});
const { mediaType, digest, size } = image.manifest;
const descriptor = { mediaType, digest, size };

/** An index with these entries. */
const indexOf = (...manifests: unknown[]): string =>
  JSON.stringify({ schemaVersion: 2, mediaType: index.mediaType, manifests });

/** A command line, and a way to write a file for it to look at. */
async function start() {
  const { directory, run } = await makeCommandLine();
  const write = async (name: string, content: string | Uint8Array): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, content);
    return path;
  };
  return { directory, run, write };
}

describe('validate', () => {
  it.each([
    ['an index', index.bytes, `image-index (${index.digest}, 2 manifests)`],
    ['a Docker list', dockerList.bytes, `docker-manifest-list (${dockerList.digest}, 1 manifest)`],
    ['a manifest', image.manifest.bytes, `image-manifest (${digest}, 1 layer)`],
    ['a config', image.config.bytes, `image-config (${image.config.digest})`],
    ['a descriptor', JSON.stringify(descriptor), /^descriptor \(sha256:[0-9a-f]{64}\)$/],
    ['an oci-layout', '{"imageLayoutVersion":"1.0.0"}', /^oci-layout \(sha256:[0-9a-f]{64}\)$/],
    [
      'a draft',
      JSON.stringify({ version: 1, target: 'example.com/app:1', format: 'auto', entries: [] }),
      /^draft \(sha256:[0-9a-f]{64}, 0 entries\)$/,
    ],
  ])('accepts %s', async (_what, content, expected) => {
    const { run, write } = await start();
    const path = await write('file', content);
    const { code, stdout, stderr } = await run(['validate', path]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const prefix = `${path}: valid `;
    expect(stdout.slice(0, prefix.length)).toBe(prefix);
    expect(stdout.slice(prefix.length, -1)).toEqual(
      typeof expected === 'string' ? expected : expect.stringMatching(expected),
    );
  });

  it('lists all problems of a document', async () => {
    const { run, write } = await start();
    const path = await write(
      'index.json',
      indexOf({ ...descriptor, digest: 'sha256:abc' }, { ...descriptor, size: -1 }, { mediaType, digest }),
    );
    const { code, stdout, stderr } = await run(['validate', path]);
    expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
    expect(stderr).toBe(
      [
        `error: ${path} is not a valid image-index: 3 problems`,
        '  /manifests/1/size: must be 0 or more [schema/minimum]',
        '  /manifests/2: has no "size" [schema/required]',
        '  /manifests/0/digest: is not a digest: sha256 has 64 hexadecimal digits, this has 3 [digest/length]',
        '',
      ].join('\n'),
    );
  });

  it('prints JSON on stdout', async () => {
    const { run, write } = await start();
    const good = await write('good', index.bytes);
    const valid = await run(['validate', '--json', good]);
    expect(valid.code).toBe(0);
    expect(JSON.parse(valid.stdout)).toEqual({
      document: good,
      valid: true,
      kind: 'image-index',
      digest: index.digest,
      problems: [],
      warnings: [],
    });

    const path = await write('bad', indexOf({ ...descriptor, size: -1 }));
    const invalid = await run(['validate', '--json', path]);
    expect({ code: invalid.code, stderr: invalid.stderr }).toEqual({ code: 5, stderr: '' });
    expect(JSON.parse(invalid.stdout)).toMatchObject({
      document: path,
      valid: false,
      kind: 'image-index',
      problems: [{ pointer: '/manifests/0/size', message: 'must be 0 or more', rule: 'schema/minimum' }],
    });

    const broken = await run(['validate', '--json', await write('broken', '{"a": 1,}')]);
    expect(broken.code).toBe(5);
    expect(JSON.parse(broken.stdout)).toMatchObject({
      valid: false,
      problems: [{ message: expect.stringContaining('line 1, column 9') as unknown, rule: 'json/syntax' }],
    });
  });

  it.each([
    ['broken JSON', '{\n  "manifests": [}', 'line 2, column 17: expected a value, found "}"'],
    ['HTML', '<!doctype html>', 'it is HTML or XML'],
    ['a binary', Buffer.from([0x1f, 0x8b, 0xff, 0xfe]), 'it is not UTF-8 text'],
    ['nothing', '', 'expected a value, found the end of the text'],
  ])('reports the problem of %s', async (_what, content, problem) => {
    const { run, write } = await start();
    const { code, stdout, stderr } = await run(['validate', await write('file', content)]);
    expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
    expect(stderr).toContain(`${problem} [json/syntax]\n`);
  });

  it('warns about problems that prevent the publication of a valid index', async () => {
    const { run, write } = await start();
    const path = await write('index.json', indexOf(descriptor));
    const { code, stdout, stderr } = await run(['validate', path]);
    expect(code).toBe(0);
    expect(stdout).toContain(': valid image-index');
    expect(stderr).toBe(
      'warning: /manifests/0: has no platform: os and architecture are required [platform/missing]\n',
    );
    const quiet = await run(['validate', '-q', path]);
    expect(quiet.stderr).toBe('');
    const json = await run(['validate', '--json', path]);
    expect(JSON.parse(json.stdout)).toMatchObject({ valid: true, warnings: [{ rule: 'platform/missing' }] });
  });

  it('requires no platform in the index.json of a layout', async () => {
    const { run, directory } = await start();
    await writeLayout(join(directory, 'layout'), index, 'v1');
    const { code, stderr } = await run(['validate', join(directory, 'layout', 'index.json')]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('only warns about an incomplete platform in a draft', async () => {
    const { run, write } = await start();
    const entry = { ...descriptor, platform: { os: 'linux', architecture: '' } };
    const draft = {
      version: 1,
      target: 'example.com/app:1',
      format: 'auto',
      entries: [{ source: 'example.com/app:amd64', descriptor: entry }],
    };
    const { code, stderr } = await run(['validate', await write('draft.json', JSON.stringify(draft))]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning: \/entries\/0\/descriptor.*\[platform\/incomplete\]\n$/);
  });
});

describe('validate --as', () => {
  it('checks the document as the given kind', async () => {
    const { run, write } = await start();
    const path = await write('file', index.bytes);
    const { code, stderr } = await run(['validate', path, '--as', 'docker-manifest-list']);
    expect(code).toBe(5);
    expect(stderr).toContain('is not a valid docker-manifest-list');
    expect(stderr).toContain('/mediaType: ');
  });

  it('is required if the kind cannot be detected', async () => {
    const { run, write } = await start();
    const path = await write('package.json', '{"name":"app"}');
    const { code, stderr } = await run(['validate', path]);
    expect(code).toBe(5);
    expect(stderr).toMatch(/is neither an image manifest nor an image index[^]*hint: .*--as/);
    expect((await run(['validate', path, '--as', 'image-config'])).stderr).toContain('[schema/required]');
  });

  it('accepts only known kinds', async () => {
    const { run } = await start();
    const { code, stderr } = await run(['validate', 'x', '--as', 'letter']);
    expect(code).toBe(125);
    expect(stderr).toContain('image-index');
  });
});

describe('validate: the source of the document', () => {
  it('reads standard input for -', async () => {
    const { run } = await start();
    const { code, stdout } = await run(['validate', '-'], { stdin: index.bytes });
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `standard input: valid image-index (${index.digest}, 2 manifests)\n`,
    });
  });

  it.each(['/no/such/file', './no-such-file', '../no-such-file', 'no-such-file.json'])(
    'takes %s for a missing file',
    async (path) => {
      const { run } = await start();
      const { code, stdout, stderr } = await run(['validate', path]);
      expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
      expect(stderr).toBe(`error: cannot read ${path}: no such file\n`);
    },
  );

  it('has a hint for a directory', async () => {
    const { run, directory } = await start();
    const path = join(directory, 'layout');
    await mkdir(path);
    const { code, stderr } = await run(['validate', path]);
    expect(code).toBe(125);
    expect(stderr).toMatch(/is a directory\nhint: .*oci:/);
  });

  it('limits the size of the input', async () => {
    const { run } = await start();
    const { code, stderr } = await run(['validate', '-'], { stdin: Buffer.alloc((8 << 20) + 1, ' ') });
    expect(code).toBe(5);
    expect(stderr).toContain('standard input is larger than the maximum of 8388608 bytes');
  });

  it('respects the time limit', async () => {
    const { run } = await start();
    const stdin = new PassThrough();
    const { code, stderr } = await run(['validate', '-', '--timeout', '10ms'], { stdin });
    expect(code).toBe(6);
    expect(stderr).toContain('10ms');
    expect(stdin.destroyed).toBe(true);
  });

  it('reads a draft, a registry and a layout', async () => {
    const { registry, app, directory, run } = await startCommandLine({ images: { 1: index } });
    const published = await run(['validate', `${app}:1`]);
    expect(published.stdout).toBe(`${app}:1: valid image-index (${index.digest}, 2 manifests)\n`);
    expect(registry.lines()).toEqual(['GET /v2/app/manifests/1 200']);

    await run(['create', `${app}:2`, `${app}:1`, '--annotation', 'a=b']);
    registry.clearLog();
    expect((await run(['validate', `${app}:2`])).stdout).toMatch(`the draft ${app}:2: valid image-index`);
    expect(registry.lines()).toEqual([]);

    const layout = join(directory, 'layout');
    await writeLayout(layout, image, 'v1');
    expect((await run(['validate', `oci:${layout}`])).stdout).toContain(`: valid image-manifest (${digest}`);
  });

  it('reports invalid documents of a registry', async () => {
    const { registry, app, run } = await startCommandLine({ registry: { requireChildren: false } });
    const platform = { os: 'linux', architecture: 'amd64' };
    const double = indexOf({ ...descriptor, platform }, { ...descriptor, platform });
    registry.putManifest('app', Buffer.from(double), index.mediaType, 'double');
    registry.putManifest('app', Buffer.from(indexOf({ mediaType })), index.mediaType, 'broken');
    registry.putManifest('app', Buffer.from('<html>'), index.mediaType, 'login');
    const found = async (tag: string) => {
      const { code, stdout } = await run(['validate', '--json', `${app}:${tag}`]);
      const { valid, problems } = JSON.parse(stdout) as { valid: boolean; problems: { rule: string }[] };
      return { code, valid, rules: problems.map(({ rule }) => rule) };
    };
    expect(await found('double')).toEqual({ code: 5, valid: false, rules: ['platform/duplicate'] });
    expect(await found('broken')).toEqual({
      code: 5,
      valid: false,
      rules: ['schema/required', 'schema/required'],
    });
    expect(await found('login')).toEqual({ code: 5, valid: false, rules: ['json/syntax'] });
    expect((await run(['validate', `${registry.host}/app:none`])).code).toBe(3);
  });
});
