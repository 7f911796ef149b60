/**
 * Stores, lists and deletes the logins that `multiarch login` keeps in docker's configuration or a credential
 * helper.
 *
 * Offers login-store, saved-logins.
 * @module auth/login
 */
import { chmod, chown, mkdir, readlink, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import { replaceFile } from '../../files/atomic-write.js';
import { errorCode, fileError } from '../../files/file-error.js';
import { withLock } from '../../files/lock.js';
import { makeDirectory } from '../../files/make-directory.js';
import { CancelledError, FailedError } from '../../oci/errors.js';
import type { RegistryHost } from '../../oci/reference.js';
import { encodeAuthField } from '../credentials/auth-field.js';
import { registryAuthFilePath } from '../credentials/containers-files.js';
import {
  helperFor,
  parseCredentialFile,
  registryKeys,
  type CredentialFile,
  readLoginFile,
} from '../credentials/credential-file.js';
import { defaultHelper } from '../credentials/default-helper.js';
import { dockerConfigPath, type LoginEnvironment } from '../credentials/docker-config.js';
import { primaryLoginKey } from '../credentials/docker-hub.js';
import { CredentialHelper, helperProgram } from '../credentials/helper.js';
import { withMember, withoutMember } from './json-edit.js';

/** Where a login was put. */
export interface LoginLocation {
  /** The file, or the program that keeps it. */
  readonly place: string;
  /** Whether whoever can read the file has the password. */
  readonly plainText: boolean;
}

const ELSEWHERE = 'set DOCKER_CONFIG to another directory';

/**
 * Keeps logins where docker does: with the credential helper that docker's configuration names for the registry or that the
 * platform has, else in that file. With REGISTRY_AUTH_FILE, in the file that it names.
 */
export class LoginStore {
  readonly path: string;
  readonly #env: NodeJS.ProcessEnv;
  /** Whose default helper is looked for; nobody's, as in podman's files. */
  readonly #platform: NodeJS.Platform | undefined;

  constructor(options: LoginEnvironment) {
    const { env, platform = process.platform } = options;
    const named = registryAuthFilePath(env);
    this.path = named ?? dockerConfigPath(options);
    this.#env = env;
    this.#platform = named === undefined ? platform : undefined;
  }

  /**
   * Keeps a login, in place of the one that there is.
   * @throws FailedError where the file or the helper is broken; ConflictError where another keeps the file locked; CancelledError
   */
  async store(
    registry: RegistryHost,
    login: { readonly username: string; readonly password: string },
    signal?: AbortSignal,
  ): Promise<LoginLocation> {
    const key = primaryLoginKey(registry);
    const { file, detected } = await this.#read();
    const helper = helperFor(file, registry);
    if (helper === undefined) {
      const entry = { auth: encodeAuthField(login) };
      await this.#edit((text) => withMember(text, ['auths', key], entry), signal);
      return { place: this.path, plainText: true };
    }
    await this.#helper(helper).store(key, login, signal);
    await this.#edit((text, current) => {
      // A password under any name of the registry would outlive a later one in the helper.
      const others = registryKeys(current, registry).filter((name) => name !== key);
      // An empty entry says that a helper has the login.
      const marked = withMember(withoutLogins(text, others), ['auths', key], {});
      // With an entry the configuration is no longer one that the platform's helper is looked for.
      return detected ? withMember(marked, ['credsStore'], helper) : marked;
    }, signal);
    return { place: helperProgram(helper), plainText: false };
  }

  /**
   * Removes the login for a registry, from the helper and from the file.
   * @returns whether there was one
   * @throws as {@link store}; what the file holds is gone also where the helper fails
   */
  async erase(registry: RegistryHost, signal?: AbortSignal): Promise<boolean> {
    const { file } = await this.#read();
    const helper = helperFor(file, registry);
    const keys = registryKeys(file, registry);
    const asked =
      helper === undefined
        ? undefined
        : await eraseWith(this.#helper(helper), primaryLoginKey(registry), signal).catch(
            (error: unknown) => ({
              error,
            }),
          );
    if (keys.length > 0) await this.#edit((text) => withoutLogins(text, keys), signal);
    if (typeof asked === 'object') throw asked.error;
    return keys.length > 0 || asked === true;
  }

  async #read(): Promise<{ readonly file: CredentialFile; readonly detected: boolean }> {
    const file = parseCredentialFile((await readLoginFile(this.path)) ?? '', this.path);
    const store = this.#platform && (await defaultHelper(file, { env: this.#env, platform: this.#platform }));
    return { file: store === undefined ? file : { ...file, store }, detected: store !== undefined };
  }

  #helper(name: string): CredentialHelper {
    return new CredentialHelper(name, { env: this.#env, namedIn: this.path });
  }

  /** Changes the file's text under a lock, so that of several who log in at the same time nobody is lost. */
  async #edit(
    change: (text: string, file: CredentialFile) => string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      const path = await followLinks(this.path);
      await makePrivateDirectory(dirname(path));
      await withLock(
        `${path}.lock`,
        async (scratch) => {
          const text = (await readLoginFile(path)) ?? '';
          // Somebody may have broken it meanwhile.
          const changed = change(text, parseCredentialFile(text, path));
          if (changed === text) return;
          // Before there is anything in it.
          await chmod(scratch, 0o600);
          await keepOwner(path, scratch);
          await replaceFile(path, scratch, changed);
        },
        { signal, elsewhere: ELSEWHERE },
      );
    } catch (error) {
      throw fileError('write', this.path, error, ELSEWHERE);
    }
  }
}

/** The text of a credential file without these entries. */
export function withoutLogins(text: string, keys: readonly string[]): string {
  return keys.reduce((rest, key) => withoutMember(rest, ['auths', key]), text);
}

async function eraseWith(
  helper: CredentialHelper,
  key: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    // Not all helpers say of what they erase whether they had it.
    if ((await helper.get(key, signal)) === undefined) return false;
  } catch (error) {
    if (error instanceof CancelledError || helper.hangs) throw error;
    // What cannot be read may still be erased.
  }
  await helper.erase(key, signal);
  return true;
}

/** The file that a symbolic link stands for, there or not: a link is written through, not replaced. */
async function followLinks(path: string): Promise<string> {
  let target = path;
  for (let links = 0; links < 40; links += 1) {
    try {
      target = resolve(dirname(target), await readlink(target));
    } catch (error) {
      // Not a link, or nothing there.
      if (['EINVAL', 'ENOENT', 'UNKNOWN'].includes(errorCode(error) ?? '')) return target;
      throw error;
    }
  }
  throw new FailedError(`cannot write ${path}: its symbolic links go round in circles`);
}

async function makePrivateDirectory(path: string): Promise<void> {
  await makeDirectory(dirname(path));
  await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
    if (errorCode(error) !== 'EEXIST') throw error;
  });
}

/** So that root, with another's home, does not take the file away from its owner. */
async function keepOwner(path: string, scratch: string): Promise<void> {
  try {
    const { uid, gid } = await stat(path);
    await chown(scratch, uid, gid);
  } catch {
    // No such file yet, or not allowed to: then it belongs to whoever writes it.
  }
}
