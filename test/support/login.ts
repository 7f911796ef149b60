import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { logIn, type Account, type Sandbox } from './sandbox.js';

/** Stores a login for the commands of a sandbox. Returns the environment that they need for it. */
export type Login = (sandbox: Sandbox, host: string, account: Account) => Promise<Record<string, string>>;

/** Stores the login in `auths` of docker's configuration file. */
export const inConfigFile: Login = async (sandbox, host, account) => {
  await logIn(sandbox, host, account);
  return {};
};

/** Passes the login in the environment only. */
export const inEnvironment: Login = async (_sandbox, host, { username, password }) => {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  return { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [host]: { auth } } }) };
};

/** Stores the login in a credential helper, which docker's configuration file configures for this registry. */
export const inHelper: Login = async (sandbox, host, { username, password }) => {
  const directory = join(sandbox.directory, 'helpers');
  const helper = join(directory, 'docker-credential-vault');
  await mkdir(directory, { recursive: true });
  const login = JSON.stringify({ ServerURL: host, Username: username, Secret: password });
  const notFound = 'credentials not found in native keychain';
  // A helper reads the registry from its standard input.
  await writeFile(
    helper,
    `#!/bin/sh
read -r server
if [ "$1 $server" = 'get ${host}' ]; then echo '${login}'; else echo '${notFound}'; exit 1; fi
`,
  );
  await chmod(helper, 0o755);
  await writeFile(sandbox.dockerConfigFile, JSON.stringify({ credHelpers: { [host]: 'vault' } }));
  return { PATH: [directory, process.env['PATH']].join(delimiter) };
};
