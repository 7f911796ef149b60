import {
  FoundCredential,
  type Credential,
  type CredentialProvider,
} from '../../src/auth/credentials/credential.js';

/** A credential as a provider returns it. */
export function found(credential: Credential): FoundCredential {
  return new FoundCredential(credential, { provider: 'test', origin: 'test' });
}

/** A provider with this credential for every repository. */
export function having(credential: Credential | undefined): CredentialProvider {
  return { name: 'test', find: () => Promise.resolve(credential && found(credential)) };
}
