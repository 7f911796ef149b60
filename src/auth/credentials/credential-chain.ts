/**
 * Finds the credential for a registry: an explicit one, docker's and podman's files, credential helpers, clouds.
 *
 * Offers credential, credential-cache, credential-chain, credential-file, credential-helper, docker-hub, file-providers.
 * @module auth/credentials
 */
import type { Environment } from '../../environment.js';
import { FailedError, type MultiarchError } from '../../oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../../oci/reference.js';
import {
  FoundCredential,
  type RegistryCredential,
  type CredentialProvider,
  type ExplicitCredential,
} from './credential.js';
import { fileProviders } from './file-providers.js';

/** What a chain reports. */
export interface CredentialChainEvents {
  /** Called once for each provider and each entry that is skipped because it is invalid. */
  readonly onWarning: (message: string) => void;
  /** Called once for each registry; `undefined` if it is accessed anonymously. */
  readonly onFound?: ((registry: RegistryHost, found: FoundCredential | undefined) => void) | undefined;
}

export interface CredentialChainOptions extends Environment, CredentialChainEvents {
  /** The caller's own credential. */
  readonly explicit?: ExplicitCredential | undefined;
  readonly clouds?: readonly CredentialProvider[] | undefined;
}

/**
 * Returns the credential providers of this machine, by precedence: the caller's own, the credential files, the clouds. What
 * is configured for a registry takes precedence over what a cloud issues for the whole machine. Nothing is read yet.
 */
export function credentialChain(options: CredentialChainOptions): CredentialProvider {
  const { explicit, clouds = [] } = options;
  const first = explicit === undefined ? [] : [new ExplicitProvider(explicit)];
  return new CredentialChain([...first, ...fileProviders(options), ...clouds], options);
}

/** Asks several providers in order and returns the first credential. */
export class CredentialChain implements CredentialProvider {
  readonly name = 'the credential chain';
  readonly #providers: readonly CredentialProvider[];
  readonly #events: CredentialChainEvents;
  readonly #warned = new Set<string>();
  readonly #reported = new Set<RegistryHost>();

  constructor(providers: readonly CredentialProvider[], events: CredentialChainEvents) {
    this.#providers = providers;
    this.#events = events;
  }

  /**
   * @throws CancelledError; ArgumentError if the caller's own credential is invalid; UnauthorizedError, RateLimitedError,
   *   UnavailableError if a cloud issues no credential for a registry that requires one
   */
  async find(
    registry: RegistryHost,
    path: RepositoryPath | undefined,
    signal?: AbortSignal,
  ): Promise<FoundCredential | undefined> {
    const found = await this.#ask(registry, path, signal);
    if (!this.#reported.has(registry)) {
      this.#reported.add(registry);
      this.#events.onFound?.(registry, found);
    }
    return found;
  }

  async #ask(
    registry: RegistryHost,
    path: RepositoryPath | undefined,
    signal: AbortSignal | undefined,
  ): Promise<FoundCredential | undefined> {
    for (const provider of this.#providers) {
      try {
        const found = await provider.find(registry, path, signal);
        if (found === undefined) continue;
        for (const error of found.skipped) this.#warn(error);
        return found;
      } catch (error) {
        // A broken provider is skipped. No later provider makes up for any other failure.
        if (!(error instanceof FailedError)) throw error;
        this.#warn(error);
      }
    }
    return undefined;
  }

  #warn({ message, hint }: MultiarchError): void {
    const warning = hint === undefined ? message : `${message} (${hint})`;
    if (this.#warned.has(warning)) return;
    this.#warned.add(warning);
    this.#events.onWarning(warning);
  }
}

/** The caller's own credential. */
class ExplicitProvider implements CredentialProvider {
  readonly name = 'the flags of this call';
  readonly #explicit: ExplicitCredential;
  #credential: Promise<RegistryCredential> | undefined;

  constructor(explicit: ExplicitCredential) {
    this.#explicit = explicit;
  }

  async find(registry: RegistryHost): Promise<FoundCredential | undefined> {
    if (registry !== this.#explicit.registry) return undefined;
    this.#credential ??= this.#explicit.credential();
    return new FoundCredential(await this.#credential, { provider: this.name, origin: 'command line' });
  }
}
