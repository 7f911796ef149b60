import { credentialChain } from '../auth/credentials/credential-chain.js';
import type { CredentialProvider, ExplicitCredential } from '../auth/credentials/credential.js';
import { EcrProvider } from '../auth/ecr/ecr-provider.js';
import type { OnEvent } from '../content/events.js';
import type { Environment } from '../environment.js';
import type { HttpClient } from '../http/message.js';

export interface CredentialsOptions extends Environment {
  readonly logins?: readonly ExplicitCredential[] | undefined;
  /** Opens the client for requests to clouds. */
  readonly http: () => Promise<HttpClient>;
  /** Called with warnings, and with the credentials that are found. */
  readonly onEvent?: OnEvent | undefined;
}

/** Returns the credentials of a client: the caller's own, the saved logins of this machine, and those that clouds issue. */
export function credentials({
  env,
  homeDirectory,
  platform,
  logins,
  http,
  onEvent,
}: CredentialsOptions): CredentialProvider {
  return credentialChain({
    env,
    homeDirectory,
    platform,
    explicit: logins,
    clouds: hasAwsSettingsOfProcess(env) ? [new EcrProvider({ http })] : [],
    onWarning: (message) => onEvent?.({ kind: 'warning', message }),
    onFound: (registry, found) =>
      onEvent?.({ kind: 'login', registry, username: found?.username, origin: found?.origin }),
  });
}

/**
 * Reports whether the AWS variables equal those of the process. The AWS SDK reads the variables of the process only, and a
 * caller with other variables must not be logged in with the keys of the process.
 */
function hasAwsSettingsOfProcess(env: NodeJS.ProcessEnv): boolean {
  const names = Object.keys({ ...env, ...process.env }).filter((name) => name.startsWith('AWS_'));
  return names.every((name) => env[name] === process.env[name]);
}
