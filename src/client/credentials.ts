import { credentialChain } from '../auth/credentials/credential-chain.js';
import type { CredentialProvider } from '../auth/credentials/credential.js';
import type { LoginEnvironment } from '../auth/credentials/docker-config.js';
import { EcrLogin } from '../auth/ecr/ecr-login.js';
import type { ExplicitCredential } from '../auth/credentials/static-credential-provider.js';
import type { OnEvent } from '../content/events.js';
import type { HttpClient } from '../http/message.js';

export interface CredentialsOptions extends LoginEnvironment {
  readonly login?: ExplicitCredential | undefined;
  /** Opens what clouds are asked by for a login. Without it, none is asked; nor with settings for AWS that are not the process's own. */
  readonly http?: (() => Promise<HttpClient>) | undefined;
  readonly onEvent?: OnEvent | undefined;
}

/** The logins of a run: the caller's own, those of this machine, those that a cloud gives. Warnings and what was found go to `onEvent`. */
export function credentials({
  login,
  http,
  onEvent,
  ...surroundings
}: CredentialsOptions): CredentialProvider {
  const asksCloud = http !== undefined && hasAwsSettingsOfProcess(surroundings.env);
  return credentialChain({
    ...surroundings,
    given: login,
    cloud: asksCloud ? [new EcrLogin({ http })] : [],
    onWarning: (message) => onEvent?.({ kind: 'warning', message }),
    onFound: (registry, found) =>
      onEvent?.({ kind: 'login', registry, username: found?.username, origin: found?.origin }),
  });
}

/**
 * Whether an environment says of AWS what the process's own says. The SDK of AWS reads that one and no other: whoever brings
 * along another must not be logged in with the keys of the process.
 */
function hasAwsSettingsOfProcess(env: NodeJS.ProcessEnv): boolean {
  const names = Object.keys({ ...env, ...process.env }).filter((name) => name.startsWith('AWS_'));
  return names.every((name) => env[name] === process.env[name]);
}
