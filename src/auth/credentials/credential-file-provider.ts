import type { RegistryHost, RepositoryPath } from '../../oci/reference.js';
import { FoundCredential, type RegistryCredential, type EnumerableProvider } from './credential.js';
import { CredentialCache } from './credential-cache.js';
import { findLogin, helperFor, loginNamespaces, type CredentialFile } from './credential-file.js';
import { CredentialHelper, helperProgram } from './credential-helper.js';
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
   * Asks the registry's helper (`credHelpers`, else `credsStore`), then looks for an entry in the file. Helpers know
   * registries, not repositories.
   *
   * @throws FailedError if the file, the entry or the helper is broken; CancelledError
   */
  async find(
    registry: RegistryHost,
    path: RepositoryPath | undefined,
    signal?: AbortSignal,
  ): Promise<FoundCredential | undefined> {
    const file = await this.#open();
    const helper = helperFor(file, registry);
    const fromHelper = helper && (await this.#ask(helper, primaryLoginKey(registry), signal));
    if (fromHelper) return fromHelper;
    const login = findLogin(file, registry, path);
    if (login === undefined) return undefined;
    const { credential, skipped } = login;
    return new FoundCredential(credential, { provider: this.name, origin: this.origin, skipped });
  }

  async namespaces(registry: RegistryHost): Promise<readonly RepositoryPath[]> {
    return loginNamespaces(await this.#open(), registry);
  }

  #open(): Promise<CredentialFile> {
    this.#file ??= this.#options.read();
    return this.#file;
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
