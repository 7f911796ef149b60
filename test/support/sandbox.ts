import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Read once: a test may set TMPDIR for the code under test. */
const TEMPORARY = tmpdir();

/** A new temporary directory for several tests. `beforeAll` returns `remove`. */
export async function sharedDirectory(): Promise<{
  readonly directory: string;
  readonly remove: () => Promise<void>;
}> {
  const directory = await mkdtemp(join(TEMPORARY, 'multiarch-test-'));
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}

/** A temporary directory with the home, configuration and state of commands. */
export interface Sandbox {
  readonly directory: string;
  /** docker's `config.json`. multiarch, skopeo and podman also read credentials from it. */
  readonly dockerConfigFile: string;
  /** The environment of commands in the sandbox. */
  readonly env: Readonly<Record<string, string>>;
  readonly remove: () => Promise<void>;
}

/** Makes a sandbox whose docker configuration only enables experimental commands. */
export async function makeSandbox(): Promise<Sandbox> {
  const { directory, remove } = await sharedDirectory();
  const home = join(directory, 'home');
  // In the home, for programs that do not read DOCKER_CONFIG.
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
      XDG_CACHE_HOME: join(home, '.cache'),
      XDG_CONFIG_HOME: join(home, '.config'),
      XDG_RUNTIME_DIR: runtime,
    },
    remove,
  };
}

/** A user and a password in plain text. */
export interface Account {
  readonly username: string;
  readonly password: string;
}

/** Stores the login of a registry for all commands of the sandbox. It replaces earlier logins. */
export async function logIn(sandbox: Sandbox, host: string, { username, password }: Account): Promise<void> {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  await writeFile(
    sandbox.dockerConfigFile,
    JSON.stringify({ experimental: 'enabled', auths: { [host]: { auth } } }),
  );
}
