import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import type { Environment } from '../../environment.js';
import { FailedError } from '../../oci/errors.js';
import type { EnumerableProvider } from './credential.js';
import { parseCredentialFile, readCredentialText, type CredentialFile } from './credential-file.js';
import { CredentialFileProvider } from './credential-file-provider.js';
import { defaultHelper } from './credential-helper.js';

const AUTH_FILE = 'REGISTRY_AUTH_FILE';
const DOCKER_CONFIG = 'DOCKER_CONFIG';
const INLINE_CONFIG = 'DOCKER_AUTH_CONFIG';

/**
 * Returns the credential files of this machine, by precedence: DOCKER_AUTH_CONFIG, docker's configuration and podman's
 * files, or only the file that REGISTRY_AUTH_FILE names. Nothing is read yet.
 */
export function fileProviders(environment: Environment): readonly EnumerableProvider[] {
  const { env } = environment;
  const path = env[AUTH_FILE];
  if (!path) return [inlineConfig(env), dockerConfig(environment), ...containersFiles(environment)];
  const read = async (): Promise<CredentialFile> => {
    const text = await readAuthFile(path);
    if (text === undefined) throw new FailedError(`${AUTH_FILE}: no such file: ${path}`);
    return parseCredentialFile(text, path);
  };
  return [new CredentialFileProvider({ name: AUTH_FILE, origin: path, env, read })];
}

/** The file that logins are saved in. */
export interface LoginFile {
  readonly path: string;
  /** Reads the file; a missing one is empty. `usesDefaultHelper` reports that its `credsStore` is the platform's helper. */
  readonly read: () => Promise<{ readonly file: CredentialFile; readonly usesDefaultHelper: boolean }>;
}

/**
 * Returns the file that REGISTRY_AUTH_FILE names, else docker's `config.json` in DOCKER_CONFIG or `~/.docker`. For docker's,
 * the platform's helper is looked up as docker does.
 */
export function loginFile(environment: Environment): LoginFile {
  const { env } = environment;
  const path = env[AUTH_FILE];
  if (!path) return dockerConfigFile(environment);
  return {
    path,
    read: async () => {
      const text = (await readAuthFile(path)) ?? '';
      return { file: parseCredentialFile(text, path), usesDefaultHelper: false };
    },
  };
}

/** Reads the file that REGISTRY_AUTH_FILE names; `undefined` for a missing one. @throws FailedError for a directory */
async function readAuthFile(path: string): Promise<string | undefined> {
  const text = await readCredentialText(path);
  if (text !== undefined || !(await kindOf(path))?.isDirectory()) return text;
  throw new FailedError(`cannot read ${path}: ${AUTH_FILE} names a directory, not a file`, {
    hint: `Name the file in it, such as ${join(path, 'auth.json')}.`,
  });
}

/**
 * Checks that DOCKER_CONFIG does not name a file. Devices are allowed, since `/dev/null` means no configuration.
 * @throws FailedError
 */
async function checkDockerConfig(directory: string): Promise<void> {
  if (!(await kindOf(directory))?.isFile()) return;
  const path = join(directory, 'config.json');
  const hint =
    basename(directory) === 'config.json'
      ? `Name the directory of the file: ${DOCKER_CONFIG}=${dirname(directory)}`
      : `Set ${DOCKER_CONFIG} to the directory that contains config.json, or ${AUTH_FILE} to the file.`;
  throw new FailedError(`cannot read ${path}: ${DOCKER_CONFIG} names a file, not a directory`, { hint });
}

async function kindOf(path: string): Promise<Stats | undefined> {
  // What cannot be examined is reported when it is read.
  return stat(path).catch(() => undefined);
}

function dockerConfigFile(environment: Environment): LoginFile {
  const { env, homeDirectory } = environment;
  const given = env[DOCKER_CONFIG];
  const path = join(given || join(homeDirectory, '.docker'), 'config.json');
  return {
    path,
    read: async () => {
      if (given) await checkDockerConfig(given);
      const file = await readCredentialFile(path);
      const store = await defaultHelper(file, environment);
      const usesDefaultHelper = store !== undefined;
      return { file: usesDefaultHelper ? { ...file, store } : file, usesDefaultHelper };
    },
  };
}

/** Reads a credential file; a missing one is empty. */
async function readCredentialFile(path: string): Promise<CredentialFile> {
  return parseCredentialFile((await readCredentialText(path)) ?? '', path);
}

/** Returns the provider for docker's `config.json` and the credential helpers that it names. */
export function dockerConfig(environment: Environment, now?: () => number): CredentialFileProvider {
  const { path, read } = dockerConfigFile(environment);
  return new CredentialFileProvider({
    name: "docker's configuration",
    origin: path,
    env: environment.env,
    read: async () => (await read()).file,
    now,
  });
}

/** Returns the provider for DOCKER_AUTH_CONFIG: `config.json` as text, with nothing but `auths.*.auth`. */
export function inlineConfig(env: NodeJS.ProcessEnv): CredentialFileProvider {
  const read = async (): Promise<CredentialFile> => parseInlineConfig(env[INLINE_CONFIG] ?? '');
  return new CredentialFileProvider({ name: 'the environment', origin: INLINE_CONFIG, env, read });
}

/** Parses as strictly as docker does, so that both use the variable or neither. */
function parseInlineConfig(text: string): CredentialFile {
  const file = parseCredentialFile(text, INLINE_CONFIG);
  const fields = text.trim() === '' ? [] : Object.keys(JSON.parse(text) as object);
  const entries = [...file.entries.values()].flatMap((entry) => Object.keys(entry ?? {}));
  if (fields.some((name) => name !== 'auths') || entries.some((name) => name !== 'auth')) {
    throw new FailedError(
      `${INLINE_CONFIG} may contain "auths" with "auth" for each registry, and nothing else`,
    );
  }
  return file;
}

/**
 * Returns the providers for the files of podman, skopeo and buildah (containers-auth.json(5)), that of the session first.
 *
 * @param options.userId for sessions without XDG_RUNTIME_DIR, such as root's on Linux. Default: that of the process
 */
export function containersFiles(
  options: Environment & { readonly userId?: number | undefined },
): readonly CredentialFileProvider[] {
  const { env, homeDirectory, platform, userId = process.getuid?.() } = options;
  const session = env['XDG_RUNTIME_DIR'];
  const directories = [
    session && join(session, 'containers'),
    !session && platform === 'linux' && userId !== undefined && `/run/containers/${userId}`,
    env['XDG_CONFIG_HOME'] && join(env['XDG_CONFIG_HOME'], 'containers'),
    join(homeDirectory, '.config', 'containers'),
  ].filter((directory) => typeof directory === 'string' && directory !== '');
  return [...new Set(directories)].map((directory) => {
    const path = join(String(directory), 'auth.json');
    const read = (): Promise<CredentialFile> => readCredentialFile(path);
    return new CredentialFileProvider({ name: "podman's logins", origin: path, env, read });
  });
}
