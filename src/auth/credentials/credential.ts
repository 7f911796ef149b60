import type { FailedError } from '../../oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../../oci/reference.js';

/** What a client authenticates with at a registry. */
export type RegistryCredential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token: `identitytoken` in docker's file, or the user name `<token>` from a helper. */
  | { readonly kind: 'identity'; readonly token: string }
  /** A registry token, sent as a Bearer token unchanged: `registrytoken` in docker's file. */
  | { readonly kind: 'bearer'; readonly token: string };

/** A credential that the caller passes in. */
export interface ExplicitCredential {
  /** The only registry that the credential is sent to. */
  readonly registry: RegistryHost;
  /** Called once, when the registry first asks for authentication. */
  readonly credential: () => Promise<RegistryCredential>;
}

/** A source of credentials, such as a file or a cloud. */
export interface CredentialProvider {
  /** The kind of source, for messages: `docker's configuration`. */
  readonly name: string;
  /**
   * Returns the credential for a repository, or `undefined` if the provider has none.
   *
   * @throws FailedError if the provider is broken; never with a secret. UnauthorizedError, RateLimitedError,
   *   UnavailableError if a cloud issues no credential for a registry that requires one. CancelledError
   */
  find(
    registry: RegistryHost,
    path: RepositoryPath | undefined,
    signal?: AbortSignal,
  ): Promise<FoundCredential | undefined>;
}

/** A provider whose credentials can be listed, because they are in a file or variable. */
export interface EnumerableProvider extends CredentialProvider {
  /**
   * Returns the namespaces and repositories of a registry that have entries of their own.
   * @throws FailedError if the provider is broken
   */
  namespaces(registry: RegistryHost): Promise<readonly RepositoryPath[]>;
}

/** Replaces a cached credential that has expired. */
export interface Renewal {
  /** Reports whether the credential was fetched less than a minute ago, so that it can hardly have expired. */
  isFresh(): boolean;
  /** Drops the credential from its provider's cache, unless it was replaced already: `find` then fetches another. */
  forget(): void;
}

/**
 * A credential and where it was found. The secret is in a private field, so printing, logging or serialising the object
 * does not reveal it.
 */
export class FoundCredential {
  /** The name of the provider. */
  readonly provider: string;
  /** The file, program or variable that the credential is from. */
  readonly origin: string;
  /** Set if the provider can fetch another credential when this one expires. */
  readonly renewal: Renewal | undefined;
  /** Errors of invalid entries that would have taken precedence. */
  readonly skipped: readonly FailedError[];
  readonly #credential: RegistryCredential;

  constructor(
    credential: RegistryCredential,
    from: {
      readonly provider: string;
      readonly origin: string;
      readonly renewal?: Renewal | undefined;
      readonly skipped?: readonly FailedError[] | undefined;
    },
  ) {
    this.#credential = credential;
    this.provider = from.provider;
    this.origin = from.origin;
    this.renewal = from.renewal;
    this.skipped = from.skipped ?? [];
  }

  /** Returns the secret. A method, since printing an object reads its getters. */
  reveal(): RegistryCredential {
    return this.#credential;
  }

  /** Reports whether both are the same credential, wherever they were found. */
  equals(other: FoundCredential | undefined): boolean {
    return JSON.stringify(this.#credential) === JSON.stringify(other?.reveal());
  }

  get kind(): RegistryCredential['kind'] {
    return this.#credential.kind;
  }

  /** The user name; `undefined` for a token. */
  get username(): string | undefined {
    return this.#credential.kind === 'basic' ? this.#credential.username : undefined;
  }
}
