import { createHash } from 'node:crypto';
import { mkdir, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, beforeEach, afterEach, expect, it } from 'vitest';

import { startRegistry, type RunningRegistry } from '../support/docker-registry.js';
import { describeIntegration } from '../support/integration.js';
import { podmanPull, skopeo } from '../support/peers.js';
import { Repository } from '../support/repository.js';
import { run } from '../support/run.js';
import { logIn, makeSandbox, type Sandbox } from '../support/sandbox.js';
import { tinyImage } from '../support/tiny-image.mjs';

/** Amazon ECR takes this user name with a password that its API gives out, as Basic authentication. */
const account = { username: 'AWS', password: 'a password for twelve hours' };

/** Amazon's walk-through for a multi-architecture image in a private repository, two images built on one machine. */
const WALK_THROUGH = `
docker manifest create $registry/my-repository $registry/my-repository:image_one_tag $registry/my-repository:image_two_tag
docker manifest annotate --arch arm64 $registry/my-repository $registry/my-repository:image_two_tag
docker manifest inspect $registry/my-repository
docker manifest push $registry/my-repository
`;

describeIntegration(
  "Amazon ECR's walk-through for docker manifest",
  ['docker', 'docker-registry', 'htpasswd', 'podman', 'skopeo'],
  () => {
    const one = tinyImage({ architecture: 'amd64', mediaTypes: 'docker', text: 'one\n' });
    const two = tinyImage({ architecture: 'amd64', mediaTypes: 'docker', text: 'two\n' });
    let registry: RunningRegistry;
    let repository: Repository;
    let sandbox: Sandbox;

    beforeAll(async () => {
      registry = await startRegistry({ auth: { htpasswd: [account] } });
      repository = new Repository(registry, 'my-repository', account);
      await repository.add(one, 'image_one_tag');
      await repository.add(two, 'image_two_tag');
    });
    afterAll(() => registry.stop());
    beforeEach(async () => {
      sandbox = await makeSandbox();
      await logIn(sandbox, registry.host, account);
    });
    afterEach(() => sandbox.remove());

    /** A shell runs it, as a person's would, and stops at the first command that fails. */
    async function walkThrough(script: string): Promise<string> {
      const bin = join(sandbox.directory, 'bin');
      const launcher = fileURLToPath(new URL('../../bin/multiarch.js', import.meta.url));
      await mkdir(bin);
      await symlink(launcher, join(bin, 'multiarch'));
      const PATH = [bin, process.env['PATH']].join(delimiter);
      const env = { ...sandbox.env, PATH, registry: registry.host };
      const result = await run('sh', ['-e', '-u', '-c', script], { env, cwd: sandbox.directory });
      expect(result).toMatchObject({ code: 0 });
      return result.stdout;
    }

    it('gives with multiarch, word for word, what it gives with docker manifest', async () => {
      // The registry here speaks plain HTTP, which docker wants to be told of.
      const insecure = WALK_THROUGH.replace(/(create|push) /g, '$1 --insecure ');
      const theirs = await walkThrough(insecure);
      const { text } = await repository.readManifest('latest');
      await repository.deleteManifest(sha256(text));
      await sandbox.remove();
      sandbox = await makeSandbox();
      await logIn(sandbox, registry.host, account);

      const ours = await walkThrough(WALK_THROUGH.replaceAll('docker manifest', 'multiarch'));

      expect(ours).toBe(theirs);
      expect(await repository.readManifest('latest')).toMatchObject({ text });
      expect(ours).toBe(
        `Created manifest list ${registry.host}/my-repository:latest\n${text}\n${sha256(text)}\n`,
      );
      expect(JSON.parse(text)).toMatchObject({
        manifests: [
          { digest: one.manifest.digest, platform: { os: 'linux', architecture: 'amd64' } },
          { digest: two.manifest.digest, platform: { os: 'linux', architecture: 'arm64' } },
        ],
      });
    });

    it('gives each platform its image, in the eyes of podman and skopeo', async () => {
      await walkThrough(WALK_THROUGH.replaceAll('docker manifest', 'multiarch'));
      const latest = `${registry.host}/my-repository`;

      for (const [architecture, { config, layers }] of [
        ['amd64', one],
        ['arm64', two],
      ] as const) {
        const pulled = await podmanPull(sandbox, latest, { architecture });
        expect(`sha256:${pulled.stdout.trim()}`).toBe(config.digest);
        const flags = ['--override-os', 'linux', '--override-arch', architecture];
        const inspected = await skopeo(sandbox, ['inspect', ...flags, `docker://${latest}`]);
        expect(JSON.parse(inspected.stdout)).toMatchObject({ Layers: layers.map(({ digest }) => digest) });
      }
    });
  },
);

function sha256(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
