/**
 * Saves, lists and deletes the logins of `multiarch login`, in docker's configuration or a credential helper.
 *
 * Offers login-store, saved-logins.
 * @module auth/login
 */
import { readlink, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';

import { NO_HOME, type Environment } from '../../environment.js';
import { replaceFile } from '../../files/atomic-write.js';
import { errorCode, fileError } from '../../files/file-error.js';
import { lockPathOf, withLock, type LockOptions } from '../../files/lock.js';
import { makeDirectory, MODES } from '../../files/make-directory.js';
import { sweep } from '../../files/sweep.js';
import { CancelledError, FailedError } from '../../oci/errors.js';
import type { RegistryHost } from '../../oci/reference.js';
import {
  encodeAuthField,
  helperFor,
  parseCredentialFile,
  readCredentialText,
  registryKeys,
  type CredentialFile,
  type UserPassword,
} from '../credentials/credential-file.js';
import { CredentialHelper, helperProgram } from '../credentials/credential-helper.js';
import { primaryLoginKey } from '../credentials/docker-hub.js';
import { loginFile, type LoginFile } from '../credentials/file-providers.js';
import { withMember, withoutMember } from './json-edit.js';

/** Where a login was saved. */
export interface LoginLocation {
  /** The path of the file, or the program of the credential helper. */
  readonly location: string;
  /** Whether the password is readable in the file. */
  readonly plainText: boolean;
}

const ELSEWHERE = 'set DOCKER_CONFIG to another directory';

/**
 * Saves logins where docker does: with the credential helper that its configuration names for the registry, the
 * platform's helper, or in that file. If REGISTRY_AUTH_FILE is set, in the file that it names.
 */
export class LoginStore {
  readonly path: string;
  readonly #file: LoginFile;
  readonly #env: NodeJS.ProcessEnv;
  readonly #onWait: LockOptions['onWait'];

  /** @param onWait see {@link LockOptions} */
  constructor(environment: Environment, onWait?: LockOptions['onWait']) {
    this.#onWait = onWait;
    this.#file = loginFile(environment);
    this.path = this.#file.path;
    this.#env = environment.env;
  }

  /**
   * Saves a login and replaces an earlier one.
   * @throws FailedError if the file or the helper is broken; ConflictError if another process keeps the file locked;
   *   CancelledError
   */
  async store(registry: RegistryHost, login: UserPassword, signal?: AbortSignal): Promise<LoginLocation> {
    this.#checkHome();
    await this.#sweep();
    const key = primaryLoginKey(registry);
    const { file, usesDefaultHelper } = await this.#file.read();
    const helper = helperFor(file, registry);
    if (helper === undefined) {
      const entry = { auth: encodeAuthField(login) };
      await this.#edit((text) => withMember(text, ['auths', key], entry), signal);
      return { location: this.path, plainText: true };
    }
    await this.#helper(helper).store(key, login, signal);
    await this.#edit((text, current) => {
      // An old password under another key of the registry would outlive a later one in the helper.
      const others = registryKeys(current, registry).filter((name) => name !== key);
      // An empty entry marks that a helper has the login.
      const marked = withMember(withoutLogins(text, others), ['auths', key], {});
      // Once the file has an entry, the platform's helper is no longer looked up.
      return usesDefaultHelper ? withMember(marked, ['credsStore'], helper) : marked;
    }, signal);
    return { location: helperProgram(helper), plainText: false };
  }

  /**
   * Deletes the login for a registry from the helper and from the file.
   * @returns whether there was one
   * @throws as {@link store}; the file's entries are deleted even if the helper fails
   */
  async erase(registry: RegistryHost, signal?: AbortSignal): Promise<boolean> {
    await this.#sweep();
    const { file } = await this.#file.read();
    const helper = helperFor(file, registry);
    const keys = registryKeys(file, registry);
    const fromHelper =
      helper === undefined
        ? undefined
        : await eraseWith(this.#helper(helper), primaryLoginKey(registry), signal).catch(
            (error: unknown) => ({ error }),
          );
    if (keys.length > 0) await this.#edit((text) => withoutLogins(text, keys), signal);
    if (typeof fromHelper === 'object') throw fromHelper.error;
    return keys.length > 0 || fromHelper === true;
  }

  /** Removes what killed processes have left beside the file. */
  async #sweep(): Promise<void> {
    const path = await followLinks(this.path).catch(() => this.path);
    await sweep(dirname(path), (name) => name === basename(lockPathOf(path)));
  }

  /** A directory must not be created for a home directory that does not exist. */
  #checkHome(): void {
    if (dirname(dirname(this.path)) !== NO_HOME) return;
    throw new FailedError('no directory for logins: HOME is not set, and this user has no home directory', {
      hint: 'Set HOME, or DOCKER_CONFIG to a directory for logins.',
    });
  }

  #helper(name: string): CredentialHelper {
    return new CredentialHelper(name, { env: this.#env, namedIn: this.path });
  }

  /** Edits the file's text under a lock, so that no login is lost if several processes log in at the same time. */
  async #edit(
    change: (text: string, file: CredentialFile) => string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      const path = await followLinks(this.path);
      await makeDirectory(dirname(path), MODES.privateDirectory);
      await withLock(
        lockPathOf(path),
        async (scratch) => {
          const text = (await readCredentialText(path)) ?? '';
          // Parsed again: the file may have been damaged since it was first read.
          const changed = change(text, parseCredentialFile(text, path));
          if (changed === text) return;
          await replaceFile(path, scratch, changed, {
            mode: MODES.privateFile,
            prepare: (empty) => keepOwner(path, empty),
          });
        },
        { signal, alternative: ELSEWHERE, onWait: this.#onWait },
      );
    } catch (error) {
      throw fileError('write', this.path, error, ELSEWHERE);
    }
  }
}

/** Returns the text of a credential file without the entries of these keys. */
export function withoutLogins(text: string, keys: readonly string[]): string {
  return keys.reduce((rest, key) => withoutMember(rest, ['auths', key]), text);
}

/** @returns whether the helper had the login */
async function eraseWith(
  helper: CredentialHelper,
  key: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    // Not every helper reports on erase whether it had the login.
    if ((await helper.get(key, signal)) === undefined) return false;
  } catch (error) {
    if (error instanceof CancelledError || helper.timedOut) throw error;
    // A login that cannot be read may still be erased.
  }
  await helper.erase(key, signal);
  return true;
}

/** Resolves symbolic links, also to a missing file: links are written through, not replaced. */
async function followLinks(path: string): Promise<string> {
  let target = path;
  for (let links = 0; links < 40; links += 1) {
    try {
      target = resolve(dirname(target), await readlink(target));
    } catch (error) {
      // Not a link, or missing.
      if (['EINVAL', 'ENOENT', 'UNKNOWN'].includes(errorCode(error) ?? '')) return target;
      throw error;
    }
  }
  throw new FailedError(`cannot write ${path}: too many levels of symbolic links`);
}

/** Keeps the file's owner, for root running with another user's home directory. */
async function keepOwner(path: string, file: FileHandle): Promise<void> {
  try {
    const { uid, gid } = await stat(path);
    await file.chown(uid, gid);
  } catch {
    // A new file, or not permitted: it belongs to the user of this process.
  }
}
