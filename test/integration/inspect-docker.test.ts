import { afterAll, beforeAll, expect, it } from 'vitest';

import { startRegistry, type RunningRegistry } from '../support/docker-registry.js';
import { amd64, armv7 } from '../support/images.js';
import { describeIntegration } from '../support/integration.js';
import { dockerManifest } from '../support/peers.js';
import { multiarch } from '../support/run.js';
import { makeSandbox, type Sandbox } from '../support/sandbox.js';
import {
  tinyImage,
  tinyIndex,
  type TinyBlob,
  type TinyImage,
  type TinyIndex,
} from '../support/tiny-image.mjs';

const docker = tinyImage({ architecture: 'arm64', mediaTypes: 'docker' });
const bare = tinyImage({ architecture: '386', omitPlatform: true });

/** The same image, with what a re-serialised manifest would lose: escapes, white space, and what HTML must not hold. */
const odd: TinyImage = {
  ...amd64,
  manifest: withBytes(
    amd64.manifest,
    `${Buffer.from(amd64.manifest.bytes)
      .toString()
      .replace(
        '"layers"',
        '"annotations" : { "org.example.<b>" : "\\u0041 \\/ < > & \u2028 é 👩\u200D💻 ❤\uFE0F co\u00ADop" ,\n\n"empty": ""},"x":[{ },[ ],1.50e2],"layers"',
      )} \n`,
  ),
};

function withBytes(blob: TinyBlob, text: string): TinyBlob {
  const bytes = Buffer.from(text);
  return { ...blob, bytes, size: bytes.length };
}

describeIntegration(
  'inspect prints what docker manifest inspect prints',
  ['docker', 'docker-registry'],
  () => {
    let registry: RunningRegistry;
    let sandbox: Sandbox;
    let app: string;

    beforeAll(async () => {
      [registry, sandbox] = await Promise.all([startRegistry(), makeSandbox()]);
      app = `${registry.host}/team/app`;
      const tagged = { amd64, armv7, docker, bare, odd };
      for (const [tag, image] of Object.entries(tagged)) await upload(image, tag);
      await upload(tinyIndex([amd64, armv7], { attestations: true }), 'index');
      await upload(tinyIndex([docker, armv7], { mediaTypes: 'docker' }), 'list');
    });

    afterAll(async () => {
      await registry.stop();
      await sandbox.remove();
    });

    /** What both print; docker's names its own draft store. */
    async function both(...args: string[]): Promise<{ readonly theirs: string; readonly ours: string }> {
      const [theirs, ours] = await Promise.all([
        dockerManifest(sandbox, ['inspect', '--insecure', ...args]),
        multiarch(sandbox, ['inspect', ...args]),
      ]);
      expect({ ...theirs, stdout: '' }).toMatchObject({ code: 0, stderr: '' });
      expect(ours).toMatchObject({ code: 0, stderr: '' });
      return { theirs: theirs.stdout, ours: ours.stdout };
    }

    it.each(['amd64', 'armv7', 'docker', 'odd'])('image %s', async (tag) => {
      const plain = await both(`${app}:${tag}`);
      // The one difference: our line separators are escaped, so that no viewer of logs breaks a line there.
      expect(plain.ours).toBe(plain.theirs.replaceAll('\u2028', String.raw`\u2028`));
      const verbose = await both('-v', `${app}:${tag}`);
      expect(verbose.ours).toBe(verbose.theirs);
    });

    it('image without a platform, and by its digest', async () => {
      const verbose = await both('-v', `${app}:bare`);
      expect(verbose.ours).toBe(verbose.theirs);
      const byDigest = await both('-v', `${app}@${armv7.manifest.digest}`);
      expect(byDigest.ours).toBe(byDigest.theirs);
    });

    it.each(['index', 'list'])('%s from a registry, in full', async (tag) => {
      const verbose = await both('-v', `${app}:${tag}`);
      expect(verbose.ours).toBe(verbose.theirs);
    });

    it('a draft, its images, and what is pushed from it', async () => {
      const [list, image] = [`${app}:draft`, `${app}:amd64`];
      // docker sorts its entries by name, whatever the order they are given in.
      const sources = ['amd64', 'armv7', 'docker', 'odd'].map((tag) => `${app}:${tag}`);
      const features = ['annotate', list, image, '--os-features', 'x,<y>', '--variant', 'v2'];
      for (const command of [['create', '--insecure', list, ...sources], features]) {
        const theirs = await dockerManifest(sandbox, command);
        const ours = await multiarch(sandbox, command);
        expect({ code: ours.code, stdout: ours.stdout }).toEqual({ code: 0, stdout: theirs.stdout });
      }
      for (const args of [[list], ['-v', list], [list, image], ['-v', list, image]]) {
        const { ours, theirs } = await both(...args);
        expect(ours).toBe(theirs);
      }
      await dockerManifest(sandbox, ['push', '--insecure', '--purge', list]);
      await multiarch(sandbox, ['rm', list]);
      const published = await both(list);
      expect(published.ours).toBe(published.theirs);
    });

    async function upload(content: TinyImage | TinyIndex, tag?: string): Promise<void> {
      if ('images' in content) {
        for (const image of content.images) await upload(image);
        await put(`manifests/${tag ?? content.digest}`, content);
        return;
      }
      for (const blob of [content.config, ...content.layers]) {
        const started = await fetch(`${registry.url}/v2/team/app/blobs/uploads/`, { method: 'POST' });
        const url = new URL(started.headers.get('location') ?? '');
        url.searchParams.set('digest', blob.digest);
        await put(url.href, { ...blob, mediaType: 'application/octet-stream' });
      }
      await put(`manifests/${tag ?? content.manifest.digest}`, content.manifest);
    }

    async function put(path: string, { bytes, mediaType }: TinyBlob): Promise<void> {
      const answer = await fetch(new URL(path, `${registry.url}/v2/team/app/`), {
        method: 'PUT',
        headers: { 'content-type': mediaType },
        body: Buffer.from(bytes),
      });
      if (answer.status !== 201) throw new Error(`PUT ${path}: ${answer.status} ${await answer.text()}`);
    }
  },
);
