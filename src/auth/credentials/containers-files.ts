import { join } from 'node:path';

import type { LoginEnvironment } from './docker-config.js';
import { CredentialFileProvider } from './credential-file-provider.js';

const VARIABLE = 'REGISTRY_AUTH_FILE';

/** The file that REGISTRY_AUTH_FILE names; `undefined` where that is not set. */
export function registryAuthFilePath(env: NodeJS.ProcessEnv): string | undefined {
  return env[VARIABLE] || undefined;
}

/** The one file of logins that REGISTRY_AUTH_FILE names, in place of all others; `undefined` where that is not set. */
export function registryAuthFile(env: NodeJS.ProcessEnv): CredentialFileProvider | undefined {
  const path = registryAuthFilePath(env);
  return path === undefined
    ? undefined
    : new CredentialFileProvider({ name: VARIABLE, path, env, mustExist: true });
}

/**
 * The logins of podman, skopeo and buildah (containers-auth.json(5)), those of this session first, then those that are kept.
 *
 * @param options.userId where the session has no XDG_RUNTIME_DIR, as root's on Linux; default this process's
 */
export function containersFiles(
  options: LoginEnvironment & { readonly userId?: number | undefined },
): readonly CredentialFileProvider[] {
  const { env, homeDirectory, platform = process.platform, userId = process.getuid?.() } = options;
  const session = env['XDG_RUNTIME_DIR'];
  const directories = [
    session && join(session, 'containers'),
    !session && platform === 'linux' && userId !== undefined && `/run/containers/${userId}`,
    env['XDG_CONFIG_HOME'] && join(env['XDG_CONFIG_HOME'], 'containers'),
    join(homeDirectory, '.config', 'containers'),
  ].filter((directory) => typeof directory === 'string' && directory !== '');
  return [...new Set(directories)].map(
    (directory) =>
      new CredentialFileProvider({
        name: "podman's logins",
        path: join(String(directory), 'auth.json'),
        env,
      }),
  );
}
