import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A temporary directory in which commands find their home, their configuration and their state, and nobody else's. */
export interface Sandbox {
  readonly directory: string;
  /** docker's `config.json`, which multiarch, skopeo and podman read for credentials too. */
  readonly dockerConfigFile: string;
  /** What a command needs in its environment to stay in the sandbox. */
  readonly env: Readonly<Record<string, string>>;
  readonly remove: () => Promise<void>;
}

/** A fresh sandbox, with an empty docker configuration that allows experimental commands. */
export async function makeSandbox(): Promise<Sandbox> {
  const directory = await mkdtemp(join(tmpdir(), 'multiarch-test-'));
  const home = join(directory, 'home');
  // In the home, where those look that do not know DOCKER_CONFIG.
  const dockerConfig = join(home, '.docker');
  const dockerConfigFile = join(dockerConfig, 'config.json');
  const runtime = join(directory, 'run');
  await mkdir(runtime, { mode: 0o700 });
  await mkdir(dockerConfig, { recursive: true });
  await writeFile(dockerConfigFile, JSON.stringify({ experimental: 'enabled' }));
  return {
    directory,
    dockerConfigFile,
    env: {
      HOME: home,
      DOCKER_CONFIG: dockerConfig,
      MULTIARCH_STORE: join(directory, 'drafts'),
      XDG_CONFIG_HOME: join(home, '.config'),
      XDG_RUNTIME_DIR: runtime,
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

/** A user and a password in plain text. */
export interface Account {
  readonly username: string;
  readonly password: string;
}

/** Lets all commands in the sandbox use this account at this registry. What it allowed before is forgotten. */
export async function logIn(sandbox: Sandbox, host: string, { username, password }: Account): Promise<void> {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  await writeFile(
    sandbox.dockerConfigFile,
    JSON.stringify({ experimental: 'enabled', auths: { [host]: { auth } } }),
  );
}
