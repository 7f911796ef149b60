import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { FailedError } from '../oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../oci/reference.js';
import { findLogin, parseCredentialFile, type CredentialFile } from './credential-file.js';
import type { Credential, CredentialProvider } from './credential.js';
import { loginKeys, primaryLoginKey } from './docker-hub.js';
import { CredentialHelper } from './helper.js';
import { SharedTask } from './shared-task.js';

/** The logins of docker: its `config.json`, and the credential helpers that it names. */
export class DockerConfig implements CredentialProvider {
  readonly name: string;
  readonly #path: string;
  readonly #env: NodeJS.ProcessEnv;
  #file: Promise<CredentialFile> | undefined;
  /** What each helper says of a registry: asking may take a second, or a person's consent. */
  readonly #answers = new Map<string, SharedTask<Credential | undefined>>();

  /**
   * Reads nothing yet.
   *
   * @param options `env` for DOCKER_CONFIG, and for the helpers; `homeDirectory` for `.docker` where that is not set
   */
  constructor(options: { readonly env: NodeJS.ProcessEnv; readonly homeDirectory: string }) {
    this.#env = options.env;
    this.#path = join(options.env['DOCKER_CONFIG'] || join(options.homeDirectory, '.docker'), 'config.json');
    this.name = `docker's configuration ${this.#path}`;
  }

  /**
   * The registry's own helper is asked first (`credHelpers`), or the one for all registries (`credsStore`); a registry that
   * it does not know may have an entry in the file.
   *
   * @throws FailedError where the file, the entry or the helper is broken; CancelledError
   */
  async find(
    registry: RegistryHost,
    path: RepositoryPath | undefined,
    signal?: AbortSignal,
  ): Promise<Credential | undefined> {
    this.#file ??= readCredentialFile(this.#path);
    const file = await this.#file;
    const helper = helperFor(file, registry);
    const login =
      helper === undefined ? undefined : await this.#ask(helper, primaryLoginKey(registry), signal);
    return login ?? findLogin(file, registry, path);
  }

  async #ask(helper: string, key: string, signal: AbortSignal | undefined): Promise<Credential | undefined> {
    const id = JSON.stringify([helper, key]);
    let task = this.#answers.get(id);
    if (task === undefined || task.abandoned) {
      task = new SharedTask((shared) => new CredentialHelper(helper, this.#env).get(key, shared));
      this.#answers.set(id, task);
    }
    return task.join(signal);
  }
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

/** A file that is not there is an empty one. So is a directory in its place: what an optional secret leaves in Kubernetes. */
async function readCredentialFile(path: string): Promise<CredentialFile> {
  let text = '';
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    if (!['ENOENT', 'ENOTDIR', 'EISDIR'].includes(code)) {
      throw new FailedError(`${path} cannot be read (${code})`, { cause: error });
    }
  }
  return parseCredentialFile(text, path);
}
