/**
 * Finds the credential for a registry: an explicit one, docker's and podman's files, credential helpers, clouds.
 *
 * Offers credential, credential-cache, credential-chain, credential-file, credential-helper, docker-hub, file-providers.
 * @module auth/credentials
 */
import type { Environment } from '../../environment.js';
import { FailedError } from '../../oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../../oci/reference.js';
import {
  FoundCredential,
  type RegistryCredential,
  type CredentialProvider,
  type ExplicitCredential,
} from './credential.js';
import { CredentialHelperError } from './credential-helper.js';
import { fileProviders } from './file-providers.js';

/** What a chain reports. */
export interface CredentialChainEvents {
  /** Called once for each provider and each entry that is skipped because it is invalid. */
  readonly onWarning: (message: string) => void;
  /** Called once for each registry; `undefined` if it is accessed anonymously. */
  readonly onFound?: ((registry: RegistryHost, found: FoundCredential | undefined) => void) | undefined;
}

export interface CredentialChainOptions extends Environment, CredentialChainEvents {
  /** The caller's own credentials, at most one for a registry. */
  readonly explicit?: ExplicitCredential | readonly ExplicitCredential[] | undefined;
  readonly clouds?: readonly CredentialProvider[] | undefined;
}

/**
 * Returns the credential providers of this machine, by precedence: the caller's own, the credential files, the clouds. What
 * is configured for a registry takes precedence over what a cloud issues for the whole machine. Nothing is read yet.
 */
export function credentialChain(options: CredentialChainOptions): CredentialProvider {
  const { explicit = [], clouds = [] } = options;
  const first = [explicit].flat().map((credential) => new ExplicitProvider(credential));
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
    const skipped: FailedError[] = [];
    let found: FoundCredential | undefined;
    try {
      for (const provider of this.#providers) {
        found = await findUnlessBroken(provider, skipped, registry, path, signal);
        if (found !== undefined) return found;
      }
      return undefined;
    } finally {
      // At the end, when it is known what is used instead.
      for (const error of skipped) this.#warn(error, found);
    }
  }

  #warn(error: FailedError, found: FoundCredential | undefined): void {
    const { message, hint } = error;
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    const isReplaced = found !== undefined && error instanceof CredentialHelperError;
    const warning = isReplaced ? `${message}; the login of ${found.origin} is used instead` : message;
    this.#events.onWarning(hint === undefined ? warning : `${warning} (${hint})`);
  }
}

/** Asks one provider. A broken one is skipped; no later provider makes up for any other failure. */
async function findUnlessBroken(
  provider: CredentialProvider,
  skipped: FailedError[],
  registry: RegistryHost,
  path: RepositoryPath | undefined,
  signal: AbortSignal | undefined,
): Promise<FoundCredential | undefined> {
  try {
    const found = await provider.find(registry, path, signal);
    skipped.push(...(found?.skipped ?? []));
    return found;
  } catch (error) {
    if (!(error instanceof FailedError)) throw error;
    skipped.push(error);
    return undefined;
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
