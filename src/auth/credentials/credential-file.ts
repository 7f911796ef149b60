import { errorCode, fileError } from '../../files/file-error.js';
import { readRegularFile } from '../../files/regular-file.js';
import { FailedError, InvalidError } from '../../oci/errors.js';
import { parseJson } from '../../oci/json.js';
import { isRepositoryPath, type RegistryHost, type RepositoryPath } from '../../oci/reference.js';
import { withoutTrailing } from '../../oci/trailing.js';
import type { RegistryCredential } from './credential.js';
import { loginKeys } from './docker-hub.js';

/** A credential file of docker or podman (containers-auth.json(5)). Its entries are checked when they are used. */
export interface CredentialFile {
  /** The path or variable, for messages. */
  readonly origin: string;
  /** `auths`: login key to entry. */
  readonly entries: ReadonlyMap<string, unknown>;
  /** `credHelpers`: registry to the name of its credential helper. */
  readonly helpers: ReadonlyMap<string, unknown>;
  /** `credsStore`: the credential helper of all other registries. */
  readonly store: unknown;
}

export interface UserPassword {
  readonly username: string;
  readonly password: string;
}

/** Standard Base64 (RFC 4648, section 4), padding optional. */
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Parses a credential file. Empty text is a file without entries; unknown fields are ignored.
 *
 * @param origin the path or variable, for messages
 * @throws FailedError, which never quotes the text
 */
export function parseCredentialFile(text: string, origin: string): CredentialFile {
  const fields = text.trim() === '' ? {} : parseObject(text, origin);
  return {
    origin,
    entries: mapOf(fields['auths'], `${origin}: "auths"`),
    helpers: mapOf(fields['credHelpers'], `${origin}: "credHelpers"`),
    store: fields['credsStore'],
  };
}

/**
 * Returns the credential for a repository from the most specific entry: the repository's path, a path above it, the
 * registry, or a key of the old form `https://HOST/v1/`. Host and port must be equal to those of the registry.
 *
 * @returns `undefined` if no entry has one; an empty entry only marks that a helper has it. `skipped` are the errors of
 *   invalid entries that would have taken precedence.
 * @throws FailedError if all matching entries are invalid
 */
export function findLogin(
  file: CredentialFile,
  registry: RegistryHost,
  path: RepositoryPath | undefined,
): { readonly credential: RegistryCredential; readonly skipped: readonly FailedError[] } | undefined {
  const hosts = loginKeys(registry);
  const old = [...file.entries.keys()].filter((key) => isOldKey(key) && hosts.includes(loginKeyHost(key)));
  const skipped: FailedError[] = [];
  for (const key of [...lookupKeys(registry, path), ...old]) {
    if (!file.entries.has(key)) continue;
    try {
      const credential = parseEntry(file.entries.get(key), `${file.origin}: the login for ${key}`);
      if (credential !== undefined) return { credential, skipped };
    } catch (error) {
      if (!(error instanceof FailedError)) throw error;
      skipped.push(error);
    }
  }
  if (skipped[0] !== undefined) throw skipped[0];
  return undefined;
}

/**
 * Returns the helper that a file names for a registry: the suffix of its program's name.
 *
 * @throws FailedError if it is not a string
 */
export function helperFor(file: CredentialFile, registry: RegistryHost): string | undefined {
  const named = loginKeys(registry).find((key) => file.helpers.has(key));
  const helper = named === undefined ? file.store : file.helpers.get(named);
  // An empty name exempts the registry from `credsStore`.
  if (helper === undefined || helper === null || helper === '') return undefined;
  if (typeof helper !== 'string') {
    throw new FailedError(`${file.origin}: the credential helper for ${registry} is not a string`);
  }
  return helper;
}

/** Returns the keys of all entries for a registry as a whole, of the current and the old form. */
export function registryKeys(file: CredentialFile, registry: RegistryHost): readonly string[] {
  const hosts = loginKeys(registry);
  return [...file.entries.keys()].filter(
    (key) => hosts.includes(key) || (isOldKey(key) && hosts.includes(loginKeyHost(key))),
  );
}

/** Returns the namespaces and repositories of a registry that a file has entries for. */
export function loginNamespaces(file: CredentialFile, registry: RegistryHost): readonly RepositoryPath[] {
  const host = `${registry}/`;
  return [...file.entries.keys()]
    .filter((key) => key.startsWith(host))
    .map((key) => key.slice(host.length))
    .filter((path) => isRepositoryPath(path));
}

/** Returns the keys that match a repository: the most specific first, the registry's own last. */
export function lookupKeys(registry: RegistryHost, path: RepositoryPath | undefined): readonly string[] {
  const keys: string[] = [];
  for (let key = `${registry}/${path ?? ''}`; key.includes('/'); key = key.slice(0, key.lastIndexOf('/'))) {
    if (!key.endsWith('/')) keys.push(key);
  }
  return [...keys, ...loginKeys(registry)];
}

/** Returns the host and port of a login key of any form: `https://example.com:5000/v2/` is `example.com:5000`. */
export function loginKeyHost(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/\/.*$/s, '');
}

/**
 * Reports whether a login key is an API's address, as docker wrote it once. A key without scheme is a repository's or
 * namespace's, which may be called `v2`; those do not end with a slash.
 */
function isOldKey(key: string): boolean {
  return /^https?:\/\//.test(key) || /^[^/]+\/(?:v[12]\/)?$/.test(key);
}

function parseEntry(entry: unknown, label: string): RegistryCredential | undefined {
  const fields = objectOf(entry, label);
  const field = (name: string): string => {
    const value = fields[name] ?? '';
    if (typeof value !== 'string') throw new FailedError(`${label}: "${name}" is not a string`);
    return value;
  };
  const [auth, username, password, identity, registryToken] = [
    field('auth'),
    field('username'),
    field('password'),
    field('identitytoken'),
    field('registrytoken'),
  ];
  if (registryToken) return { kind: 'bearer', token: registryToken };
  if (identity) return { kind: 'identity', token: identity };
  const decoded = decodeAuthField(auth, label);
  if (decoded !== undefined) return { kind: 'basic', ...decoded };
  return username ? { kind: 'basic', username, password } : undefined;
}

/**
 * Decodes the `auth` field of an entry: the Base64 of `USER:PASSWORD`. The password may contain colons; NULs around it,
 * which old versions of docker wrote, are dropped.
 *
 * @param label names the entry in messages
 * @returns `undefined` for an empty field
 * @throws FailedError
 */
export function decodeAuthField(field: string, label: string): UserPassword | undefined {
  const encoded = field.replaceAll(/[\r\n]/g, '');
  if (encoded === '') return undefined;
  const decoded = BASE64.test(encoded) ? Buffer.from(encoded, 'base64').toString('utf8') : '';
  const colon = decoded.indexOf(':');
  if (colon === -1) throw new FailedError(`${label}: "auth" is not the base64 of USER:PASSWORD`);
  return {
    username: decoded.slice(0, colon),
    password: withoutTrailing(decoded.slice(colon + 1).replace(/^\0+/, ''), '\0'),
  };
}

/** Returns the `auth` field for a user name, which must not contain a colon, and a password. Empty if both are. */
export function encodeAuthField({ username, password }: UserPassword): string {
  if (username === '' && password === '') return '';
  return Buffer.from(`${username}:${password}`).toString('base64');
}

function parseObject(text: string, origin: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which contains passwords.
    throw new FailedError(syntaxError(text, origin));
  }
  return objectOf(value, origin);
}

/** Describes a syntax error by line and column. */
function syntaxError(text: string, origin: string): string {
  try {
    parseJson(Buffer.from(text), origin);
  } catch (error) {
    if (error instanceof InvalidError) return error.message;
  }
  return `${origin} is not JSON`;
}

function mapOf(value: unknown, label: string): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(value === undefined || value === null ? {} : objectOf(value, label)));
}

function objectOf(value: unknown, label: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FailedError(`${label} is not a JSON object`);
  }
  return { ...value };
}

/**
 * Reads the text of a credential file; `undefined` if the path does not exist or is a directory, which Kubernetes
 * creates for a missing optional secret.
 * @throws FailedError
 */
export async function readCredentialText(path: string): Promise<string | undefined> {
  try {
    return (await readRegularFile(path)).toString('utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errorCode(error) ?? '')) return undefined;
    throw fileError('read', path, error, 'name another one with DOCKER_CONFIG or REGISTRY_AUTH_FILE');
  }
}
