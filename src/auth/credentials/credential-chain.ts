/**
 * Finds the credential for a registry: explicit ones, docker's and podman's files, credential helpers, cloud
 * providers.
 *
 * Offers auth-field, containers-files, credential, credential-chain, credential-file, default-helper,
 * docker-config, docker-hub, helper, static-credential-provider.
 * @module auth/credentials
 */
import { FailedError, type MultiarchError } from '../../oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../../oci/reference.js';
import { containersFiles, registryAuthFile } from './containers-files.js';
import type { CredentialProvider, FoundCredential, EnumerableProvider } from './credential.js';
import { dockerConfig, type LoginEnvironment } from './docker-config.js';
import { StaticCredentialProvider, type ExplicitCredential } from './static-credential-provider.js';
import { InlineConfigProvider } from './inline-config.js';

export interface CredentialChainOptions extends LoginEnvironment {
  /** The login that the caller brings along, which comes first. */
  readonly given?: ExplicitCredential | undefined;
  /** Logins of a cloud's own tools, which come last: what is configured for a registry goes before what is true of a machine. */
  readonly cloud?: readonly CredentialProvider[] | undefined;
  readonly onWarning: (message: string) => void;
  /** Told once of each registry which login was found for it, `undefined` where it is asked without one. */
  readonly onFound?: ((registry: RegistryHost, found: FoundCredential | undefined) => void) | undefined;
}

/**
 * Where this machine keeps the logins for registries, in the order they are asked: the caller's own; the file that
 * REGISTRY_AUTH_FILE names, and no other file then; DOCKER_AUTH_CONFIG; docker's configuration; podman's files; the cloud's
 * tools. Nothing is read before it is needed.
 */
export function credentialChain(options: CredentialChainOptions): CredentialProvider {
  const { given, cloud = [] } = options;
  const first = given === undefined ? [] : [new StaticCredentialProvider(given)];
  return new CredentialChain([...first, ...fileProviders(options), ...cloud], options);
}

/** The links of the chain that are files of this machine, or stand for one. */
export function fileProviders(options: LoginEnvironment): readonly EnumerableProvider[] {
  const only = registryAuthFile(options.env);
  if (only !== undefined) return [only];
  return [new InlineConfigProvider(options), dockerConfig(options), ...containersFiles(options)];
}

/** Asks several links in turn; the first that holds a login is taken. */
export class CredentialChain implements CredentialProvider {
  readonly name = 'the credential chain';
  readonly #links: readonly CredentialProvider[];
  readonly #options: Pick<CredentialChainOptions, 'onWarning' | 'onFound'>;
  readonly #warned = new Set<string>();
  readonly #told = new Set<RegistryHost>();

  /** @param options `onWarning` is told, once, of each link and each entry that is broken and passed over */
  constructor(
    links: readonly CredentialProvider[],
    options: Pick<CredentialChainOptions, 'onWarning' | 'onFound'>,
  ) {
    this.#links = links;
    this.#options = options;
  }

  /**
   * @throws CancelledError; ArgumentError where the caller's own login cannot be used; UnauthorizedError, RateLimitedError,
   *   UnavailableError where a cloud gives no login for a registry that nobody can use without
   */
  async find(
    registry: RegistryHost,
    path: RepositoryPath | undefined,
    signal?: AbortSignal,
  ): Promise<FoundCredential | undefined> {
    const found = await this.#ask(registry, path, signal);
    if (!this.#told.has(registry)) {
      this.#told.add(registry);
      this.#options.onFound?.(registry, found);
    }
    return found;
  }

  async #ask(
    registry: RegistryHost,
    path: RepositoryPath | undefined,
    signal: AbortSignal | undefined,
  ): Promise<FoundCredential | undefined> {
    for (const link of this.#links) {
      try {
        const found = await link.find(registry, path, signal);
        if (found === undefined) continue;
        for (const error of found.damaged) this.#warn(error);
        return found;
      } catch (error) {
        if (!isPassedOver(error)) throw error;
        this.#warn(error);
      }
    }
    return undefined;
  }

  #warn({ message, hint }: MultiarchError): void {
    const warning = hint === undefined ? message : `${message} (${hint})`;
    if (this.#warned.has(warning)) return;
    this.#warned.add(warning);
    this.#options.onWarning(warning);
  }
}

/** A link that is broken. Any other failure is the caller's to see: nothing that comes after it would do. */
function isPassedOver(error: unknown): error is FailedError {
  return error instanceof FailedError;
}
