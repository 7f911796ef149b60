import { FailedError } from '../../oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../../oci/reference.js';
import {
  findLogin,
  helperFor,
  loginNamespaces,
  parseCredentialFile,
  type CredentialFile,
  readLoginFile,
} from './credential-file.js';
import {
  FoundCredential,
  type Credential,
  type EnumerableProvider,
  type ErrorResponse,
} from './credential.js';
import { defaultHelper } from './default-helper.js';
import { primaryLoginKey } from './docker-hub.js';
import { isExpiredAuthorization } from '../requests/expired-authorization.js';
import { CredentialHelper, helperProgram } from './helper.js';
import { SharedTask } from '../../content/shared-task.js';

/** In milliseconds: a helper's answer that is refused sooner is wrong, and asking for it again is of no use. */
const FRESH = 60_000;

export interface CredentialFileProviderOptions {
  readonly name: string;
  readonly path: string;
  /** For the helpers that the file names. */
  readonly env: NodeJS.ProcessEnv;
  /** Where set, the platform's helper is looked for as docker does. */
  readonly defaultHelperOn?: NodeJS.Platform | undefined;
  /** Whether a file that is not there is a mistake. @default false */
  readonly mustExist?: boolean;
  /** In milliseconds since 1970. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/** What a helper said, and when. */
interface Answer {
  readonly credential: Credential | undefined;
  readonly at: number;
}

/** The logins of one credential file, and of the credential helpers that it names. */
export class CredentialFileProvider implements EnumerableProvider {
  readonly name: string;
  readonly path: string;
  readonly #options: CredentialFileProviderOptions;
  readonly #now: () => number;
  #file: Promise<CredentialFile> | undefined;
  /** What each helper says of a registry: asking may take a second, or a person's consent. */
  readonly #answers = new Map<string, SharedTask<Answer>>();

  /** Reads nothing yet. */
  constructor(options: CredentialFileProviderOptions) {
    this.name = options.name;
    this.path = options.path;
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /**
   * The registry's own helper is asked first (`credHelpers`), or the one for all registries (`credsStore`); a registry that
   * it does not know may have an entry in the file. Helpers know registries alone, and no repositories.
   *
   * @throws FailedError where the file, the entry or the helper is broken; CancelledError
   */
  async find(
    registry: RegistryHost,
    path: RepositoryPath | undefined,
    signal?: AbortSignal,
  ): Promise<FoundCredential | undefined> {
    const file = await this.#open();
    const helper = helperFor(file, registry);
    const kept = helper && (await this.#ask(helper, primaryLoginKey(registry), signal));
    if (kept) return kept;
    const login = findLogin(file, registry, path);
    return (
      login &&
      new FoundCredential(login.credential, {
        provider: this.name,
        origin: this.path,
        damaged: login.damaged,
      })
    );
  }

  async namespaces(registry: RegistryHost): Promise<readonly RepositoryPath[]> {
    return loginNamespaces(await this.#open(), registry);
  }

  #open(): Promise<CredentialFile> {
    this.#file ??= this.#read();
    return this.#file;
  }

  async #read(): Promise<CredentialFile> {
    const { path, env, defaultHelperOn: platform, mustExist = false } = this.#options;
    const text = await readLoginFile(path);
    if (text === undefined && mustExist) throw new FailedError(`${this.name}: there is no file ${path}`);
    const file = parseCredentialFile(text ?? '', path);
    const helper = platform && (await defaultHelper(file, { env, platform }));
    return helper === undefined ? file : { ...file, store: helper };
  }

  #helper(name: string): CredentialHelper {
    return new CredentialHelper(name, { env: this.#options.env, namedIn: this.path });
  }

  async #ask(
    helper: string,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<FoundCredential | undefined> {
    const id = JSON.stringify([helper, key]);
    let task = this.#answers.get(id);
    if (task === undefined || task.abandoned) {
      task = new SharedTask(async (shared) => {
        const credential = await this.#helper(helper).get(key, shared);
        return { credential, at: this.#now() };
      });
      this.#answers.set(id, task);
    }
    const { credential, at } = await task.join(signal);
    const asked = task;
    return (
      credential &&
      new FoundCredential(credential, {
        provider: this.name,
        origin: `${helperProgram(helper)} (named in ${this.#options.path})`,
        renewal: {
          expired: (refusal) => this.#now() - at >= FRESH && saysExpired(refusal),
          forget: () => {
            if (this.#answers.get(id) === asked) this.#answers.delete(id);
          },
        },
      })
    );
  }
}

/** Helpers fetch logins that last for hours; not every registry refuses with a 401 what has run out. */
function saysExpired({ status, text }: ErrorResponse): boolean {
  return status === 401 || isExpiredAuthorization(text);
}
