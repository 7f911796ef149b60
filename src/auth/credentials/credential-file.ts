import { FailedError, InvalidError } from '../../oci/errors.js';
import { parseJson } from '../../oci/json.js';
import { isRepositoryPath, type RegistryHost, type RepositoryPath } from '../../oci/reference.js';
import { decodeAuthField } from './auth-field.js';
import type { Credential } from './credential.js';
import { loginKeys } from './docker-hub.js';
import { readFile } from 'node:fs/promises';

/** A credential file of docker's or containers' form (containers-auth.json(5)). Its entries are checked when they are used. */
export interface CredentialFile {
  /** For messages. Never a secret. */
  readonly place: string;
  /** `auths`: login key to entry. */
  readonly entries: ReadonlyMap<string, unknown>;
  /** `credHelpers`: registry to the name of its credential helper. */
  readonly helpers: ReadonlyMap<string, unknown>;
  /** `credsStore`: the credential helper of all other registries. */
  readonly store: unknown;
}

/** What a file holds for a repository. */
export interface FileLogin {
  readonly credential: Credential;
  /** What is wrong with the entries that would have gone before it. */
  readonly damaged: readonly FailedError[];
}

/**
 * Reads a credential file's text. An empty file is one without entries; fields that are not about credentials are passed over.
 *
 * @param place the file, for messages
 * @throws FailedError, without any of the text
 */
export function parseCredentialFile(text: string, place: string): CredentialFile {
  const fields = text.trim() === '' ? {} : parseObject(text, place);
  return {
    place,
    entries: mapOf(fields['auths'], `${place}: "auths"`),
    helpers: mapOf(fields['credHelpers'], `${place}: "credHelpers"`),
    store: fields['credsStore'],
  };
}

/**
 * The login that a file holds for a repository: under the repository's own path, one of the paths above it or the
 * registry, whichever is most specific, and else under a key of the old form, `https://HOST/v1/`. Host and port have to be
 * equal: a key that merely looks alike is somebody else's.
 *
 * @returns `undefined` where there is none; an entry without a login only says that a helper has one
 * @throws FailedError where an entry is damaged and no other fits
 */
export function findLogin(
  file: CredentialFile,
  registry: RegistryHost,
  path: RepositoryPath | undefined,
): FileLogin | undefined {
  const hosts = loginKeys(registry);
  const old = [...file.entries.keys()].filter((key) => isOldKey(key) && hosts.includes(loginKeyHost(key)));
  const damaged: FailedError[] = [];
  for (const key of [...lookupKeys(registry, path), ...old]) {
    if (!file.entries.has(key)) continue;
    try {
      const credential = credentialOf(file.entries.get(key), `${file.place}: the login for ${key}`);
      if (credential !== undefined) return { credential, damaged };
    } catch (error) {
      if (!(error instanceof FailedError)) throw error;
      damaged.push(error);
    }
  }
  if (damaged[0] !== undefined) throw damaged[0];
  return undefined;
}

/**
 * The helper that a file names for a registry, by the end of its program's name.
 *
 * @throws FailedError where it is not a string
 */
export function helperFor(file: CredentialFile, registry: RegistryHost): string | undefined {
  const named = loginKeys(registry).find((key) => file.helpers.has(key));
  const helper = named === undefined ? file.store : file.helpers.get(named);
  // An empty name says that this registry has no helper, whatever `credsStore` says.
  if (helper === undefined || helper === null || helper === '') return undefined;
  if (typeof helper !== 'string') {
    throw new FailedError(`${file.place}: the credential helper for ${registry} is not a string`);
  }
  return helper;
}

/** The keys of a file's entries that are a registry's login, in its names of today and of the old form. */
export function registryKeys(file: CredentialFile, registry: RegistryHost): readonly string[] {
  const hosts = loginKeys(registry);
  return [...file.entries.keys()].filter(
    (key) => hosts.includes(key) || (isOldKey(key) && hosts.includes(loginKeyHost(key))),
  );
}

/** The namespaces and repositories of a registry that a file has entries of their own for. */
export function loginNamespaces(file: CredentialFile, registry: RegistryHost): readonly RepositoryPath[] {
  const host = `${registry}/`;
  return [...file.entries.keys()]
    .filter((key) => key.startsWith(host))
    .map((key) => key.slice(host.length))
    .filter((path) => isRepositoryPath(path));
}

/** The keys that a repository's login may stand under, the most specific first and the registry's names last. */
export function lookupKeys(registry: RegistryHost, path: RepositoryPath | undefined): readonly string[] {
  const keys: string[] = [];
  for (let key = `${registry}/${path ?? ''}`; key.includes('/'); key = key.slice(0, key.lastIndexOf('/'))) {
    if (!key.endsWith('/')) keys.push(key);
  }
  return [...keys, ...loginKeys(registry)];
}

/** The host and port of a login key of any form: `https://example.com:5000/v2/` is `example.com:5000`. */
export function loginKeyHost(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/\/.*$/s, '');
}

/**
 * Of a time when a login was for an API's address. A key without scheme is a repository's or a namespace's, which may be
 * called `v2`; those end without a slash.
 */
function isOldKey(key: string): boolean {
  return /^https?:\/\//.test(key) || /^[^/]+\/(?:v[12]\/)?$/.test(key);
}

function credentialOf(entry: unknown, place: string): Credential | undefined {
  const fields = objectOf(entry, place);
  const [auth, username, password, identity, registryToken] = [
    'auth',
    'username',
    'password',
    'identitytoken',
    'registrytoken',
  ].map((name) => {
    const value = fields[name] ?? '';
    if (typeof value !== 'string') throw new FailedError(`${place}: "${name}" is not a string`);
    return value;
  });
  if (registryToken) return { kind: 'bearer', token: registryToken };
  if (identity) return { kind: 'identity', token: identity };
  const decoded = decodeAuthField(auth ?? '', place);
  if (decoded !== undefined) return { kind: 'basic', ...decoded };
  return username ? { kind: 'basic', username, password: password ?? '' } : undefined;
}

function parseObject(text: string, place: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, and the text holds passwords.
    throw new FailedError(syntaxMistake(text, place));
  }
  return objectOf(value, place);
}

/** Where the text goes wrong, by line and column. */
function syntaxMistake(text: string, place: string): string {
  try {
    parseJson(Buffer.from(text), place);
  } catch (error) {
    if (error instanceof InvalidError) return error.message;
  }
  return `${place} is not JSON`;
}

function mapOf(value: unknown, place: string): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(value === undefined || value === null ? {} : objectOf(value, place)));
}

function objectOf(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FailedError(`${place} is not a JSON object`);
  }
  return { ...value };
}

/**
 * Reads a credential file's text; `undefined` where there is none. A directory in its place is none either: what an
 * optional secret leaves in Kubernetes.
 * @throws FailedError
 */
export async function readLoginFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(code)) return undefined;
    throw new FailedError(`${path} cannot be read (${code})`, { cause: error });
  }
}
