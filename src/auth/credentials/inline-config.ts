import { FailedError } from '../../oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../../oci/reference.js';
import { findLogin, loginNamespaces, parseCredentialFile, type CredentialFile } from './credential-file.js';
import { FoundCredential, type EnumerableProvider } from './credential.js';

const VARIABLE = 'DOCKER_AUTH_CONFIG';

/** The logins in the variable DOCKER_AUTH_CONFIG: JSON as in docker's `config.json`, with nothing in it but `auths.*.auth`. */
export class InlineConfigProvider implements EnumerableProvider {
  readonly name = 'the environment';
  readonly #text: string;
  #file: CredentialFile | undefined;

  constructor(options: { readonly env: NodeJS.ProcessEnv }) {
    this.#text = options.env[VARIABLE] ?? '';
  }

  /** @throws FailedError where the variable holds anything else */
  async find(registry: RegistryHost, path: RepositoryPath | undefined): Promise<FoundCredential | undefined> {
    const login = findLogin(this.#read(), registry, path);
    return (
      login &&
      new FoundCredential(login.credential, { provider: this.name, origin: VARIABLE, damaged: login.damaged })
    );
  }

  async namespaces(registry: RegistryHost): Promise<readonly RepositoryPath[]> {
    return loginNamespaces(this.#read(), registry);
  }

  #read(): CredentialFile {
    this.#file ??= parseInline(this.#text);
    return this.#file;
  }
}

/** As strict as docker, so that both use the variable or neither does. */
function parseInline(text: string): CredentialFile {
  const file = parseCredentialFile(text, VARIABLE);
  const fields = text.trim() === '' ? [] : Object.keys(JSON.parse(text) as object);
  const entries = [...file.entries.values()].flatMap((entry) => Object.keys(entry ?? {}));
  if (fields.some((name) => name !== 'auths') || entries.some((name) => name !== 'auth')) {
    throw new FailedError(`${VARIABLE} may hold "auths" with "auth" for each registry, and nothing else`);
  }
  return file;
}
