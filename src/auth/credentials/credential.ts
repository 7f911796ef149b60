import type { HttpMethod } from '../../http/message.js';
import type { FailedError } from '../../oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../../oci/reference.js';

/** What a registry's login is proved with. */
export type Credential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token (`identitytoken` in docker's file; a helper's user name `<token>`). */
  | { readonly kind: 'identity'; readonly token: string }
  /** Sent as Bearer as it is (`registrytoken` in docker's file). */
  | { readonly kind: 'bearer'; readonly token: string };

/** One link of the credential chain. */
export interface CredentialProvider {
  /** What kind of link it is, for messages: `docker's configuration`. */
  readonly name: string;
  /**
   * What the link holds for a repository; `undefined`, and the next link is asked.
   * @throws FailedError where it is broken, never with a secret; UnauthorizedError, RateLimitedError, UnavailableError where a
   *   cloud gives no login for a registry that nobody can use without; CancelledError
   */
  find(
    registry: RegistryHost,
    path: RepositoryPath | undefined,
    signal?: AbortSignal,
  ): Promise<FoundCredential | undefined>;
}

/** A link whose logins can be listed, as they are in a file or variable. */
export interface EnumerableProvider extends CredentialProvider {
  /**
   * The namespaces and repositories of a registry that may have logins of their own here.
   * @throws FailedError where the link is broken
   */
  namespaces(registry: RegistryHost): Promise<readonly RepositoryPath[]>;
}

/** The answer to a request that carried a login. */
export interface ErrorResponse {
  readonly method: HttpMethod;
  readonly status: number;
  /** The server's words; empty for the answer to a HEAD. */
  readonly text: string;
}

/** How to get a new login from a link that has kept one which has run out meanwhile. */
export interface Renewal {
  /** Whether this refusal (400, 401 or 403) says that the login has run out. */
  expired(response: ErrorResponse): boolean;
  /** Makes the link forget this login, so that `find` fetches another. Does nothing where it has another already. */
  forget(): void;
}

/**
 * A login with where it was found. The secret is in a private field, and so in nothing that is printed, logged or
 * serialised.
 */
export class FoundCredential {
  /** The name of the link that answered. */
  readonly provider: string;
  /** The file, program or variable that it is from. */
  readonly origin: string;
  readonly renewal: Renewal | undefined;
  /** What would have gone before it in the same place, and cannot be used. */
  readonly damaged: readonly FailedError[];
  readonly #credential: Credential;

  constructor(
    credential: Credential,
    from: {
      readonly provider: string;
      readonly origin: string;
      readonly renewal?: Renewal | undefined;
      readonly damaged?: readonly FailedError[] | undefined;
    },
  ) {
    this.#credential = credential;
    this.provider = from.provider;
    this.origin = from.origin;
    this.renewal = from.renewal;
    this.damaged = from.damaged ?? [];
  }

  /** The secret itself. A method, as getters are read by what prints objects. */
  reveal(): Credential {
    return this.#credential;
  }

  /** Whether the other proves the same with the same secret. */
  equals(other: FoundCredential | undefined): boolean {
    return JSON.stringify(this.#credential) === JSON.stringify(other?.reveal());
  }

  get kind(): Credential['kind'] {
    return this.#credential.kind;
  }

  /** Who logs in, where that is known: a token does not say. */
  get username(): string | undefined {
    return this.#credential.kind === 'basic' ? this.#credential.username : undefined;
  }
}
