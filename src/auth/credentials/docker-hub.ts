import type { RegistryHost } from '../../oci/reference.js';

const API_HOST = 'registry-1.docker.io';

/** What docker writes Docker Hub's login under: the address of an index that is long gone. */
const HUB_LOGIN_KEY = 'https://index.docker.io/v1/';

/** Docker Hub's names, the ones that logins are found under first. */
const HUB_LOGIN_KEYS = [HUB_LOGIN_KEY, 'docker.io', 'index.docker.io', API_HOST];

/** The host that a registry's API is served from: its own, but `registry-1.docker.io` for Docker Hub. */
export function registryApiHost(registry: RegistryHost): string {
  return isDockerHub(registry) ? API_HOST : registry;
}

/** The names that a registry's login may stand under in a file, the most usual first. */
export function loginKeys(registry: RegistryHost): readonly string[] {
  return isDockerHub(registry) ? HUB_LOGIN_KEYS : [registry];
}

/** What a credential helper knows a registry by, and docker too. */
export function primaryLoginKey(registry: RegistryHost): string {
  return isDockerHub(registry) ? HUB_LOGIN_KEY : registry;
}

function isDockerHub(registry: RegistryHost): boolean {
  return HUB_LOGIN_KEYS.includes(registry);
}
