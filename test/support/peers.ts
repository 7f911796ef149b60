import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { run, type RunOptions, type RunResult } from './run.js';
import type { Sandbox } from './sandbox.js';

/**
 * Runs `skopeo COMMAND ...` in the sandbox. Registries may use plain HTTP or TLS by any authority. Every image is trusted.
 *
 * @param args The command, then its flags and arguments: `['inspect', '--raw', 'docker://…']`.
 */
export function skopeo(
  sandbox: Sandbox,
  args: readonly [command: string, ...rest: string[]],
  options: RunOptions = {},
): Promise<RunResult> {
  const [command, ...rest] = args;
  const noTls = {
    copy: ['--src-tls-verify=false', '--dest-tls-verify=false'],
    sync: ['--src-tls-verify=false', '--dest-tls-verify=false'],
  }[command] ?? ['--tls-verify=false'];
  const global = ['--insecure-policy', '--tmpdir', sandbox.directory];
  return inSandbox('skopeo', [...global, command, ...noTls, ...rest], sandbox, options);
}

/** Runs `podman ...` with its storage, configuration and trust policy in the sandbox. */
export async function podman(
  sandbox: Sandbox,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const directory = join(sandbox.directory, 'podman');
  await mkdir(directory, { recursive: true });
  const [root, runroot] = [join(directory, 'root'), join(directory, 'run')];
  // These work in containers: vfs needs no kernel support, the file log no journal, cgroupfs no systemd.
  const storage = `[storage]\ndriver = "vfs"\ngraphroot = "${root}"\nrunroot = "${runroot}"\n`;
  const flags = ['--root', root, '--runroot', runroot, '--storage-driver', 'vfs', '--events-backend', 'file'];
  return inSandbox('podman', [...flags, '--cgroup-manager', 'cgroupfs', ...args], sandbox, {
    ...options,
    env: {
      CONTAINERS_REGISTRIES_CONF: await fileIn(directory, 'registries.conf', ''),
      CONTAINERS_CONF: await fileIn(directory, 'containers.conf', ''),
      CONTAINERS_STORAGE_CONF: await fileIn(directory, 'storage.conf', storage),
      ...options.env,
    },
  });
}

/**
 * Runs `podman pull` for one platform. The registry may use plain HTTP or TLS by any authority.
 *
 * @param reference `127.0.0.1:5000/app:1`, or with a transport: `oci:DIR:1`
 * @returns The standard output is the image id: the digest of the config in hexadecimal.
 */
export async function podmanPull(
  sandbox: Sandbox,
  reference: string,
  { architecture, variant }: { readonly architecture: string; readonly variant?: string },
): Promise<RunResult> {
  const policy = await fileIn(
    sandbox.directory,
    'policy.json',
    '{"default":[{"type":"insecureAcceptAnything"}]}',
  );
  const flags = ['--quiet', '--tls-verify=false', '--signature-policy', policy, '--arch', architecture];
  if (variant !== undefined) flags.push('--variant', variant);
  return podman(sandbox, ['pull', '--os', 'linux', ...flags, reference]);
}

/** Runs `docker manifest ...`, without a daemon. Registries that are not on loopback need `--insecure` in the arguments. */
export function dockerManifest(
  sandbox: Sandbox,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return inSandbox('docker', ['manifest', ...args], sandbox, options);
}

function inSandbox(
  command: string,
  args: readonly string[],
  sandbox: Sandbox,
  options: RunOptions,
): Promise<RunResult> {
  // These programs end so soon that collecting their garbage is a sixth of their work.
  return run(command, args, { ...options, env: { GOGC: 'off', ...sandbox.env, ...options.env } });
}

async function fileIn(directory: string, name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}
