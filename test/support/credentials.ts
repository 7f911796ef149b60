import {
  FoundCredential,
  type Credential,
  type CredentialProvider,
} from '../../src/auth/credentials/credential.js';

/** A login as a link of the chain gives it. */
export function found(credential: Credential): FoundCredential {
  return new FoundCredential(credential, { provider: 'test', origin: 'test' });
}

/** A link that has this login for every repository. */
export function having(credential: Credential | undefined): CredentialProvider {
  return { name: 'test', find: () => Promise.resolve(credential && found(credential)) };
}
