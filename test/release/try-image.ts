/**
 * Publishes the image in `dist/release` to a registry by the tool itself, and reads, pulls and runs it with skopeo and podman:
 * `npm run test:image`, after `npm run executables` and `npm run image`. Needs root, docker-registry, skopeo, podman and htpasswd.
 */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { buildOfCheckout } from '../../release/checkout.js';
import { Multiarch } from '../../src/index.js';
import { startRegistry } from '../support/docker-registry.js';
import { podman, podmanPull, skopeo } from '../support/peers.js';
import { mustRun, run, type RunResult } from '../support/run.js';
import { makeSandbox } from '../support/sandbox.js';
import { tinyImage, writeLayout } from '../support/tiny-image.mjs';

const ACCOUNT = { username: 'tester', password: 'secret' };

const { version, directory } = await buildOfCheckout();
const sandbox = await makeSandbox();
const registry = await startRegistry();
const locked = await startRegistry({ auth: { htpasswd: [ACCOUNT] } });
try {
  const reference = `${registry.host}/multiarch:${version}`;
  await using client = new Multiarch({ store: join(sandbox.directory, 'drafts') });
  const image = `oci-archive:${directory}/multiarch-${version}-image.oci.tar:${version}`;
  const { descriptor } = await client.copy(image, reference, { tags: ['latest'] });
  console.log(`published ${reference}@${descriptor.digest}`);

  const raw = await expectSuccess(
    skopeo(sandbox, ['inspect', '--raw', `docker://${registry.host}/multiarch:latest`]),
  );
  const index = JSON.parse(raw) as { manifests: { platform: { os: string; architecture: string } }[] };
  const platforms = index.manifests.map(({ platform }) => `${platform.os}/${platform.architecture}`);
  assert.deepEqual(platforms, ['linux/amd64', 'linux/arm64']);
  console.log(`skopeo reads ${platforms.join(', ')}`);

  for (const architecture of ['amd64', 'arm64']) {
    const id = (await expectSuccess(podmanPull(sandbox, reference, { architecture }))).trim();
    const format = '{{.Os}}/{{.Architecture}} {{.Digest}}';
    const pulled = (
      await expectSuccess(podman(sandbox, ['image', 'inspect', '--format', format, id]))
    ).trim();
    assert.equal(pulled, `linux/${architecture} ${descriptor.digest}`);
    console.log(`podman pulls ${pulled}`);
    if (architecture === (process.arch === 'arm64' ? 'arm64' : 'amd64')) await useImage(id);
  }
} finally {
  await Promise.all([registry.stop(), locked.stop()]);
  // The layers in podman's storage belong to another user.
  await mustRun('rm', ['-rf', sandbox.directory]);
}

/** Runs the main job in a container: a login from a mounted `config.json`, and a mounted working directory with two layouts. */
async function useImage(id: string): Promise<void> {
  const [work, config] = [join(sandbox.directory, 'work'), join(sandbox.directory, 'config')];
  await mkdir(work);
  await mkdir(config);
  const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64');
  await writeFile(join(config, 'config.json'), JSON.stringify({ auths: { [locked.host]: { auth } } }));
  for (const architecture of ['amd64', 'arm64'] as const) {
    await writeLayout(join(work, architecture), tinyImage({ architecture }), 'app');
  }
  await mustRun('chown', ['-R', '65532:65532', work]);
  const start = await containerStarter(id, { '/work': work, '/config': config });

  assert.equal(await expectSuccess(start(['--version'])), `multiarch ${version}\n`);
  const target = `${locked.host}/app:1.2`;
  const create = [
    'create',
    target,
    'oci:amd64:app',
    'oci:arm64:app',
    '--require',
    'linux/amd64,linux/arm64',
    '--push',
    '-q',
  ];
  const digest = (await expectSuccess(start(create))).trim();
  assert.equal((await expectSuccess(start(['digest', target]))).trim(), digest);
  console.log(`the image pushes ${target}@${digest} with a mounted login`);

  const denied = await start(['digest', target], { DOCKER_CONFIG: '/nonexistent' });
  assert.equal(denied.code, 4, denied.stderr);
  // Without mounts too, the user can write drafts.
  assert.equal((await start(['create', 'app:1', 'oci:amd64:app'])).code, 0);
  assert.match(await expectSuccess(start(['ls'])), /app:1/);
  console.log('the image has a home');
}

type Start = (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<RunResult>;

/** Starts containers by podman; in a sandbox where it cannot, in a chroot of the image with the same user, environment and mounts. */
async function containerStarter(id: string, mounts: Readonly<Record<string, string>>): Promise<Start> {
  const flags = ['run', '--rm', '--network=host', '--cgroups=disabled'];
  const tried = await podman(sandbox, [...flags, id, '--version']);
  if (tried.code === 0) {
    const volumes = Object.entries(mounts).map(([inside, outside]) => `--volume=${outside}:${inside}`);
    console.log('podman runs the image');
    return async (args, env) => {
      const variables = Object.entries({ DOCKER_CONFIG: '/config', ...env });
      const set = variables.map(([name, value]) => `--env=${name}=${value}`);
      return podman(sandbox, [...flags, ...volumes, ...set, id, ...args]);
    };
  }
  console.log(`podman cannot run containers here, so the image runs in a chroot: ${tried.stderr.trim()}`);
  const root = (await expectSuccess(podman(sandbox, ['image', 'mount', id]))).trim();
  const settings = await expectSuccess(
    podman(sandbox, ['image', 'inspect', '--format', '{{json .Config}}', id]),
  );
  const config = JSON.parse(settings) as {
    User: string;
    Env: string[];
    Entrypoint: string[];
    WorkingDir: string;
  };
  const binds = Object.entries(mounts).map(
    ([inside, outside]) => `mkdir -p "${root}${inside}" && mount --bind "${outside}" "${root}${inside}"`,
  );
  return async (args, env) => {
    const variables = [
      ...config.Env,
      ...Object.entries({ DOCKER_CONFIG: '/config', ...env }).map((pair) => pair.join('=')),
    ];
    // chroot starts in the root, so the shell of this machine cannot change to the working directory.
    const command = [
      'chroot',
      `--userspec=${config.User}`,
      root,
      ...config.Entrypoint,
      ...args.map((arg) => arg.replace(/^oci:/, `oci:${config.WorkingDir}/`)),
    ];
    const script = [...binds, 'exec "$@"'].join(' && ');
    return run('unshare', [
      '--mount',
      '--',
      'env',
      '-i',
      `PATH=${process.env['PATH']}`,
      'sh',
      '-c',
      script,
      'sh',
      'env',
      '-i',
      ...variables,
      ...command,
    ]);
  };
}

async function expectSuccess(result: Promise<RunResult>): Promise<string> {
  const { code, stdout, stderr } = await result;
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  return stdout;
}
