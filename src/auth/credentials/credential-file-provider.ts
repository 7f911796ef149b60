import { FailedError } from '../../oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../../oci/reference.js';
import { FoundCredential, type RegistryCredential, type EnumerableProvider } from './credential.js';
import { CredentialCache } from './credential-cache.js';
import { findLogin, helperFor, loginNamespaces, type CredentialFile } from './credential-file.js';
import { CredentialHelper, CredentialHelperError, helperProgram } from './credential-helper.js';
import { primaryLoginKey } from './docker-hub.js';

export interface CredentialFileProviderOptions {
  readonly name: string;
  /** The path or variable. */
  readonly origin: string;
  /** The environment of the helpers that the file names. */
  readonly env: NodeJS.ProcessEnv;
  /** Reads the file. Called once, when a credential is first looked up. */
  readonly read: () => Promise<CredentialFile>;
  /** In milliseconds since 1970. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/** The logins of one credential file, and of the credential helpers that it names. */
export class CredentialFileProvider implements EnumerableProvider {
  readonly name: string;
  readonly origin: string;
  readonly #options: CredentialFileProviderOptions;
  #file: Promise<CredentialFile> | undefined;
  /** By helper and login key. A helper may take a second, or ask the user for consent. */
  readonly #fromHelpers: CredentialCache<RegistryCredential | undefined>;

  /** Reads nothing yet. */
  constructor(options: CredentialFileProviderOptions) {
    this.name = options.name;
    this.origin = options.origin;
    this.#options = options;
    this.#fromHelpers = new CredentialCache({ now: options.now ?? Date.now });
  }

  /**
   * Asks the registry's helper (`credHelpers`, else `credsStore`), then looks for an entry in the file, also if the helper
   * is broken. Helpers know registries, not repositories.
   *
   * @throws FailedError if the file is broken, or the helper or the entry is and no other login is found; CancelledError
   */
  async find(
    registry: RegistryHost,
    path: RepositoryPath | undefined,
    signal?: AbortSignal,
  ): Promise<FoundCredential | undefined> {
    const file = await this.#open();
    const fromHelper = await this.#askHelper(file, registry, signal);
    if (fromHelper instanceof FoundCredential) return fromHelper;
    const login = findEntry(file, registry, path, fromHelper);
    if (login !== undefined) {
      const skipped = [...(fromHelper === undefined ? [] : [fromHelper]), ...login.skipped];
      return new FoundCredential(login.credential, { provider: this.name, origin: this.origin, skipped });
    }
    if (fromHelper !== undefined) throw fromHelper;
    return undefined;
  }

  async namespaces(registry: RegistryHost): Promise<readonly RepositoryPath[]> {
    return loginNamespaces(await this.#open(), registry);
  }

  #open(): Promise<CredentialFile> {
    this.#file ??= this.#options.read();
    return this.#file;
  }

  /** Returns the login of the registry's helper, or why the helper gave none. @throws CancelledError */
  async #askHelper(
    file: CredentialFile,
    registry: RegistryHost,
    signal: AbortSignal | undefined,
  ): Promise<FoundCredential | FailedError | undefined> {
    try {
      const helper = helperFor(file, registry);
      return helper === undefined ? undefined : await this.#ask(helper, primaryLoginKey(registry), signal);
    } catch (error) {
      if (error instanceof FailedError) return error;
      throw error;
    }
  }

  async #ask(
    helper: string,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<FoundCredential | undefined> {
    const { value: credential, renewal } = await this.#fromHelpers.get(
      JSON.stringify([helper, key]),
      async (shared) =>
        new CredentialHelper(helper, { env: this.#options.env, namedIn: this.origin }).get(key, shared),
      signal,
    );
    const origin = `${helperProgram(helper)} (named in ${this.origin})`;
    return credential && new FoundCredential(credential, { provider: this.name, origin, renewal });
  }
}

/** As `findLogin`. @throws FailedError, which includes why the helper gave no login */
function findEntry(
  file: CredentialFile,
  registry: RegistryHost,
  path: RepositoryPath | undefined,
  helperFailure: FailedError | undefined,
): ReturnType<typeof findLogin> {
  try {
    return findLogin(file, registry, path);
  } catch (error) {
    if (helperFailure === undefined || !(error instanceof FailedError)) throw error;
    const { message, hint } = helperFailure;
    throw new CredentialHelperError(`${message}; ${error.message}`, { hint });
  }
}
