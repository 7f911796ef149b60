import { FoundCredential, type Credential, type CredentialLink } from '../../src/auth/credential.js';

/** A login as a link of the chain gives it. */
export function found(credential: Credential): FoundCredential {
  return new FoundCredential(credential, { link: 'test', place: 'test' });
}

/** A link that has this login for every repository. */
export function having(credential: Credential | undefined): CredentialLink {
  return { name: 'test', find: () => Promise.resolve(credential && found(credential)) };
}
