import type { RegistryHost } from '../../oci/reference.js';
import { FoundCredential, type Credential, type CredentialProvider } from './credential.js';

/** A login that the caller brings along. */
export interface ExplicitCredential {
  /** The registry that it is for: no other is shown it. */
  readonly registry: RegistryHost;
  /** Asked for once, when the registry wants it. */
  readonly credential: () => Promise<Credential>;
}

/** The login that came with the call, before all that this machine keeps. */
export class StaticCredentialProvider implements CredentialProvider {
  readonly name = 'the flags of this call';
  readonly #login: ExplicitCredential;
  #credential: Promise<Credential> | undefined;

  constructor(login: ExplicitCredential) {
    this.#login = login;
  }

  async find(registry: RegistryHost): Promise<FoundCredential | undefined> {
    if (registry !== this.#login.registry) return undefined;
    this.#credential ??= this.#login.credential();
    return new FoundCredential(await this.#credential, { provider: this.name, origin: 'command line' });
  }
}
