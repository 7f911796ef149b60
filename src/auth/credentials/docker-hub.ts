import type { RegistryHost } from '../../oci/reference.js';

const API_HOST = 'registry-1.docker.io';

/** The key of docker's login for Docker Hub: the address of its former index. */
const HUB_LOGIN_KEY = 'https://index.docker.io/v1/';

/** The keys of a login for Docker Hub, by precedence. */
const HUB_LOGIN_KEYS = [HUB_LOGIN_KEY, 'docker.io', 'index.docker.io', API_HOST];

/** Returns the host that serves a registry's API: `registry-1.docker.io` for Docker Hub, else the registry itself. */
export function registryApiHost(registry: RegistryHost): string {
  return isDockerHub(registry) ? API_HOST : registry;
}

/** Returns the keys that a file may have a registry's login under, by precedence. */
export function loginKeys(registry: RegistryHost): readonly string[] {
  return isDockerHub(registry) ? HUB_LOGIN_KEYS : [registry];
}

/** Returns the key that docker saves a registry's login under, in files and in helpers. */
export function primaryLoginKey(registry: RegistryHost): string {
  return isDockerHub(registry) ? HUB_LOGIN_KEY : registry;
}

function isDockerHub(registry: RegistryHost): boolean {
  return HUB_LOGIN_KEYS.includes(registry);
}
