import { join } from 'node:path';

import { CredentialFileProvider } from './credential-file-provider.js';

/** Where the files are found in which logins are kept. */
export interface LoginEnvironment {
  readonly env: NodeJS.ProcessEnv;
  readonly homeDirectory: string;
  /** @default process.platform */
  readonly platform?: NodeJS.Platform | undefined;
}

/** docker's `config.json`: in DOCKER_CONFIG, else in `.docker` of the home directory. */
export function dockerConfigPath({ env, homeDirectory }: LoginEnvironment): string {
  return join(env['DOCKER_CONFIG'] || join(homeDirectory, '.docker'), 'config.json');
}

/** The logins of docker: its `config.json`, and the credential helpers that it names or finds. */
export function dockerConfig(
  options: LoginEnvironment & { readonly now?: (() => number) | undefined },
): CredentialFileProvider {
  return new CredentialFileProvider({
    name: "docker's configuration",
    path: dockerConfigPath(options),
    env: options.env,
    defaultHelperOn: options.platform ?? process.platform,
    now: options.now,
  });
}
