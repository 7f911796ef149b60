import {
  FoundCredential,
  type RegistryCredential,
  type CredentialProvider,
} from '../../src/auth/credentials/credential.js';

/** A credential as a provider returns it. */
export function found(credential: RegistryCredential): FoundCredential {
  return new FoundCredential(credential, { provider: 'test', origin: 'test' });
}

/** A provider with this credential for every repository. */
export function having(credential: RegistryCredential | undefined): CredentialProvider {
  return { name: 'test', find: () => Promise.resolve(credential && found(credential)) };
}
