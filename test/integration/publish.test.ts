import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';

import { beforeEach, expect, it } from 'vitest';

import { amd64, arm64, attested, pair } from '../support/images.js';
import { describeIntegration } from '../support/integration.js';
import { skopeo } from '../support/peers.js';
import { useRegistries } from '../support/registries.js';
import { requestsDuring } from '../support/registry-log.js';
import type { Repository } from '../support/repository.js';
import { snapshot } from '../support/snapshot.js';
import { tinyImage } from '../support/tiny-image.mjs';

const docker = tinyImage({ architecture: 's390x', mediaTypes: 'docker' });
describeIntegration('publishing', ['docker-registry', 'skopeo'], () => {
  const setUp = useRegistries(2);
  let app: Repository;
  beforeEach(() => {
    app = setUp.repository('app');
  });

  /** @returns the standard output */
  async function succeed(...words: string[]): Promise<string> {
    const result = await setUp.run(...words);
    expect(result).toMatchObject({ code: 0 });
    return result.stdout;
  }

  /** All that an index points to, read and checked by a client of others. */
  async function copyAll(source: string): Promise<void> {
    const copied = await skopeo(setUp.sandbox, [
      'copy',
      '--all',
      source,
      `dir:${setUp.sandbox.directory}/copy`,
    ]);
    expect(copied).toMatchObject({ code: 0 });
  }

  it('mounts the blobs of another repository of the registry, and uploads none', async () => {
    const parts = setUp.repository('parts');
    const sources = [await parts.add(amd64, 'amd64'), await parts.add(docker, 's390x')];
    const list = `${app.name}:1`;
    await succeed('create', list, ...sources);

    const { result, requests } = await requestsDuring(setUp.registry, () => setUp.run('push', list));

    expect(result.stdout).toMatch(/^sha256:\w+\n$/m);
    const lines = [amd64, docker].map(
      ({ manifest: { digest } }) => `Pushed ref ${app.name}@${digest} with digest: ${digest}\n`,
    );
    expect(result).toMatchObject({ code: 0, stdout: expect.stringContaining(lines.join('')) });
    const blobs = requests.filter((line) => / \/v2\/test-\d+\/app\/blobs\/uploads\//.test(line));
    expect(blobs).toHaveLength(4);
    for (const line of blobs) expect(line).toMatch(/^POST .*\?.*mount=.* 201$/);
    await copyAll(`docker://${list}`);
  });

  it('streams to another registry, with the same digests', async () => {
    const sources = [await app.add(amd64, 'amd64'), await app.add(docker, 's390x')];
    const target = setUp.repository('elsewhere', setUp.other);
    await succeed('create', `${app.name}:1`, ...sources);
    const here = await succeed('push', `${app.name}:1`);

    const there = await succeed('create', `${target.name}:1`, ...sources, '--push');

    expect(there.trimEnd().split('\n').at(-1)).toBe(here.trimEnd());
    expect(await target.readManifest('1')).toEqual(await app.readManifest('1'));
    for (const { manifest } of [amd64, docker]) {
      expect(await target.readManifest(manifest.digest)).toEqual(await app.readManifest(manifest.digest));
    }
    await copyAll(`docker://${target.name}:1`);
  });

  it('moves one tag here and one in another registry in the same push', async () => {
    const target = setUp.repository('copy', setUp.other);
    await succeed('create', `${app.name}:1`, await app.add(amd64, 'amd64'));

    const stdout = await succeed('push', `${app.name}:1`, '--tag', `${target.name}:stable`, '--tag', '2');

    expect(stdout).toContain(`Pushed ref ${target.name}@${amd64.manifest.digest} `);
    expect(await target.readManifest('stable')).toEqual(await app.readManifest('1'));
    expect(await app.readManifest('2')).toEqual(await app.readManifest('1'));
  });

  it('from a registry to an image layout and on to a registry, everything keeps its bytes', async () => {
    const source = await app.add(attested, 'attested');
    const target = setUp.repository('from-layout', setUp.other);
    const layout = `oci:${join(setUp.sandbox.directory, 'layout')}:1.2`;

    const first = await succeed('create', `${app.name}:joined`, source, '--push');
    const intoLayout = await succeed('create', layout, `${app.name}:joined`, '--push');
    const outOfLayout = await succeed('create', `${target.name}:1.2`, layout, '--push');

    const digest = first.trimEnd();
    expect(intoLayout.trimEnd().split('\n').at(-1)).toBe(digest);
    expect(outOfLayout.trimEnd().split('\n').at(-1)).toBe(digest);
    expect(await target.readManifest('1.2')).toEqual(await app.readManifest('joined'));
    await copyAll(layout);
    await copyAll(`docker://${target.name}:1.2`);
  });

  it('takes an image that was built with provenance, which is an index', async () => {
    const both = await app.add(attested, 'attested');
    const third = await app.add(docker, 's390x');
    await succeed('create', `${app.name}:all`, both, third);

    await succeed('push', `${app.name}:all`);

    const { text } = await app.readManifest('all');
    const images = [...attested.images, docker];
    expect(JSON.parse(text)).toMatchObject({
      manifests: images.map(({ manifest, platform, annotations }) => ({
        digest: manifest.digest,
        platform,
        ...(annotations && { annotations }),
      })),
    });
  });

  it('a second push of the same writes nothing', async () => {
    const list = `${app.name}:1`;
    await succeed('create', list, await app.add(amd64, 'amd64'), await app.add(arm64, 'arm64'));
    const first = await requestsDuring(setUp.registry, () => succeed('push', list, '--tag', '2'));

    const again = await requestsDuring(setUp.registry, () => succeed('push', list, '--tag', '2'));

    expect(writes(first.requests)).toEqual(
      ['1', '2'].map((tag) => `PUT /v2/${app.path}/manifests/${tag} 201`),
    );
    expect(again.result).toBe(first.result);
    expect(writes(again.requests)).toEqual([]);
  });

  it('a child that went away since is put back where the draft holds it', async () => {
    const list = `${app.name}:1`;
    await succeed('create', list, await app.add(amd64, 'amd64'), await app.add(arm64, 'arm64'));
    await app.deleteManifest(arm64.manifest.digest);

    await succeed('push', list);

    await copyAll(`docker://${list}`);
  });

  it('a child that went away since, of which the draft knows the descriptor, is an error before the tag moves', async () => {
    const list = `${app.name}:1`;
    await succeed('create', list, await app.add(pair, 'index'));
    await app.deleteManifest(arm64.manifest.digest);

    const { result, requests } = await requestsDuring(setUp.registry, () => setUp.run('push', list));

    expect(result).toMatchObject({ code: 3, stdout: '' });
    expect(result.stderr).toContain(`no such manifest: ${app.name}@${arm64.manifest.digest}`);
    expect(writes(requests)).toEqual([]);
    expect(await app.hasManifest('1')).toBe(false);
  });

  it('a blob that went away since is an error before the tag moves', async () => {
    const target = setUp.repository('target', setUp.other);
    const list = `${target.name}:1`;
    await target.add(docker, '1');
    const before = await target.readManifest('1');
    await succeed('create', list, await app.add(amd64, 'amd64'));
    const digest = amd64.layers[0]?.digest ?? '';
    await app.deleteBlob(digest);

    const { code, stdout, stderr } = await setUp.run('push', list);

    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toContain(`${app.name}@${digest}`);
    expect(await target.readManifest('1')).toEqual(before);
    expect(await target.hasManifest(amd64.manifest.digest)).toBe(false);
  });

  it('a list without images is refused', async () => {
    await succeed('create', `${app.name}:empty`);

    const { result, requests } = await requestsDuring(setUp.registry, () =>
      setUp.run('push', `${app.name}:empty`),
    );

    expect(result).toMatchObject({ code: 5, stdout: '' });
    expect(result.stderr).toContain(`${app.name}:empty`);
    expect(writes(requests)).toEqual([]);
  });

  it('a source that does not exist is told with what to check', async () => {
    await app.add(amd64, 'amd64');

    const result = await setUp.run('create', `${app.name}:1`, `${app.name}:amd64`, `${app.name}:arm64`);

    expect(result).toMatchObject({ code: 3, stdout: '' });
    expect(result.stderr).toContain(`no such manifest: ${app.name}:arm64\n`);
    expect(result.stderr).toMatch(/^hint: .*check that it was pushed.*MANIFEST_UNKNOWN/m);
    expect(await snapshot(join(setUp.sandbox.directory, 'drafts'))).toEqual({});
  });

  it('a registry that does not run is told by its name, with what to check', async () => {
    const host = await hostWithoutServer();

    const { code, stdout, stderr } = await setUp.run(
      'create',
      `${app.name}:1`,
      `${host}/app:1`,
      '--retries',
      '0',
    );

    expect({ code, stdout }).toEqual({ code: 6, stdout: '' });
    expect(stderr).toContain(`${host} refused the connection`);
    expect(stderr).toMatch(/^hint: Check that the server is running, and the port/m);
  });
});

/** What a registry changed: all but the requests that only read. */
function writes(requests: readonly string[]): string[] {
  return requests.filter((line) => !/^(GET|HEAD) /.test(line));
}

/** An address of this machine where nobody listens: a port that was free a moment ago. */
async function hostWithoutServer(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return `127.0.0.1:${port}`;
}
