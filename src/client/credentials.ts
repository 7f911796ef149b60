import { credentialChain } from '../auth/credentials/credential-chain.js';
import type { CredentialProvider, ExplicitCredential } from '../auth/credentials/credential.js';
import { EcrProvider } from '../auth/ecr/ecr-provider.js';
import type { OnEvent } from '../content/events.js';
import type { Environment } from '../environment.js';
import type { HttpClient } from '../http/message.js';

export interface CredentialsOptions extends Environment {
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
  ...environment
}: CredentialsOptions): CredentialProvider {
  const asksCloud = http !== undefined && hasAwsSettingsOfProcess(environment.env);
  return credentialChain({
    ...environment,
    explicit: login,
    clouds: asksCloud ? [new EcrProvider({ http })] : [],
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
