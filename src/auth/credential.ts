import type { RegistryHost, RepositoryPath } from '../oci/reference.js';

/** What a registry's login is proved with. */
export type Credential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token (`identitytoken` in docker's file; a helper's user name `<token>`). */
  | { readonly kind: 'identity'; readonly token: string }
  /** Sent as Bearer as it is (`registrytoken` in docker's file). */
  | { readonly kind: 'bearer'; readonly token: string };

/** One link of the credential chain: what it holds for a repository, or `undefined` to ask the next link. */
export interface CredentialProvider {
  /** For messages and `login --show`: which link this is, and which file it reads. Never a secret. */
  readonly name: string;
  find(
    registry: RegistryHost,
    path: RepositoryPath | undefined,
    signal?: AbortSignal,
  ): Promise<Credential | undefined>;
}
