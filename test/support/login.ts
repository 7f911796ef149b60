import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { logIn, type Account, type Sandbox } from './sandbox.js';

/** Makes an account known to the commands of a sandbox; gives what they need in their environment for it. */
export type Login = (sandbox: Sandbox, host: string, account: Account) => Promise<Record<string, string>>;

/** In `auths` of docker's configuration file. */
export const inConfigFile: Login = async (sandbox, host, account) => {
  await logIn(sandbox, host, account);
  return {};
};

/** In the environment, and nowhere else. */
export const inEnvironment: Login = async (_sandbox, host, { username, password }) => {
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  return { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [host]: { auth } } }) };
};

/** With a credential helper, which docker's configuration file names for this registry. */
export const inHelper: Login = async (sandbox, host, { username, password }) => {
  const directory = join(sandbox.directory, 'helpers');
  const helper = join(directory, 'docker-credential-vault');
  await mkdir(directory, { recursive: true });
  const answer = JSON.stringify({ ServerURL: host, Username: username, Secret: password });
  const refusal = 'credentials not found in native keychain';
  // It is told the registry on its standard input.
  await writeFile(
    helper,
    `#!/bin/sh
read -r server
if [ "$1 $server" = 'get ${host}' ]; then echo '${answer}'; else echo '${refusal}'; exit 1; fi
`,
  );
  await chmod(helper, 0o755);
  await writeFile(sandbox.dockerConfigFile, JSON.stringify({ credHelpers: { [host]: 'vault' } }));
  return { PATH: [directory, process.env['PATH']].join(delimiter) };
};
