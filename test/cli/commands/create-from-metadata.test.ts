import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { Descriptor } from '../../../src/oci/descriptor.js';
import { amd64, arm64, pair } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';

interface Published {
  readonly mediaType: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly manifests: readonly Descriptor[];
}

/** A registry with two images that builds have pushed, and an index of them, and a command line in a directory. */
async function start() {
  const commandLine = await startCommandLine({ images: { '1-amd64': amd64, '1-arm64': arm64, all: pair } });
  const { registry, directory } = commandLine;
  const write = async (name: string, content: unknown): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };
  const published = (tag: string): Published =>
    JSON.parse(registry.manifest('app', tag)?.bytes.toString() ?? 'null') as Published;
  const digests = (tag: string): string[] => published(tag).manifests.map(({ digest }) => digest);
  return { write, published, digests, ...commandLine };
}

const [AMD64, ARM64] = [amd64.manifest, arm64.manifest];
const BOTH = [AMD64.digest, ARM64.digest];

function buildOf({ mediaType, digest, bytes }: typeof AMD64, name: string): object {
  return {
    'buildx.build.ref': 'builder/builder0/1',
    'containerimage.descriptor': {
      mediaType,
      digest,
      size: bytes.length,
      annotations: { 'config.digest': digest },
    },
    'containerimage.digest': digest,
    'image.name': name,
  };
}

describe('create --from-metadata', () => {
  it.each<[what: string, files: readonly string[], expected: readonly string[] | RegExp]>([
    ['one target', ['bake.json#b'], [ARM64.digest]],
    ['several targets, in this order', ['bake.json#b', 'bake.json#a'], [ARM64.digest, AMD64.digest]],
    ['a target whose name has a dot or a dash', ['bake.json#app-1.2'], [AMD64.digest]],
    ['a file of this name', ['file#a'], [ARM64.digest, AMD64.digest]],
    ['a target of a file with #', ['file#a#a'], [AMD64.digest]],
    ['no target after #', ['bake.json#'], /no such file/],
    [
      'an unknown target',
      ['bake.json#c'],
      /has no target "c"\nhint: Its targets are a, b, app-1\.2, failed\./,
    ],
    ['a target that was not pushed', ['bake.json#failed'], /target "failed": no image was pushed/],
    ['a target of another file', ['digest.txt#a'], /has no targets[^]*Leave out #a\./],
    ['a target of the file of one build', ['build.json#a'], /has no targets/],
    ['a missing file', ['none.json#a'], /none\.json: no such file/],
  ])('reads of the metadata of bake: %s', async (_what, files, expected) => {
    const { run, write, digests, app, directory } = await start();
    const targets = { a: buildOf(AMD64, app), b: buildOf(ARM64, app), 'app-1.2': buildOf(AMD64, app) };
    await write('bake.json', { ...targets, failed: { 'buildx.build.ref': 'builder/builder0/2' } });
    await write('file#a', { b: buildOf(ARM64, app), a: buildOf(AMD64, app) });
    await write('digest.txt', ARM64.digest);
    await write('build.json', buildOf(AMD64, app));
    const named = files.map((file) => `--from-metadata=${join(directory, file)}`);
    const { code, stderr } = await run(['create', `${app}:list`, '--push', ...named]);
    if (expected instanceof RegExp)
      expect({ code: code > 0, stderr }).toEqual({
        code: true,
        stderr: expect.stringMatching(expected) as string,
      });
    else expect(digests('list'), stderr).toEqual(expected);
  });

  it.each<[what: string, files: (app: string) => unknown[], flags?: (app: string) => string[]]>([
    ['buildx', (app) => [buildOf(AMD64, `${app}:1-amd64`), buildOf(ARM64, app)]],
    ['bake', (app) => [{ a: buildOf(AMD64, app), b: buildOf(ARM64, app) }]],
    ['podman and kaniko', () => [AMD64.digest, `${ARM64.digest}\n`]],
    [
      'kaniko with names',
      (app) => [
        `${app}@${AMD64.digest}\n`,
        `${app}:1-arm64@${ARM64.digest}\nother.example/app:1@${ARM64.digest}`,
      ],
    ],
    ['ko', (app) => [`${app}@${AMD64.digest}\n${app}@${ARM64.digest}\n`]],
    [
      'ko with an index and its images',
      (app) => [[pair.digest, ...BOTH].map((digest) => `${app}@${digest}\n`).join('')],
    ],
    [
      'jib',
      (app) =>
        [AMD64, ARM64].map(({ digest }) => ({
          image: `${app}:x`,
          imageId: digest,
          imageDigest: digest,
          tags: ['x'],
          imagePushed: true,
        })),
    ],
  ])('takes the images of %s', async (_, files, flags = () => []) => {
    const { app, write, digests, published, run } = await start();
    const paths = await Promise.all(files(app).map((content, index) => write(`${index}.json`, content)));
    const given = paths.flatMap((path) => ['--from-metadata', path]);
    const result = await run(['create', `${app}:1`, ...given, ...flags(app), '--push']);
    expect(result.stderr).not.toMatch(/^(?:error|warning)/m);
    expect(digests('1')).toEqual(BOTH);
    expect(published('1').manifests.every(({ annotations }) => annotations === undefined)).toBe(true);
  });

  it('reads the files of a directory by name, without those that start with a dot', async () => {
    const { run, app, write, digests, directory } = await start();
    await mkdir(join(directory, 'built'));
    await write('built/b.json', buildOf(AMD64, app));
    await write('built/a.digest', ARM64.digest);
    await write('built/.keep', '');
    const argv = ['create', `${app}:1`, '--from-metadata', join(directory, 'built'), '--push'];
    expect(await run(argv)).toMatchObject({ code: 0 });
    expect(digests('1')).toEqual([ARM64.digest, AMD64.digest]);
  });

  it.each<[name: string, code: number, message: string]>([
    ['empty', 5, 'empty has no files (--from-metadata)\nhint: Each build job leaves one file there'],
    ['nested', 125, `${join('nested', 'amd64')} is a directory`],
    ['invalid', 5, `${join('invalid', 'b')}, line 1: `],
    ['missing', 3, 'missing: no such file'],
  ])('rejects the directory %s', async (name, code, message) => {
    const { run, app, write, directory, registry } = await start();
    for (const each of ['empty', 'nested', 'nested/amd64', 'invalid']) await mkdir(join(directory, each));
    await write('invalid/a', AMD64.digest);
    await write('invalid/b', 'not a digest');
    const argv = ['create', `${app}:1`, '--from-metadata', join(directory, name), '--push'];
    const result = await run(argv);
    expect(result.stderr).toContain(message);
    expect(result.code).toBe(code);
    expect(registry.manifest('app', '1')).toBeUndefined();
  });

  it('keeps the bytes of the index of ko', async () => {
    const { app, registry, write, run } = await start();
    const file = await write('refs', [pair.digest, ...BOTH].map((digest) => `${app}@${digest}\n`).join(''));
    await run(['create', `${app}:1`, '--from-metadata', file, '--push']);
    expect(registry.manifest('app', '1')?.digest).toBe(pair.digest);
  });

  it('--repository names the repository of images of which only the digest is known', async () => {
    const { app, host, write, registry, run } = await start();
    const file = await write('digest', AMD64.digest);
    const argv = ['create', `${host}/other:1`, '--from-metadata', file, '--repository', app, '--push'];
    expect((await run(argv)).code).toBe(0);
    expect(registry.manifest('other', '1')).toBeDefined();
    expect((await run(['create', `${host}/else:1`, '--from-metadata', file, '--push'])).code).toBe(3);
  });

  const ACTION = (app: string): object => ({
    tags: [`${app}:1.2`, `${app}:latest`, `${app}:1`],
    'tag-names': ['1.2', 'latest', '1'],
    labels: { 'org.opencontainers.image.title': 'app' },
    annotations: [
      'manifest:org.opencontainers.image.title=app',
      'index:org.opencontainers.image.version=1.2',
    ],
  });

  it('takes the list, the tags and the annotations of docker/metadata-action, from the environment', async () => {
    const { app, write, digests, published, run } = await start();
    const file = await write('build.json', { a: buildOf(AMD64, app), b: buildOf(ARM64, app) });
    const env = { DOCKER_METADATA_OUTPUT_JSON: JSON.stringify(ACTION(app)) };
    const argv = ['create', '--from-metadata', 'env', '--from-metadata', file, '--push'];
    expect(await run(argv, { env })).toMatchObject({ code: 0 });
    for (const tag of ['1.2', '1', 'latest']) expect(digests(tag)).toEqual(BOTH);
    const { annotations, manifests } = published('1.2');
    expect(annotations).toEqual({ 'org.opencontainers.image.version': '1.2' });
    expect(manifests[0]?.annotations).toEqual({ 'org.opencontainers.image.title': 'app' });
  });

  it('LIST and --annotation take precedence; labels annotate an index that nothing else annotates', async () => {
    const { app, published, run } = await start();
    const action = { ...ACTION(app), annotations: [], labels: { a: 'label', b: 'label' } };
    const argv = [
      'create',
      `${app}:2`,
      `${app}:1-amd64`,
      '--from-metadata',
      '-',
      '--annotation',
      'a=flag',
      '--push',
    ];
    expect(await run(argv, { stdin: JSON.stringify(action) })).toMatchObject({ code: 0 });
    expect(published('2').annotations).toEqual({ a: 'flag', b: 'label' });
    expect(published('latest').annotations).toEqual({ a: 'flag', b: 'label' });
  });

  it('is used with an assembly file, whose target takes precedence', async () => {
    const { app, write, digests, run } = await start();
    const assembly = await write('a.yaml', `{target: '${app}:3', images: [{source: '${app}:1-amd64'}]}`);
    const action = await write('meta.json', ACTION(app));
    const digest = await write('digest', ARM64.digest);
    const argv = ['create', '-f', assembly, '--from-metadata', action, '--from-metadata', digest, '--push'];
    expect(await run(argv)).toMatchObject({ code: 0 });
    for (const tag of ['3', '1.2', 'latest']) expect(digests(tag)).toEqual(BOTH);
  });

  it.each<[file: string, content: unknown, code: number, message: string]>([
    ['x.json', {}, 5, 'is not a file of a build tool that is known'],
    ['x', 'some text', 5, 'x, line 1: invalid reference "some text"'],
    ['x', '', 5, 'x is empty'],
    ['x.json', { tags: [], annotations: ['nonsense:a'] }, 5, 'x.json: invalid annotation "nonsense:a"'],
    [
      'x.json',
      {
        ...buildOf(AMD64, ''),
        'containerimage.descriptor': { mediaType: AMD64.mediaType, digest: AMD64.digest, size: 1 },
      },
      5,
      'has the size',
    ],
  ])('rejects %s: %.50j', async (name, content, code, message) => {
    const { app, write, registry, run } = await start();
    const file = await write(name, content);
    const result = await run(['create', `${app}:1`, '--from-metadata', file, '--push']);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(message);
    expect(registry.manifest('app', '1')).toBeUndefined();
  });

  it.each([
    [['--from-metadata', 'env'], 125, 'the variable DOCKER_METADATA_OUTPUT_JSON is not set'],
    [['--from-metadata', ''], 125, '--from-metadata is empty'],
    [['--from-metadata', 'missing.json'], 3, 'cannot read missing.json: no such file'],
    [['--from-metadata', '-', '-f', '-'], 125, 'standard input can only be one of the files'],
    [['--repository', 'a/b'], 125, '--repository needs --digests or --from-metadata'],
  ])('%j has the exit code %i', async (flags, code, message) => {
    const { app, run } = await start();
    const result = await run(['create', `${app}:1`, ...flags]);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(message);
  });

  it('without a list says which files do not name it', async () => {
    const { write, run } = await start();
    const file = await write('digest', AMD64.digest);
    const { code, stderr } = await run(['create', '--from-metadata', file]);
    expect(code).toBe(125);
    expect(stderr).toContain(`${file} does not name the list`);
  });
});
