import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { imagesOf, seedImages } from '../support/architectures.js';
import type { MemoryAccount } from '../support/memory-auth.js';
import type { MemoryRegistry } from '../support/memory-registry.js';
import { startRegistry } from '../support/open-repository.js';
import { Rounds } from '../support/rounds.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { openMultiarch } from '../support/test-multiarch.js';
import { tinyIndex, type TinyImage } from '../support/tiny-image.mjs';

const account: MemoryAccount = { kind: 'bearer', username: 'ann', password: 'correct horse' };
const images = imagesOf(7);

/** A line of the log for a manifest. */
const manifest = (method: string, selector: string, status: number, path = 'app'): string =>
  `${method} /v2/${path}/manifests/${short(selector)} ${status}`;
const configRead = (image: TinyImage, path = 'app'): string =>
  `GET /v2/${path}/blobs/${short(image.config.digest)} 200`;
/** What reads these images by their tags, of which `seedImages` has made `0`, `1` and so on. */
const reads = (of: readonly TinyImage[]): string[] =>
  of.flatMap((image, position) => [manifest('GET', String(position), 200), configRead(image)]);

function short(selector: string): string {
  return selector.replace(/^(sha256:.{8}).*/, '$1');
}

function sorted(lines: readonly string[]): string[] {
  return [...lines].sort();
}

function logins(registry: MemoryRegistry): Readonly<Record<string, MemoryAccount>> {
  return { [registry.host]: account };
}

describe('create', () => {
  it.each([1, 3, 7])('of %i images of one repository: a manifest and a config each', async (count) => {
    const registry = await startRegistry();
    const chosen = images.slice(0, count);
    const sources = seedImages(registry, 'app', chosen);
    const multiarch = await openMultiarch();

    await multiarch.create(`${registry.host}/app:list`, sources);

    expect(sorted(registry.lines())).toEqual(sorted(reads(chosen)));
  });

  it('with authentication: one rejected request and one token request more', async () => {
    const registry = await startRegistry({ auth: account });
    const sources = seedImages(registry, 'app', images);
    const multiarch = await openMultiarch({ logins: logins(registry) });

    await multiarch.create(`${registry.host}/app:list`, sources);

    const [first = '', second = '', ...others] = registry.lines();
    expect(first).toBe(manifest('GET', '0', 401));
    expect(second).toMatch(/^(GET|POST) \/token\S* 200$/);
    expect(sorted(others)).toEqual(sorted(reads(images)));
  });

  it('of images with attestations: one request each, and none to their children', async () => {
    const registry = await startRegistry();
    const indexes = images.map((image) => tinyIndex([image], { attestations: true }));
    for (const [position, index] of indexes.entries()) registry.put('app', index, String(position));
    const multiarch = await openMultiarch();

    const { draft } = await multiarch.create(
      `${registry.host}/app:list`,
      indexes.map((_, position) => `${registry.host}/app:${position}`),
    );

    expect(draft.entries).toHaveLength(14);
    expect(sorted(registry.lines())).toEqual(
      indexes.map((_, position) => manifest('GET', String(position), 200)),
    );
  });

  it('reads a source once that is named twice', async () => {
    const registry = await startRegistry();
    const [source = ''] = seedImages(registry, 'app', images);
    const multiarch = await openMultiarch();

    const { draft } = await multiarch.create(`${registry.host}/app:list`, [source, `docker://${source}`]);

    expect(draft.entries).toHaveLength(1);
    expect(registry.requests).toHaveLength(2);
  });

  it.each([2, 5])('keeps to the limit of concurrent requests: %i', async (concurrency) => {
    // The first one goes alone, to see whether it has to log in.
    const rounds = new Rounds([1, concurrency]);
    const registry = await startRegistry({ fault: rounds.fault });
    const sources = seedImages(registry, 'app', images);
    const multiarch = await openMultiarch({ concurrency });

    await multiarch.create(`${registry.host}/app:list`, sources);

    expect(rounds.completed).toBe(2);
    expect(rounds.mostAtOnce).toBe(concurrency);
    expect(registry.connections).toBeLessThanOrEqual(concurrency);
  });
});

describe('push', () => {
  /** A draft of all images, in a store that the runs of a test share. */
  async function drafted(options: Parameters<typeof startRegistry>[0] = {}, path = 'app') {
    const rounds = new Rounds();
    const registry = await startRegistry({ fault: rounds.fault, ...options });
    const sources = seedImages(registry, path, images);
    const store = await temporaryDirectory();
    const list = `${registry.host}/app:list`;
    const run = () => openMultiarch({ store, ...(options.auth && { logins: logins(registry) }) });
    await (await run()).create(list, sources);
    registry.clearLog();
    return { rounds, registry, list, run };
  }

  const finds = [
    manifest('HEAD', 'list', 404),
    ...images.map((image) => manifest('HEAD', image.manifest.digest, 200)),
  ];

  it('in the repository of the images: checks the tag and each child in parallel, then puts the index', async () => {
    const { rounds, registry, list, run } = await drafted();
    rounds.expect([1, 7, 1]);

    await (await run()).push(list);

    expect(rounds.completed).toBe(3);
    expect(sorted(registry.lines().slice(0, -1))).toEqual(sorted(finds));
    expect(registry.lines().at(-1)).toBe(manifest('PUT', 'list', 201));
  });

  it('with authentication: one rejected request and one token request more', async () => {
    const { rounds, registry, list, run } = await drafted({ auth: account });
    rounds.expect([1, 1, 8, 1]);

    await (await run()).push(list);

    const [first = '', second = '', ...others] = registry.lines();
    expect(rounds.completed).toBe(4);
    expect(first).toBe(manifest('HEAD', 'list', 401));
    expect(second).toMatch(/^(GET|POST) \/token\S* 200$/);
    expect(sorted(others.slice(0, -1))).toEqual(sorted(finds));
    expect(others.at(-1)).toBe(manifest('PUT', 'list', 201));
  });

  it('of what the tag already points to: no PUT', async () => {
    const { registry, list, run } = await drafted();
    await (await run()).push(list);
    registry.clearLog();

    const { tags } = await (await run()).push(list);

    expect(tags).toMatchObject([{ outcome: 'unchanged' }]);
    expect(sorted(registry.lines())).toEqual(sorted([manifest('HEAD', 'list', 200), ...finds.slice(1)]));
  });

  it('to several tags of one repository: checks each child once, and puts the index once for each tag', async () => {
    const { registry, list, run } = await drafted();

    await (await run()).push(list, { tags: ['1.0', 'latest'] });

    expect(sorted(registry.lines().slice(0, -3))).toEqual(
      sorted([...finds, manifest('HEAD', '1.0', 404), manifest('HEAD', 'latest', 404)]),
    );
    expect(registry.lines().slice(-3)).toEqual(
      ['list', '1.0', 'latest'].map((tag) => manifest('PUT', tag, 201)),
    );
  });
});

describe('create and push in one run', () => {
  it('does not check children that were read from the target', async () => {
    const registry = await startRegistry();
    const sources = seedImages(registry, 'app', images);
    const multiarch = await openMultiarch();

    await multiarch.createAndPush(`${registry.host}/app:list`, sources);

    expect(sorted(registry.lines().slice(0, -1))).toEqual(
      sorted([manifest('HEAD', 'list', 404), ...reads(images)]),
    );
    expect(registry.lines().at(-1)).toBe(manifest('PUT', 'list', 201));
  });

  it('nor for several tags', async () => {
    const registry = await startRegistry();
    const sources = seedImages(registry, 'app', images);
    const multiarch = await openMultiarch();

    await multiarch.createAndPush(`${registry.host}/app:list`, sources, { tags: ['latest'] });

    expect(registry.lines().filter((line) => line.startsWith('HEAD'))).toEqual([
      manifest('HEAD', 'list', 404),
      manifest('HEAD', 'latest', 404),
    ]);
  });

  it('checks the children of a source index, since they were not read', async () => {
    const registry = await startRegistry();
    const chosen = images.slice(0, 3);
    registry.put('app', tinyIndex(chosen), 'all');
    const multiarch = await openMultiarch();

    await multiarch.createAndPush(`${registry.host}/app:list`, [`${registry.host}/app:all`]);

    expect(sorted(registry.lines())).toEqual(
      sorted([
        manifest('HEAD', 'list', 404),
        manifest('GET', 'all', 200),
        ...chosen.map((image) => manifest('HEAD', image.manifest.digest, 200)),
        manifest('PUT', 'list', 201),
      ]),
    );
  });

  it('of seven images behind a token: five round trips and one for the connections', async () => {
    const rounds = new Rounds();
    const registry = await startRegistry({ auth: account, fault: rounds.fault });
    rounds.watch(registry);
    const sources = seedImages(registry, 'app', images);
    const multiarch = await openMultiarch({ logins: logins(registry) });
    // The rejected request, while other connections are opened, one for each request that waits; the token, and one more
    // connection since the rejected request is repeated; the tag and the manifests; the configs; the index. The first
    // connection is one round trip more.
    rounds.expect([{ requests: 1, connections: 7 }, { requests: 1, connections: 8 }, 8, 7, 1]);

    await multiarch.createAndPush(`${registry.host}/app:list`, sources);

    expect(rounds.completed).toBe(5);
    expect(registry.requests).toHaveLength(18);
    expect(registry.connections).toBe(8);
  });
});

describe('connections ahead of requests', () => {
  it('of seven images without a token: opened while the first response is awaited', async () => {
    const rounds = new Rounds();
    const registry = await startRegistry({ fault: rounds.fault });
    rounds.watch(registry);
    const sources = seedImages(registry, 'app', images);
    const multiarch = await openMultiarch();
    rounds.expect([{ requests: 1, connections: 7 }, 7, 7, 1]);

    await multiarch.createAndPush(`${registry.host}/app:list`, sources);

    expect(rounds.completed).toBe(4);
    expect(registry.requests).toHaveLength(16);
    expect(registry.connections).toBe(7);
  });

  it('to the token server of an earlier run: opened while the registry names it again', async () => {
    const rounds = new Rounds();
    const registry = await startRegistry({ auth: account, separateTokens: true, fault: rounds.fault });
    rounds.watch(registry);
    const sources = seedImages(registry, 'app', images);
    const cache = join(await temporaryDirectory(), 'cache');
    const run = async (): Promise<void> => {
      const multiarch = await openMultiarch({ logins: logins(registry), cache });
      await multiarch.createAndPush(`${registry.host}/app:list`, sources);
      await multiarch.close();
    };
    rounds.expect([{ requests: 1, connections: 7 }, { requests: 1, connections: 9 }, 8, 7, 1]);
    await run();
    expect(registry.connections).toBe(9);

    // Eight more: one is to the token server, which was not named yet. The configs are cached, and the tag has the index.
    rounds.expect([{ requests: 1, connections: 17 }, { requests: 1, connections: 18 }, 8]);
    await run();

    expect(rounds.completed).toBe(3);
    expect(registry.requests).toHaveLength(18 + 10);
    expect(registry.connections).toBe(18);
    expect(registry.connectionsTo(registry.tokenPort)).toBe(2);
  });

  it('to another server than the registry names cost that connection, and nothing is sent there', async () => {
    const registry = await startRegistry({ auth: account, separateTokens: true });
    const former = await startRegistry();
    const cache = await temporaryDirectory();
    const file = join(cache, 'token-servers.json');
    const known = (host: string) => ({ version: 1, tokenServers: { [registry.host]: `http://${host}` } });
    await writeFile(file, JSON.stringify(known(former.host)));
    registry.put('app', tinyIndex(images), 'list');
    const multiarch = await openMultiarch({ logins: logins(registry), cache });

    await multiarch.inspect(`${registry.host}/app:list`);
    await multiarch.close();

    expect(former.connections).toBe(1);
    expect(former.requests).toEqual([]);
    expect(registry.requests).toHaveLength(3);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(known(`127.0.0.1:${registry.tokenPort}`));
  });
});

describe('push to another repository of the registry', () => {
  it('does not read manifests in the draft again: a check and a mount for each blob, and the writes', async () => {
    const registry = await startRegistry();
    const chosen = images.slice(0, 2);
    const sources = seedImages(registry, 'app', chosen);
    const list = `${registry.host}/other:list`;
    const multiarch = await openMultiarch();
    await multiarch.create(list, sources);
    registry.clearLog();

    await multiarch.push(list);

    const blobs = chosen.flatMap(({ config, layers }) =>
      [config, ...layers].map(({ digest }) => short(digest)),
    );
    expect(sorted(registry.lines())).toEqual(
      sorted([
        // Before the mounts, and before the tag moves.
        ...Array.from({ length: 2 }, () => manifest('HEAD', 'list', 404, 'other')),
        ...chosen.flatMap((image) => [
          manifest('HEAD', image.manifest.digest, 404, 'other'),
          manifest('PUT', image.manifest.digest, 201, 'other'),
        ]),
        ...blobs.flatMap((digest) => [
          `HEAD /v2/other/blobs/${digest} 404`,
          `POST /v2/other/blobs/uploads/?mount=${digest}&from=app 201`,
        ]),
        manifest('PUT', 'list', 201, 'other'),
      ]),
    );
  });
});

describe('inspect', () => {
  it('of a remote index: one request', async () => {
    const registry = await startRegistry();
    registry.put('app', tinyIndex(images, { attestations: true }), 'list');
    const multiarch = await openMultiarch();

    const { children } = await multiarch.inspect(`${registry.host}/app:list`);

    expect(children).toHaveLength(14);
    expect(registry.lines()).toEqual([manifest('GET', 'list', 200)]);
  });

  it('requests the pull permission only', async () => {
    const registry = await startRegistry({ auth: { ...account, anonymousPull: true } });
    registry.put('app', tinyIndex(images), 'list');
    const multiarch = await openMultiarch();

    await multiarch.inspect(`${registry.host}/app:list`);

    const [, token = ''] = registry.lines();
    expect(token).toContain(encodeURIComponent('repository:app:pull'));
    expect(token).not.toContain('push');
  });

  it('of a draft: none', async () => {
    const registry = await startRegistry();
    const sources = seedImages(registry, 'app', images);
    const multiarch = await openMultiarch();
    await multiarch.create(`${registry.host}/app:list`, sources);
    registry.clearLog();

    const inspection = await multiarch.inspect(`${registry.host}/app:list`);
    const [child] = inspection.children;

    expect(inspection.state).toBe('draft');
    expect((await child?.read())?.document.digest).toBe(images[0]?.manifest.digest);
    expect(registry.requests).toEqual([]);
  });
});
