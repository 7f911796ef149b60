import { CancelledError, MultiarchError } from '../oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../oci/reference.js';
import type { Credential, CredentialProvider } from './credential.js';
import { DockerConfig } from './docker-config.js';
import { InlineConfig } from './inline-config.js';

/**
 * Where this machine keeps the logins for registries, in the order they are asked: DOCKER_AUTH_CONFIG, docker's
 * configuration. Nothing is read before it is needed.
 *
 * @param options `env` and `homeDirectory` as {@link DockerConfig} takes them; `onWarning` as {@link CredentialChain} does
 */
export function credentialChain(options: {
  readonly env: NodeJS.ProcessEnv;
  readonly homeDirectory: string;
  readonly onWarning: (message: string) => void;
}): CredentialProvider {
  return new CredentialChain([new InlineConfig(options), new DockerConfig(options)], options.onWarning);
}

/** Asks several providers in turn; the first that holds a login is taken. */
export class CredentialChain implements CredentialProvider {
  readonly name = 'the credential chain';
  readonly #providers: readonly CredentialProvider[];
  readonly #onWarning: (message: string) => void;
  readonly #warned = new Set<string>();

  /** @param onWarning told, once, of each provider that is broken and passed over */
  constructor(providers: readonly CredentialProvider[], onWarning: (message: string) => void) {
    this.#providers = providers;
    this.#onWarning = onWarning;
  }

  /** @throws CancelledError */
  async find(
    registry: RegistryHost,
    path: RepositoryPath | undefined,
    signal?: AbortSignal,
  ): Promise<Credential | undefined> {
    for (const provider of this.#providers) {
      try {
        const credential = await provider.find(registry, path, signal);
        if (credential !== undefined) return credential;
      } catch (error) {
        if (!(error instanceof MultiarchError) || error instanceof CancelledError) throw error;
        this.#warn(error);
      }
    }
    return undefined;
  }

  #warn({ message, hint }: MultiarchError): void {
    const warning = hint === undefined ? message : `${message} (${hint})`;
    if (this.#warned.has(warning)) return;
    this.#warned.add(warning);
    this.#onWarning(warning);
  }
}
