import { FailedError } from '../../oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../../oci/reference.js';
import { CredentialChain, fileProviders } from '../credentials/credential-chain.js';
import type { FoundCredential, EnumerableProvider } from '../credentials/credential.js';
import type { LoginEnvironment } from '../credentials/docker-config.js';

/** A login that requests to a registry, or to a part of it, would be sent with. */
export interface RegistryLogin {
  /** What it is for: `r.example`, `r.example/team`. */
  readonly name: string;
  readonly found: FoundCredential;
}

/**
 * What this machine's files and their helpers answer for a registry: for the registry as such, and for each namespace of it
 * that is answered otherwise. No cloud is asked.
 *
 * @param options `onWarning` is told of what is broken and passed over
 * @throws CancelledError
 */
export async function listSavedLogins(
  registry: RegistryHost,
  options: LoginEnvironment & { readonly onWarning: (message: string) => void },
  signal?: AbortSignal,
): Promise<readonly RegistryLogin[]> {
  const links = fileProviders(options);
  const chain = new CredentialChain(links, options);
  const whole = await chain.find(registry, undefined, signal);
  const logins: RegistryLogin[] = whole === undefined ? [] : [{ name: registry, found: whole }];
  const lists = await Promise.all(links.map((link) => namespacesOf(link, registry)));
  for (const path of new Set(lists.flat())) {
    const found = await chain.find(registry, path, signal);
    // The namespace's own entry may be empty, or come after a login for all of the registry.
    if (found === undefined || (found.origin === whole?.origin && found.equals(whole))) continue;
    logins.push({ name: `${registry}/${path}`, found });
  }
  return logins;
}

async function namespacesOf(
  link: EnumerableProvider,
  registry: RegistryHost,
): Promise<readonly RepositoryPath[]> {
  try {
    return await link.namespaces(registry);
  } catch (error) {
    // The chain tells of it, where it asks this link at all.
    if (error instanceof FailedError) return [];
    throw error;
  }
}
