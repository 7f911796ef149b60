import type { Environment } from '../../environment.js';
import { FailedError } from '../../oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../../oci/reference.js';
import { CredentialChain } from '../credentials/credential-chain.js';
import type { EnumerableProvider, FoundCredential } from '../credentials/credential.js';
import { fileProviders } from '../credentials/file-providers.js';

/** A login that applies to a registry or to a namespace of it. */
export interface RegistryLogin {
  /** What the login is for: `r.example`, `r.example/team`. */
  readonly name: string;
  readonly found: FoundCredential;
}

/**
 * Returns the logins that this machine's credential files and their helpers have for a registry: the one for the registry
 * and those of its namespaces that differ. Clouds are not asked.
 *
 * @param options `onWarning` is called for each provider and entry that is skipped because it is invalid
 * @throws CancelledError
 */
export async function listSavedLogins(
  registry: RegistryHost,
  options: Environment & { readonly onWarning: (message: string) => void },
  signal?: AbortSignal,
): Promise<readonly RegistryLogin[]> {
  const providers = fileProviders(options);
  const chain = new CredentialChain(providers, options);
  const whole = await chain.find(registry, undefined, signal);
  const logins: RegistryLogin[] = whole === undefined ? [] : [{ name: registry, found: whole }];
  const paths = await Promise.all(providers.map((provider) => namespacesOf(provider, registry)));
  for (const path of new Set(paths.flat())) {
    const found = await chain.find(registry, path, signal);
    // The namespace's entry may be empty, or a login for the whole registry may take precedence.
    if (found === undefined || (found.origin === whole?.origin && found.equals(whole))) continue;
    logins.push({ name: `${registry}/${path}`, found });
  }
  return logins;
}

async function namespacesOf(
  provider: EnumerableProvider,
  registry: RegistryHost,
): Promise<readonly RepositoryPath[]> {
  try {
    return await provider.namespaces(registry);
  } catch (error) {
    // The chain warns of a broken provider when it asks it.
    if (error instanceof FailedError) return [];
    throw error;
  }
}
