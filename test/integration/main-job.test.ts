import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startRegistry, type RegistryOptions, type RunningRegistry } from '../support/docker-registry.js';
import { amd64 } from '../support/images.js';
import { describeIntegration } from '../support/integration.js';
import { inConfigFile, inEnvironment, inHelper, type Login } from '../support/login.js';
import { dockerManifest, podmanPull, skopeo } from '../support/peers.js';
import { multiarch, type RunResult } from '../support/run.js';
import { makeSandbox, type Sandbox } from '../support/sandbox.js';
import { snapshot } from '../support/snapshot.js';
import { tinyImage, tinyIndex, writeLayout } from '../support/tiny-image.mjs';
import { TokenServer } from '../support/token-server.js';

const account = { username: 'ann', password: 'correct horse battery' };
const wrongAccount = { username: 'ann', password: 'wrong horse' };
const htpasswd = { auth: { htpasswd: [account] } };
const arm64 = tinyImage({ architecture: 'arm64', mediaTypes: 'docker' });
// Its config does not say which ARM it is for; `annotate` does.
const armv7 = tinyImage({ architecture: 'arm', text: 'ARM without a variant\n' });
/** What skopeo and podman ask for, and what they are to get. */
const images = [
  { platform: { architecture: 'amd64' }, image: amd64 },
  { platform: { architecture: 'arm64' }, image: arm64 },
  { platform: { architecture: 'arm', variant: 'v7' }, image: armv7 },
];

interface Mode {
  readonly name: string;
  readonly options: RegistryOptions;
  readonly tokens?: boolean;
  /** How multiarch learns of the account; without it, the registry is open. */
  readonly login?: Login;
  /** How multiarch comes to trust the certificate of a private authority. */
  readonly trust?: 'authority' | 'insecure';
}

const modes: readonly Mode[] = [
  { name: 'open', options: {} },
  { name: 'htpasswd, login in config.json', options: htpasswd, login: inConfigFile },
  { name: 'htpasswd, login in a credential helper', options: htpasswd, login: inHelper },
  { name: 'htpasswd, login in DOCKER_AUTH_CONFIG', options: htpasswd, login: inEnvironment },
  { name: 'token', options: {}, tokens: true, login: inConfigFile },
  { name: 'TLS, authority in NODE_EXTRA_CA_CERTS', options: { tls: true }, trust: 'authority' },
  {
    name: 'TLS and htpasswd, with --insecure',
    options: { tls: true, ...htpasswd },
    login: inConfigFile,
    trust: 'insecure',
  },
];

describeIntegration(
  'the main job',
  ['docker-registry', 'htpasswd', 'openssl', 'skopeo', 'podman', 'docker'],
  () => {
    describe.each(modes)('$name', (mode) => {
      let stage: Stage;
      let job: Job;
      beforeAll(async () => {
        stage = await Stage.make(mode);
        job = await stage.doMainJob();
      });
      afterAll(() => stage.remove());

      it('each command succeeds, and its standard output is the result', () => {
        for (const result of Object.values(job)) expect(result).toMatchObject({ code: 0 });
        expect(job.create.stdout).toBe(`Created manifest list ${stage.app}:1.2\n`);
        expect(job.annotate.stdout).toBe('');
        expect(JSON.parse(job.inspect.stdout)).toMatchObject({
          mediaType: 'application/vnd.oci.image.index.v1+json',
          manifests: images.map(({ platform, image: { manifest } }) => ({
            mediaType: manifest.mediaType,
            digest: manifest.digest,
            size: manifest.size,
            platform: { os: 'linux', ...platform },
          })),
        });
        expect(job.push.stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
      });

      it('all tags have what inspect showed, by the digest that push printed', async () => {
        for (const tag of ['1.2', '1', 'latest']) {
          const published = await stage.skopeo('inspect', '--raw', `docker://${stage.app}:${tag}`);

          expect(`${published.stdout}\n`).toBe(job.inspect.stdout);
          expect(`${sha256(published.stdout)}\n`).toBe(job.push.stdout);
        }
      });

      it.each(images)('skopeo reads $platform.architecture', async ({ platform, image }) => {
        const source = `docker://${stage.app}:latest`;
        const flags = ['--override-os', 'linux', '--override-arch', platform.architecture];
        if (platform.variant !== undefined) flags.push('--override-variant', platform.variant);
        const copy = join(stage.peers.directory, platform.architecture);

        const inspected = await stage.skopeo('inspect', ...flags, source);
        const copied = await stage.skopeo('copy', ...flags, source, `dir:${copy}`);

        expect(copied).toMatchObject({ code: 0 });
        expect(JSON.parse(inspected.stdout)).toMatchObject({
          Architecture: platform.architecture,
          Layers: image.layers.map(({ digest }) => digest),
        });
        expect(await readFile(join(copy, 'manifest.json'), 'utf8')).toBe(textOf(image.manifest));
        for (const { digest, bytes } of [image.config, ...image.layers]) {
          expect(await readFile(join(copy, digest.slice('sha256:'.length)))).toEqual(Buffer.from(bytes));
        }
      });

      it('podman pulls the image of each platform', async () => {
        for (const { platform, image } of images) {
          const pulled = await podmanPull(stage.peers, `${stage.app}:latest`, platform);

          expect(pulled).toMatchObject({ code: 0 });
          expect(`sha256:${pulled.stdout.trim()}`).toBe(image.config.digest);
        }
      });

      it('docker manifest inspect prints what multiarch inspect prints', async () => {
        const args = ['inspect', '--insecure', `${stage.app}:latest`];

        expect(await dockerManifest(stage.peers, args)).toMatchObject({
          code: 0,
          stdout: job.inspect.stdout,
        });
      });

      const { login } = mode;
      if (login === undefined) return;

      it('no secret is in any output, the request log included', () => {
        const { username, password } = account;
        const secrets = [password, Buffer.from(`${username}:${password}`).toString('base64'), 'eyJ'];
        for (const { stdout, stderr } of Object.values(job)) {
          for (const secret of secrets) expect(stdout + stderr).not.toContain(secret);
        }
        expect(job.push.stderr).toContain(`/v2/app/manifests/latest`);
      });

      it('a wrong password is told as such, and not repeated', async () => {
        const sandbox = await makeSandbox();
        const env = await login(sandbox, stage.registry.host, wrongAccount);
        const results = await stage.tryAll({ ...sandbox, env: { ...sandbox.env, ...env } });
        const drafts = await snapshot(join(sandbox.directory, 'drafts'));
        await sandbox.remove();

        expect(drafts).toEqual({});
        for (const { code, stdout, stderr } of results) {
          expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
          expect(stderr).toContain(stage.registry.host);
          expect(stderr).toMatch(/^hint: .*[Ll]og in/m);
          expect(stderr).not.toContain(wrongAccount.password);
        }
      });

      it('a stranger is told to log in', async () => {
        const sandbox = await makeSandbox();
        const results = await stage.tryAll(sandbox);
        await sandbox.remove();

        for (const { code, stdout, stderr } of results) {
          expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
          expect(stderr).toContain(stage.registry.host);
          expect(stderr).toMatch(/^hint: Log in with "multiarch login /m);
        }
      });
    });

    describe('a registry whose certificate is by an authority that is not known', () => {
      let stage: Stage;
      beforeAll(async () => {
        stage = await Stage.make({ name: '', options: { tls: true } });
      });
      afterAll(() => stage.remove());

      it('is refused, with the ways out', async () => {
        const { host } = stage.registry;
        for (const { code, stdout, stderr } of await stage.tryAll(stage.own)) {
          expect({ code, stdout }).toEqual({ code: 6, stdout: '' });
          expect(stderr).toContain(`the certificate of ${host} is signed by an unknown authority`);
          expect(stderr).toMatch(/^hint: .*NODE_EXTRA_CA_CERTS.*--insecure/m);
        }
        expect(stage.registry.log()).not.toContain('/v2/');
      });
    });

    describe('a plain registry that is not on a loopback address', () => {
      let stage: Stage;
      beforeAll(async () => {
        stage = await Stage.make({ name: '', options: {}, trust: 'insecure' });
        await stage.doMainJob();
      });
      afterAll(() => stage.remove());

      it('is spoken to with --insecure only', async () => {
        const image = `${stage.app}:latest`;
        const flagless = await multiarch(stage.own, ['inspect', image]);
        const insecure = await multiarch(stage.own, ['inspect', '--insecure', image]);

        expect(flagless).toMatchObject({ code: 6, stdout: '' });
        expect(flagless.stderr).toContain(`${stage.registry.host} does not speak TLS`);
        expect(flagless.stderr).toMatch(/^hint: .*--insecure/m);
        expect(insecure).toMatchObject({ code: 0, stderr: '' });
      });
    });
  },
);

interface Job {
  readonly create: RunResult;
  readonly annotate: RunResult;
  readonly inspect: RunResult;
  readonly push: RunResult;
}

/** A registry in one mode, and the sandboxes of those who use it. */
class Stage {
  readonly registry: RunningRegistry;
  /** Multiarch's own sandbox, with the mode's credentials and certificates. */
  readonly own: Sandbox;
  /** That of the clients of others. They know the account in docker's way. */
  readonly peers: Sandbox;
  readonly #insecure: boolean;
  readonly #tokens: TokenServer | undefined;

  private constructor(
    registry: RunningRegistry,
    sandboxes: readonly [own: Sandbox, peers: Sandbox],
    { trust }: Mode,
    tokens: TokenServer | undefined,
  ) {
    this.registry = registry;
    [this.own, this.peers] = sandboxes;
    this.#insecure = trust === 'insecure';
    this.#tokens = tokens;
  }

  static async make(mode: Mode): Promise<Stage> {
    const { options, login, trust } = mode;
    const grants = [{ username: account.username, repository: '*', actions: ['pull', 'push'] }];
    const tokens = mode.tokens === true ? await TokenServer.start({ users: [account], grants }) : undefined;
    const auth = tokens && { auth: { token: tokens.authority } };
    const started = await startRegistry({ ...options, ...auth });
    // What is trusted on a loopback address without a look is not to pass here by that.
    const byOtherName = started.host.replace('127.0.0.1', '0.0.0.0');
    const isOpen = options.tls !== true && trust === undefined;
    const registry = { ...started, host: isOpen ? started.host : byOtherName };
    const [own, peers] = await Promise.all([makeSandbox(), makeSandbox()]);
    const env = {
      ...(trust === 'authority' && { NODE_EXTRA_CA_CERTS: started.caFile ?? '' }),
      ...(await login?.(own, registry.host, account)),
    };
    if (login !== undefined) await inConfigFile(peers, registry.host, account);
    return new Stage(registry, [{ ...own, env: { ...own.env, ...env } }, peers], mode, tokens);
  }

  get app(): string {
    return `${this.registry.host}/app`;
  }

  skopeo(command: string, ...args: readonly string[]): Promise<RunResult> {
    return skopeo(this.peers, [command, ...args]);
  }

  /** From images of one architecture each, some pushed by skopeo and some by multiarch, to one for all with three tags. */
  async doMainJob(): Promise<Job> {
    const layout = join(this.peers.directory, 'layout');
    await writeLayout(layout, amd64, 'amd64');
    await writeLayout(layout, tinyIndex([arm64]), 'arm64');
    await writeLayout(layout, armv7, 'arm');
    for (const tag of ['amd64', 'arm']) {
      await this.skopeo('copy', `oci:${layout}:${tag}`, `docker://${this.app}:1.2-${tag}`);
    }
    await this.#run('create', `${this.app}:1.2-arm64`, `oci:${layout}:arm64`, '--push', '--purge');

    const list = `${this.app}:1.2`;
    const sources = ['amd64', 'arm64', 'arm'].map((tag) => `${list}-${tag}`);
    return {
      create: await this.#run('create', list, ...sources),
      annotate: await this.#run('annotate', list, `${list}-arm`, '--variant', 'v7'),
      inspect: await this.#run('inspect', list),
      push: await this.#run('push', list, '--tag', '1', '-t', `${this.app}:latest`),
    };
  }

  /** Reading a draft's sources, looking at an image, publishing an image: as somebody whom the registry does not trust. */
  async tryAll(sandbox: Sandbox): Promise<RunResult[]> {
    const layout = join(this.own.directory, 'other-layout');
    await writeLayout(layout, tinyIndex([amd64]), 'amd64');
    const attempts = [
      ['create', `${this.app}:2`, `${this.app}:1.2-amd64`],
      ['inspect', `${this.app}:latest`],
      ['create', `${this.app}:3`, `oci:${layout}:amd64`, '--push'],
    ];
    const flags = this.#insecure ? ['--insecure'] : [];
    return Promise.all(attempts.map((words) => multiarch(sandbox, [...words, ...flags])));
  }

  async remove(): Promise<void> {
    await Promise.all([this.registry.stop(), this.own.remove(), this.peers.remove(), this.#tokens?.stop()]);
  }

  #run(...args: readonly string[]): Promise<RunResult> {
    const flags = this.#insecure ? ['--insecure'] : [];
    return multiarch(this.own, [...args, ...flags, '--debug']);
  }
}

function textOf({ bytes }: { readonly bytes: Uint8Array }): string {
  return new TextDecoder().decode(bytes);
}

function sha256(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
