import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { MISSING_PATH_HINT } from '../../../src/oci/errors.js';
import { amd64 as image, arm64 } from '../../support/images.js';
import { makeCommandLine, OK, startCommandLine } from '../../support/in-process.js';
import { tinyImage, tinyIndex, writeLayout } from '../../support/tiny-image.mjs';

const index = tinyIndex([image, arm64]);
const dockerList = tinyIndex([tinyImage({ architecture: 'amd64', mediaTypes: 'docker' })], {
  mediaTypes: 'docker',
});
const { mediaType, digest, size } = image.manifest;
const descriptor = { mediaType, digest, size };

const parsed = (bytes: Uint8Array): object => JSON.parse(Buffer.from(bytes).toString('utf8')) as object;
const configJson = parsed(image.config.bytes);
const manifestJson = parsed(image.manifest.bytes);

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
      ...OK,
      document: good,
      valid: true,
      kind: 'image-index',
      digest: index.digest,
      warnings: [],
    });

    const path = await write('bad', indexOf({ ...descriptor, size: -1 }));
    const invalid = await run(['validate', '--json', path]);
    const message = `error: ${path} is not a valid image-index: 1 problem`;
    const problem = '/manifests/0/size: must be 0 or more [schema/minimum]';
    expect({ code: invalid.code, stderr: invalid.stderr }).toEqual({
      code: 5,
      stderr: `${message}\n  ${problem}\n`,
    });
    expect(JSON.parse(invalid.stdout)).toMatchObject({
      ok: false,
      error: {
        message: `${path} is not a valid image-index: 1 problem`,
        problems: [{ pointer: '/manifests/0/size', message: 'must be 0 or more', rule: 'schema/minimum' }],
      },
      document: path,
      valid: false,
      kind: 'image-index',
    });

    const broken = await run(['validate', '--json', await write('broken', '{"a": 1,}')]);
    expect(broken.code).toBe(5);
    expect(JSON.parse(broken.stdout)).toMatchObject({
      valid: false,
      error: {
        problems: [{ message: expect.stringContaining('line 1, column 9') as unknown, rule: 'json/syntax' }],
      },
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

  it('accepts null for text and warns of it', async () => {
    const { run, write } = await start();
    const path = await write('config.json', JSON.stringify({ ...configJson, created: null, author: null }));
    const { code, stdout, stderr } = await run(['validate', path]);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining('valid image-config') as string,
    });
    expect(stderr).toBe(
      'warning: /created: is null, which is read as absent [json/null]\n' +
        'warning: /author: is null, which is read as absent [json/null]\n',
    );
  });

  it.each([
    ['AMD64', 'linux', undefined, 'probably linux/amd64 is meant'],
    ['amd64', 'Linux', undefined, 'probably linux/amd64 is meant'],
    ['amd64', 'linux ', undefined, 'probably linux/amd64 is meant'],
    ['i386', 'linux', undefined, 'probably linux/386 is meant'],
    ['armhf', 'linux', undefined, 'probably linux/arm/v7 is meant'],
    ['arm', 'linux', '7', 'probably linux/arm/v7 is meant'],
    ['arm64', 'linux', 'v7', 'is not a variant of arm64'],
  ])('warns of the platform %s %s %s of a config', async (architecture, os, variant, message) => {
    const { run, write } = await start();
    const path = await write('config.json', JSON.stringify({ ...configJson, architecture, os, variant }));
    const { code, stderr } = await run(['validate', path]);
    expect(code).toBe(0);
    expect(stderr).toMatch(new RegExp(`^warning: .*${message}.*\\n$`));
  });

  it.each([
    ['an empty index', indexOf(), 'index/empty'],
    ['an image without layers', JSON.stringify({ ...manifestJson, layers: [] }), 'layers/empty'],
    ['an image with null for layers', JSON.stringify({ ...manifestJson, layers: null }), 'layers/empty'],
  ])('warns of %s', async (_what, content, rule) => {
    const { run, write } = await start();
    const { code, stdout, stderr } = await run(['validate', await write('file', content)]);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining(': valid image-') as string,
    });
    expect(stderr).toContain(`[${rule}]`);
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

describe('validate of an assembly file', () => {
  const listed = { ...descriptor, platform: { os: 'linux', architecture: 'amd64' } };
  const forms = {
    YAML: 'target: app:1\nimages:\n  - source: app:amd64\n',
    'YAML with a comment first': '# The release.\n---\ntarget: app:1\nimages: [{ source: app:amd64 }]\n',
    JSON: '{"target":"app:1","images":[{"source":"app:amd64"}]}',
    'a manifest-tool spec': 'image: app:1\nmanifests:\n  - image: app:amd64\n',
    'a manifest-tool spec in JSON': '{"image":"app:1","manifests":[{"image":"app:amd64"}]}',
    'a list of descriptors': JSON.stringify([listed]),
  };

  it.each(Object.entries(forms))('accepts %s', async (_what, content) => {
    const { run, write } = await start();
    const path = await write('file', content);
    for (const argv of [
      ['validate', path],
      ['validate', path, '--as', 'assembly'],
      ['validate', '-'],
    ]) {
      const { code, stdout, stderr } = await run(argv, { stdin: content });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/: valid assembly \(sha256:\w+, 1 image\)\n$/);
    }
  });

  it.each([
    ['an index', indexOf(listed)],
    ['a descriptor', JSON.stringify(listed)],
  ])('accepts %s with --as', async (_what, content) => {
    const { run, write } = await start();
    const { code, stdout } = await run(['validate', await write('file', content), '--as', 'assembly']);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining('valid assembly') as string,
    });
  });

  it.each([
    ['a syntax error', 'target: app:1\nimages: [\n', /line 3, column 1: /],
    [
      'a wrong member',
      'target: app:1\nimage:\n  - source: app:a\n',
      /line 2, column 1: is not a known member/,
    ],
    [
      'a variant of another architecture',
      'target: app:1\nimages:\n  - source: app:a\n    platform: linux/arm64/v7\n',
      /line 4, column 15: has a variant that is "v7", which is not a variant of arm64/,
    ],
    ['broken JSON', '{"target": "app:1",\n "images": 1 2}', /line 2, column \d+: /],
  ])('reports %s as create -f does', async (_what, content, message) => {
    const { run, write } = await start();
    const path = await write('file.yaml', content);
    const { code, stdout, stderr } = await run(['validate', path, '--as', 'assembly']);
    expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
    expect(stderr).toMatch(message);
    expect((await run(['create', '-f', path])).stderr).toBe(stderr);
    const json = await run(['validate', '--json', path, '--as', 'assembly']);
    expect(json.code).toBe(5);
    expect(JSON.parse(json.stdout)).toMatchObject({ valid: false, kind: 'assembly', warnings: [] });
  });

  it.each(['no-such-file.yaml', 'no-such-file.yml'])('takes %s for a missing file', async (name) => {
    const { run } = await start();
    expect((await run(['validate', name])).stderr).toBe(
      `error: cannot read ${name}: no such file\nhint: ${MISSING_PATH_HINT}\n`,
    );
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
      expect(stderr).toBe(`error: cannot read ${path}: no such file\nhint: ${MISSING_PATH_HINT}\n`);
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
      const { valid, error } = JSON.parse(stdout) as {
        valid: boolean;
        error?: { problems: { rule: string }[] };
      };
      return { code, valid, rules: error?.problems.map(({ rule }) => rule) };
    };
    expect(await found('double')).toEqual({ code: 0, valid: true, rules: undefined });
    expect(await found('broken')).toEqual({
      code: 5,
      valid: false,
      rules: ['schema/required', 'schema/required'],
    });
    expect(await found('login')).toEqual({ code: 5, valid: false, rules: ['json/syntax'] });
    expect((await run(['validate', `${registry.host}/app:none`])).code).toBe(3);
  });
});
