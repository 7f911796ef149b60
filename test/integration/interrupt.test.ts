import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { startRegistry, type RunningRegistry } from '../support/docker-registry.js';
import { amd64, arm64 as small } from '../support/images.js';
import { describeIntegration } from '../support/integration.js';
import { requestsDuring } from '../support/registry-log.js';
import { Repository } from '../support/repository.js';
import { multiarch, type RunResult } from '../support/run.js';
import { makeSandbox, type Sandbox } from '../support/sandbox.js';
import { startScriptedServer } from '../support/scripted-server.js';
import { snapshot } from '../support/snapshot.js';
import { StallingProxy } from '../support/stalling-proxy.js';
import { writeLayout, type TinyBlob, type TinyImage } from '../support/tiny-image.mjs';

const MEBIBYTE = 1 << 20;
/** Far more than what buffers on the way can take, so the transfer is under way when it is held up. */
const large = withLayer(amd64, Buffer.alloc(32 * MEBIBYTE, 'large '));
describeIntegration('Ctrl-C', ['docker-registry'], () => {
  let registry: RunningRegistry;
  let sandbox: Sandbox;
  beforeAll(async () => {
    registry = await startRegistry();
  });
  afterAll(() => registry.stop());
  beforeEach(async () => {
    sandbox = await makeSandbox();
  });
  afterEach(() => sandbox.remove());

  /** Interrupts the command as soon as `moment` has come. */
  async function interrupted(moment: Promise<unknown>, ...words: string[]): Promise<RunResult> {
    return multiarch(sandbox, words, {
      onStart: (child) => {
        void moment.then(() => child.kill('SIGINT'));
      },
    });
  }

  const drafts = (): ReturnType<typeof snapshot> => snapshot(join(sandbox.directory, 'drafts'));

  describe.each([
    { moment: 'before the first byte', letThrough: 0, status: 204 },
    // distribution 2.8 rejects it: the session's state, which only its responses renew, still says that it is empty.
    { moment: 'in the middle', letThrough: MEBIBYTE, status: 404 },
  ])('$moment of an upload', ({ letThrough, status }) => {
    it('gives up the upload at the registry, moves no tag, and leaves the draft as it was', async () => {
      const proxy = await StallingProxy.start(registry, 'upload', letThrough);
      onTestFinished(() => proxy.stop());
      const path = `upload-${letThrough}`;
      await new Repository(registry, path).putBlob(large.config);
      const layout = join(sandbox.directory, 'layout');
      await writeLayout(layout, large, 'large');
      const list = `${proxy.host}/${path}:1`;
      expect(await multiarch(sandbox, ['create', list, `oci:${layout}:large`])).toMatchObject({ code: 0 });
      const before = await drafts();

      const { result, requests } = await requestsDuring(registry, () =>
        interrupted(proxy.stalled, 'push', list),
      );

      expect(result).toMatchObject({ code: 130, stdout: '' });
      expect(result.stderr).toMatch(/^cancelled\b/m);
      expect(await drafts()).toEqual(before);
      expect(requests).toContain(`DELETE /v2/${path}/blobs/uploads/<id> ${status}`);
      const repository = join(registry.storage, 'docker/registry/v2/repositories', path);
      const left = Object.keys(await snapshot(join(repository, '_uploads')));
      // How far distribution had hashed is saved once more after the rest has been removed.
      const files = left.filter((file) => !file.includes('hashstates')).map((file) => basename(file));
      // What is left after a rejection shows when a registry accepts it: the documentation says that 2.8 does not.
      expect(files.toSorted()).toEqual(status === 204 ? [] : ['data', 'startedat']);
      expect(await readdir(repository)).not.toContain('_manifests');
    });
  });

  it('in the middle of a download leaves an image layout as it was', async () => {
    const source = new Repository(registry, 'download');
    await source.add(large, 'large');
    const proxy = await StallingProxy.start(registry, 'download', MEBIBYTE);
    onTestFinished(() => proxy.stop());
    const layout = join(sandbox.directory, 'layout');
    await writeLayout(layout, small, 'small');
    const before = await snapshot(layout);

    const words = ['create', '--push', `oci:${layout}:1`, `${proxy.host}/download:large`];
    const result = await interrupted(proxy.stalled, ...words);
    expect(result).toMatchObject({ code: 130, stdout: '' });
    const after = await snapshot(layout);
    // What was written whole stays, as with any content store; nothing half-written does.
    expect(after).toMatchObject(before);
    const added = Object.keys(after).filter((file) => !(file in before));
    expect(added).toEqual(added.filter((file) => file === blobFile(large.config)));
  });

  it('while a server does not answer leaves no draft', async () => {
    const server = await startScriptedServer();
    server.expect({ method: 'GET', path: '/v2/app/manifests/1', answer: { fault: 'stall' } });

    const result = await interrupted(
      server.came(1),
      'create',
      `${registry.host}/app:1`,
      `${server.host}/app:1`,
    );

    expect(result).toMatchObject({ code: 130, stdout: '' });
    expect(await drafts()).toEqual({});
  });
});

/** The image with another layer, which no client here unpacks. */
function withLayer({ manifest, config }: TinyImage, bytes: Uint8Array): TinyImage {
  const layer = blob(bytes, 'application/vnd.oci.image.layer.v1.tar');
  const { mediaType, digest, size } = layer;
  const value = JSON.parse(Buffer.from(manifest.bytes).toString()) as object;
  const text = JSON.stringify({ ...value, layers: [{ mediaType, digest, size }] });
  return { manifest: blob(Buffer.from(text), manifest.mediaType), config, layers: [layer] };
}

function blob(bytes: Uint8Array, mediaType: string): TinyBlob {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { bytes, digest, mediaType, size: bytes.length };
}

function blobFile({ digest }: TinyBlob): string {
  return join('blobs', ...digest.split(':'));
}
