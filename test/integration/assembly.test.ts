import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeEach, expect, it } from 'vitest';

import { digestOf } from '../../src/oci/digest.js';
import type { Descriptor } from '../../src/oci/descriptor.js';
import { amd64, armv7, attested } from '../support/images.js';
import { describeIntegration } from '../support/integration.js';
import { skopeo } from '../support/peers.js';
import { useRegistries } from '../support/registries.js';
import { requestsDuring } from '../support/registry-log.js';
import type { Repository } from '../support/repository.js';
import { blocksOf, page } from '../docs/markdown.js';
import { multiarch, mustRun, type RunOptions, type RunResult } from '../support/run.js';
import { tinyImage, tinyIndex } from '../support/tiny-image.mjs';

describeIntegration('assembling', ['docker-registry', 'skopeo', 'docker', 'bash'], () => {
  const setUp = useRegistries();
  let app: Repository;
  beforeEach(() => {
    app = setUp.repository('app');
  });

  function ours(words: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return multiarch(setUp.sandbox, words, options);
  }

  async function write(name: string, text: string): Promise<string> {
    const path = join(setUp.sandbox.directory, name);
    await writeFile(path, text);
    return path;
  }

  const assembly = (): string => `# yaml-language-server: $schema=./assembly.schema.json
target: ${app.name}:1.2.3
tags: ['1.2', latest]
annotations:
  org.opencontainers.image.version: 1.2.3
require: [linux/amd64, linux/arm64, linux/arm/v7]
images:
  - source: ${app.name}:build
    platforms: [linux/amd64, linux/arm64]
  - source: ${app.name}:build-arm
    annotations: { note: "built by hand" }
`;

  it('create -f and push: what is published is what the file says, for clients of others too', async () => {
    await app.add(attested, 'build');
    await app.add(armv7, 'build-arm');
    const file = await write('assembly.yaml', assembly());

    expect(await ours(['create', '-f', file])).toMatchObject({ code: 0 });
    expect(await ours(['push', `${app.name}:1.2.3`, '--purge'])).toMatchObject({ code: 0 });

    const { text } = await app.readManifest('1.2.3');
    expect(JSON.parse(text)).toMatchObject({
      mediaType: 'application/vnd.oci.image.index.v1+json',
      annotations: { 'org.opencontainers.image.version': '1.2.3' },
      manifests: [
        ...attested.images.map(({ manifest }) => ({ digest: manifest.digest })),
        { digest: armv7.manifest.digest, annotations: { note: 'built by hand' } },
      ],
    });
    for (const tag of ['1.2', 'latest']) expect((await app.readManifest(tag)).text).toBe(text);
    const directory = `dir:${join(setUp.sandbox.directory, 'copy')}`;
    const copied = await skopeo(setUp.sandbox, ['copy', '--all', `docker://${app.name}:latest`, directory]);
    expect(copied).toMatchObject({ code: 0 });
  });

  it('publishes what the docker script beside it in docs/migration/docker-manifest.md publishes', async () => {
    const text = page('docs/migration/docker-manifest.md');
    const block = (directive: string): string =>
      (blocksOf(text).find((each) => each.directive === directive)?.code ?? '').replaceAll(
        'registry.example.com/team/app',
        app.name,
      );
    const script = block('replaced: assembly');
    expect(script.split('\n').length).toBeGreaterThanOrEqual(10);
    for (const architecture of ['amd64', 'arm64'] as const) {
      await app.add(tinyImage({ architecture, mediaTypes: 'docker' }), `1.2-${architecture}`);
    }
    // The test's registry speaks plain HTTP, for which docker's client alone needs a flag.
    const insecure = script.replaceAll(/docker manifest (create|push)/g, '$& --insecure');
    await mustRun('bash', ['-c', insecure], { env: setUp.sandbox.env });
    const byDocker = await Promise.all(['1.2', '1', 'latest'].map((tag) => app.readManifest(tag)));
    await app.deleteManifest(digestOf(Buffer.from(byDocker[0]?.text ?? '')));
    expect(await app.hasManifest('latest')).toBe(false);

    const file = await write('assembly.yaml', block('save: assembly assembly.yaml'));
    expect(await ours(['create', '-f', file, '--push'])).toMatchObject({ code: 0 });

    const byFile = await Promise.all(['1.2', '1', 'latest'].map((tag) => app.readManifest(tag)));
    expect(byFile.map(entriesByPlatform)).toEqual(byDocker.map(entriesByPlatform));
  });

  it('from standard input, in one run', async () => {
    await app.add(attested, 'build');
    await app.add(armv7, 'build-arm');
    const result = await ours(['create', '-f', '-', '--push', '--purge', '-q'], { stdin: assembly() });
    expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/^sha256:\w{64}\n$/) });
    expect(await app.hasManifest('latest')).toBe(true);
  });

  it('publishes several lists together, which are undone together', async () => {
    const other = setUp.repository('tools');
    await app.add(attested, 'build');
    await app.add(armv7, 'build-arm');
    const tags = async (): Promise<unknown[]> =>
      Promise.all(
        [app, other].flatMap((repository) =>
          ['1', 'latest'].map(async (tag) =>
            (await repository.hasManifest(tag)) ? (await repository.readManifest(tag)).text : undefined,
          ),
        ),
      );
    const lists = (source: string): string => `lists:
  - { target: '${app.name}:1', tags: [latest], images: [{ source: '${app.name}:build' }] }
  - { target: '${other.name}:1', tags: [latest], images: [{ source: '${source}' }] }
`;
    const failed = await ours(['create', '-f', '-', '--push'], { stdin: lists(`${app.name}:none`) });
    expect(failed.code).toBe(3);
    expect(await tags()).toEqual([undefined, undefined, undefined, undefined]);
    const first = await ours(['create', '-f', '-', '--push', '-q'], { stdin: lists(`${app.name}:build`) });
    expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^(?:sha256:\w{64}\n){2}$/) });
    const before = await tags();
    const second = lists(`${app.name}:build-arm`).replace(":build'", ":build-arm'");
    expect((await ours(['create', '-f', '-', '--push'], { stdin: second })).code).toBe(0);
    expect(await tags()).not.toContainEqual(before[0]);
    expect((await ours(['undo', `${other.name}:1`])).code).toBe(0);
    expect(await tags()).toEqual(before);
  });

  it('moves no tag where one platform is missing', async () => {
    await app.add(attested, 'build');
    await app.add(amd64, 'build-arm');
    const { result, requests } = await requestsDuring(setUp.registry, () =>
      ours(['create', '-f', '-', '--push'], { stdin: assembly() }),
    );
    expect(result).toMatchObject({ code: 5, stdout: '' });
    expect(result.stderr).toContain('has no image for linux/arm/v7');
    expect(requests.filter((line) => !/^(GET|HEAD) /.test(line))).toEqual([]);
  });

  it('waits for an image that another job pushes meanwhile', async () => {
    await app.add(attested, 'build');
    const words = ['create', '-f', '-', '--wait', '60s', '--push', '--progress', 'plain'];
    const { result, requests } = await requestsDuring(setUp.registry, () =>
      ours(words, {
        stdin: assembly(),
        onStart: (child) => {
          let pushed: Promise<unknown> | undefined;
          child.stderr?.on('data', (chunk: Buffer) => {
            if (chunk.toString().includes('Waiting for')) pushed ??= app.add(armv7, 'build-arm');
          });
        },
      }),
    );
    expect(result).toMatchObject({ code: 0 });
    expect(result.stderr).toContain(`Waiting for ${app.name}:build-arm\n`);
    const heads = requests.filter((line) => line.startsWith('HEAD'));
    expect(heads.filter((line) => line.includes('/manifests/build '))).toHaveLength(1);
    expect(heads.filter((line) => line.endsWith('/manifests/build-arm 404')).length).toBeGreaterThan(0);
  });

  it('adds to a list that is in the registry only, and notices that someone else did so first', async () => {
    const list = `${app.name}:1`;
    await app.add(attested, '1');
    const third = await app.add(armv7, 'build-arm');
    const words = ['create', list, '--from', list, third];
    expect(await ours(words)).toMatchObject({ code: 0 });
    await app.add(tinyIndex([amd64]), '1');

    const late = await ours(['push', list]);

    expect(late).toMatchObject({ code: 7, stdout: '' });
    expect(late.stderr).toContain(attested.digest);
    await ours(['rm', list]);
    expect(await ours([...words, '--push'])).toMatchObject({ code: 0 });
    const diff = await ours(['diff', `${app.name}@${tinyIndex([amd64]).digest}`, list, '--json']);
    expect(diff.code).toBe(1);
    expect(JSON.parse(diff.stdout)).toMatchObject({
      platforms: { added: [{ descriptor: { digest: armv7.manifest.digest } }], removed: [], changed: [] },
    });
  });

  it.each([
    [
      'an unknown key',
      (text: string) => text.replace('require:', 'requires:'),
      'line 6, column 1: is not a known member',
    ],
    [
      'a platform twice',
      (text: string) => text.replace('linux/arm64]', 'linux/arm64, linux/aarch64]'),
      'is linux/arm64, as is /images/0/platforms/1',
    ],
    [
      'a platform that the source does not have',
      (text: string) => text.replace('[linux/amd64, linux/arm64]\n  -', '[linux/s390x]\n  -'),
      'has an image for linux/s390x',
    ],
    ['a name that is no name', (text: string) => text.replace(':build-arm', ':-'), 'invalid reference'],
  ])('refuses %s with exit code 5, and writes nothing', async (_what, spoil, message) => {
    await app.add(attested, 'build');
    await app.add(armv7, 'build-arm');
    const { result, requests } = await requestsDuring(setUp.registry, () =>
      ours(['create', '-f', '-', '--push'], { stdin: spoil(assembly()) }),
    );
    expect(result).toMatchObject({ code: 5, stdout: '' });
    expect(result.stderr).toContain(message);
    expect(requests.filter((line) => !/^(GET|HEAD) /.test(line))).toEqual([]);
  });

  it('names every source that is not there', async () => {
    const result = await ours(['create', '-f', '-'], { stdin: assembly() });
    expect(result).toMatchObject({ code: 3, stdout: '' });
    expect(result.stderr).toContain('2 of 2 sources cannot be used:');
    expect(result.stderr).toContain(`no such manifest: ${app.name}:build-arm`);
  });
});

/** docker sorts its entries by their names. */
function entriesByPlatform({ text }: { readonly text: string }): readonly unknown[] {
  const { manifests } = JSON.parse(text) as { readonly manifests: readonly Descriptor[] };
  return manifests
    .map(({ digest, platform }) => ({ digest, platform }))
    .sort((a, b) => (a.digest < b.digest ? -1 : 1));
}
