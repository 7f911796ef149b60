import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startRegistry, type RegistryOptions, type RunningRegistry } from '../support/docker-registry.js';
import { amd64, arm64, armv7 } from '../support/images.js';
import { describeIntegration } from '../support/integration.js';
import { dockerManifest, podmanPull, skopeo } from '../support/peers.js';
import type { RunResult } from '../support/run.js';
import { logIn, makeSandbox, type Sandbox } from '../support/sandbox.js';
import { tinyIndex, writeLayout } from '../support/tiny-image.mjs';
import { TokenServer, type TokenServerOptions } from '../support/token-server.js';

const account = { username: 'ann', password: 'correct horse' };
const index = tinyIndex([amd64, arm64, armv7], { attestations: true });

const everything = [{ username: account.username, repository: '*', actions: ['pull', 'push', '*'] }];

const modes: { name: string; options: RegistryOptions; tokens?: TokenServerOptions }[] = [
  { name: 'open', options: {} },
  { name: 'TLS by a private authority', options: { tls: true } },
  { name: 'htpasswd', options: { auth: { htpasswd: [account] } } },
  { name: 'htpasswd over TLS', options: { auth: { htpasswd: [account] }, tls: true } },
  { name: 'token', options: {}, tokens: { users: [account], grants: everything } },
];

describeIntegration(
  'a real registry and the clients of others',
  ['docker-registry', 'htpasswd', 'openssl', 'skopeo', 'podman', 'docker'],
  () => {
    describe.each(modes)('$name', ({ options, tokens }) => {
      let registry: RunningRegistry;
      let sandbox: Sandbox;
      let layout: string;
      let tokenServer: TokenServer | undefined;
      let pushed: RunResult;
      beforeAll(async () => {
        tokenServer = tokens && (await TokenServer.start(tokens));
        const auth = tokenServer ? { auth: { token: tokenServer.authority } } : {};
        [registry, sandbox] = await Promise.all([startRegistry({ ...options, ...auth }), makeSandbox()]);
        await logIn(sandbox, registry.host, account);
        layout = join(sandbox.directory, 'layout');
        await writeLayout(layout, amd64, 'amd64');
        await writeLayout(layout, arm64, 'arm64');
        await writeLayout(layout, index, 'all');
        pushed = await push('all');
      });
      afterAll(() => Promise.all([registry.stop(), sandbox.remove(), tokenServer?.stop()]));

      const push = (tag: string) =>
        skopeo(sandbox, ['copy', '--all', `oci:${layout}:${tag}`, `docker://${registry.host}/app:${tag}`]);
      const read = (tag: string) =>
        skopeo(sandbox, ['inspect', '--raw', `docker://${registry.host}/app:${tag}`]);

      it('keeps an index byte for byte', async () => {
        expect(pushed).toMatchObject({ code: 0 });

        expect((await read('all')).stdout).toBe(new TextDecoder().decode(index.bytes));
      });

      it.each([
        ['amd64', undefined, amd64],
        ['arm64', undefined, arm64],
        ['arm', 'v7', armv7],
      ])('gives podman the image of its platform: %s %s', async (architecture, variant, image) => {
        const platform = { architecture, ...(variant === undefined ? {} : { variant }) };
        const pulled = await podmanPull(sandbox, `${registry.host}/app:all`, platform);

        expect(pulled).toMatchObject({ code: 0 });
        expect(`sha256:${pulled.stdout.trim()}`).toBe(image.config.digest);
      });

      // `docker manifest push` to a loopback address speaks plain HTTP, whatever the registry speaks.
      if (options.tls !== true)
        it('takes the list that docker manifest makes', async () => {
          await push('arm64');
          await push('amd64');
          const list = `${registry.host}/app:list`;
          const sources = ['arm64', 'amd64'].map((tag) => `${registry.host}/app:${tag}`);

          const created = await dockerManifest(sandbox, ['create', '--insecure', list, ...sources]);
          const published = await dockerManifest(sandbox, ['push', '--insecure', list]);

          expect(created).toMatchObject({ code: 0, stdout: `Created manifest list ${list}\n` });
          const bytes = (await read('list')).stdout;
          expect(published).toMatchObject({ code: 0, stdout: `${sha256(bytes)}\n` });
          expect(JSON.parse(bytes)).toMatchObject({
            mediaType: index.mediaType,
            // Docker's order is that of its file names, not that of the call.
            manifests: [{ digest: amd64.manifest.digest }, { digest: arm64.manifest.digest }],
          });
        });

      it('deletes where it is asked to', async () => {
        await push('amd64');

        const deleted = await skopeo(sandbox, ['delete', `docker://${registry.host}/app:amd64`]);

        expect(deleted).toMatchObject({ code: 0 });
        expect(await read('amd64')).toMatchObject({
          code: 1,
          stderr: expect.stringContaining('manifest unknown'),
        });
      });

      if (options.auth !== undefined || tokens !== undefined)
        it('refuses a stranger', async () => {
          const stranger = await makeSandbox();
          const tags = await skopeo(stranger, ['list-tags', `docker://${registry.host}/app`]);
          await stranger.remove();

          expect(tags).toMatchObject({ code: 1, stderr: expect.stringContaining('authentication required') });
        });
    });
  },
);

function sha256(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
