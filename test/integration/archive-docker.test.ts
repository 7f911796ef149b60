import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { afterAll, afterEach, beforeAll, expect, it, onTestFinished, vi } from 'vitest';

import { dockerEngine } from '../../src/http/docker/docker-engine.js';
import { DockerArchive, type LayerCompression } from '../../src/layout/docker-save/docker-archive.js';
import { DockerDaemon } from '../../src/layout/docker-save/docker-daemon.js';
import type { Source } from '../../src/content/source.js';
import type { Digest } from '../../src/oci/digest.js';
import type { ManifestDocument } from '../../src/oci/document.js';
import { parseReference, parseTag } from '../../src/oci/reference.js';
import { copyGraph } from '../../src/publish/copy-graph.js';
import { readAll } from '../contract/contract-content.js';
import { startRegistry } from '../support/docker-registry.js';
import { sha256 } from '../support/docker-save.js';
import { describeIntegration } from '../support/integration.js';
import { connect } from '../support/open-repository.js';
import { podman, skopeo } from '../support/peers.js';
import type { RunResult } from '../support/run.js';
import { makeSandbox, type Sandbox } from '../support/sandbox.js';

interface Descriptors {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}

let sandbox: Sandbox;
const opened: { close(): void }[] = [];

/** Two images of two layers each, the first of which they share, made without any network. */
beforeAll(async () => {
  sandbox = await makeSandbox();
  for (const name of ['one', 'two']) {
    const context = join(sandbox.directory, name);
    await mkdir(context);
    await writeFile(
      join(context, 'Dockerfile'),
      'FROM scratch\nCOPY shared /shared\nCOPY own /own\nCMD ["/own"]\n',
    );
    await writeFile(join(context, 'shared'), 'shared\n'.repeat(100_000));
    await writeFile(join(context, 'own'), `${name}\n`.repeat(1000));
  }
});

afterEach(() => {
  for (const place of opened.splice(0)) place.close();
});

afterAll(() => sandbox.remove());

function archiveAt(path: string): DockerArchive {
  const archive = new DockerArchive({ path });
  opened.push(archive);
  return archive;
}

async function readImage(source: Source, digest: Digest): Promise<ManifestDocument> {
  const document = await source.readManifest(digest);
  if (document.kind !== 'manifest') throw new Error('it is an index');
  return document;
}

async function imageIn(
  path: string,
  name?: string,
  layerCompression: LayerCompression = 'gzip',
): Promise<ManifestDocument> {
  const archive = archiveAt(path);
  const reference = name === undefined ? undefined : parseReference(name);
  return readImage(archive, await archive.selector(reference, { layerCompression }));
}

function succeeded({ code, stdout, stderr }: RunResult): string {
  if (code !== 0) throw new Error(`it ended with ${String(code)}: ${stderr}`);
  return stdout;
}

/** What skopeo makes of an archive: a manifest whose layers are named by their diff_ids. */
async function bySkopeo(path: string, name?: string): Promise<Descriptors> {
  const image = `docker-archive:${path}${name === undefined ? '' : `:${name}`}`;
  return JSON.parse(succeeded(await skopeo(sandbox, ['inspect', '--raw', image]))) as Descriptors;
}

async function build(name: string): Promise<void> {
  succeeded(
    await podman(sandbox, ['build', '-q', '--layers', '-t', `${name}:1`, join(sandbox.directory, name)]),
  );
}

/** Builds both images and saves them, once. */
async function saved(file: string, ...names: readonly string[]): Promise<string> {
  const path = join(sandbox.directory, file);
  if (existsSync(path)) return path;
  await build('one');
  await build('two');
  const several = names.length > 1 ? ['-m'] : [];
  succeeded(
    await podman(sandbox, ['save', '-q', ...several, '--format', 'docker-archive', '-o', path, ...names]),
  );
  return path;
}

describeIntegration('archives of docker save, by others', ['podman', 'skopeo'], () => {
  async function expectSame(path: string, name?: string): Promise<void> {
    const theirs = await bySkopeo(path, name);
    expect(theirs.layers).toHaveLength(2);
    const plain = await imageIn(path, name, 'none');
    expect(plain.value.config.digest).toBe(theirs.config.digest);
    expect(plain.value.layers.map(({ digest, size }) => ({ digest, size }))).toEqual(
      theirs.layers.map(({ digest, size }) => ({ digest, size })),
    );
    const archive = archiveAt(path);
    const { value } = await imageIn(path, name);
    const layers = await Promise.all(
      value.layers.map(async (layer) => readAll(await archive.openBlob(layer))),
    );
    expect(layers.map((layer) => sha256(gunzipSync(layer)))).toEqual(
      theirs.layers.map(({ digest }) => digest),
    );
    expect(value.layers.map(({ digest }) => digest)).toEqual(layers.map(sha256));
    expect(sha256(await readAll(await archive.openBlob(value.config)))).toBe(theirs.config.digest);
  }

  it('podman save', async () => {
    await expectSame(await saved('one.tar', 'one:1'));
    await expectSame(await saved('one.tar'), 'localhost/one:1');
  });

  it('podman save of several images', async () => {
    const path = await saved('several.tar', 'one:1', 'two:1');
    await expectSame(path, 'localhost/one:1');
    await expectSame(path, 'localhost/two:1');
    await expect(archiveAt(path).selector(undefined)).rejects.toMatchObject({
      kind: 'argument',
      hint: 'Choose one: localhost/one:1, localhost/two:1.',
    });
  });

  it('skopeo copy', async () => {
    const from = await saved('one.tar', 'one:1');
    const path = join(sandbox.directory, 'skopeo.tar');
    succeeded(
      await skopeo(sandbox, ['copy', '-q', `docker-archive:${from}`, `docker-archive:${path}:team/one:2`]),
    );
    await expectSame(path, 'team/one:2');
    // What podman and skopeo arrange in different ways is one image.
    expect((await imageIn(path)).digest).toBe((await imageIn(from)).digest);
  });
});

describeIntegration('images of docker save in a registry', ['podman', 'skopeo', 'docker-registry'], () => {
  it.each(['gzip', 'none'] as const)(
    'are what they were, with layer compression %s',
    async (layerCompression) => {
      const registry = await startRegistry();
      onTestFinished(() => registry.stop());
      const path = await saved('one.tar', 'one:1');
      const { digest } = await imageIn(path, undefined, layerCompression);
      const target = connect(registry.host)('app');
      // As after a draft: nothing of the conversion is remembered.
      const source = archiveAt(path);
      await copyGraph(target, [{ descriptor: await source.resolve(digest), source }]);
      await target.writeManifest(await source.readManifest(digest), { tag: parseTag('1') });

      const back = join(sandbox.directory, `back-${layerCompression}.tar`);
      succeeded(
        await skopeo(sandbox, [
          'copy',
          '-q',
          `docker://${registry.host}/app:1`,
          `docker-archive:${back}:app:1`,
        ]),
      );
      expect(await bySkopeo(back)).toEqual(await bySkopeo(path));
    },
  );
});

describeIntegration('an image of a daemon', ['podman'], () => {
  /** podman's own service, which answers as docker's does. */
  async function startService(): Promise<string> {
    const socket = join(sandbox.directory, 'service.sock');
    let service: ChildProcess | undefined;
    const ended = podman(sandbox, ['system', 'service', '--time', '0', `unix://${socket}`], {
      onStart: (child) => (service = child),
    });
    onTestFinished(async () => {
      service?.kill('SIGTERM');
      await ended;
    });
    await vi.waitUntil(() => existsSync(socket), { timeout: 20_000 });
    return `unix://${socket}`;
  }

  function daemon(host: string, name: string): DockerDaemon {
    const place = new DockerDaemon({
      reference: parseReference(name),
      save: dockerEngine({ env: { DOCKER_HOST: host }, homeDirectory: sandbox.directory }),
    });
    opened.push(place);
    return place;
  }

  it('is the one that it saves to a file', async () => {
    const path = await saved('one.tar', 'one:1');
    const host = await startService();
    // podman knows it as localhost/one:1.
    const place = daemon(host, 'one:1');
    const document = await readImage(place, await place.selector());
    expect(document.digest).toBe((await imageIn(path)).digest);
    for (const blob of [document.value.config, ...document.value.layers]) {
      expect(sha256(await readAll(await place.openBlob(blob)))).toBe(blob.digest);
    }
    await expect(daemon(host, 'missing:1').selector()).rejects.toMatchObject({
      kind: 'not-found',
      message: expect.stringContaining('image not known'),
    });
  });
});
