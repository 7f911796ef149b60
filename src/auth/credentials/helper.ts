import { FailedError } from '../../oci/errors.js';
import type { Credential } from './credential.js';
import { runHelper, type HelperEnd } from './helper-process.js';

/** In milliseconds. Long enough for a person to unlock a key store. */
const TIME_LIMIT = 60_000;
/** docker-credential-helpers prints this, and exits with 1, where it holds nothing for the registry. */
const NOT_FOUND = 'credentials not found in native keychain';
/** What stands for the user name where the secret is a refresh token. */
const TOKEN_USER = '<token>';

interface Call {
  readonly action: 'get' | 'store' | 'erase';
  readonly key: string;
  /** What it did wrong where it fails, for messages. */
  readonly did: string;
}

type Ended = Extract<HelperEnd, { kind: 'ended' }>;

export interface HelperOptions {
  /** With the PATH that the program is looked for on. */
  readonly env: NodeJS.ProcessEnv;
  /** The file that the helper is named in, for messages. */
  readonly namedIn: string;
  /** In milliseconds. @default 60000 */
  readonly timeLimit?: number | undefined;
  /** As `HelperProcessOptions` has it. */
  readonly terminal?: boolean | undefined;
}

/** The program that a helper's name in a credential file stands for. */
export function helperProgram(suffix: string): string {
  return `docker-credential-${suffix}`;
}

/** A program that keeps credentials, by the protocol of docker-credential-helpers. */
export class CredentialHelper {
  readonly #suffix: string;
  readonly #program: string;
  readonly #options: HelperOptions;
  #hangs = false;

  /**
   * @param suffix the program is `docker-credential-SUFFIX`
   * @throws FailedError where the suffix could name anything else than a program of that kind
   */
  constructor(suffix: string, options: HelperOptions) {
    if (!/^[A-Za-z0-9._-]+$/.test(suffix)) {
      throw new FailedError(`${JSON.stringify(suffix)} is not the name of a credential helper`);
    }
    this.#suffix = suffix;
    this.#program = helperProgram(suffix);
    this.#options = options;
  }

  /** Whether it has run into the time limit: to ask it anything else would take as long. */
  get hangs(): boolean {
    return this.#hangs;
  }

  /**
   * The login that the helper holds for a registry, `undefined` where it holds none.
   *
   * @param key what docker knows the registry by; see `primaryLoginKey`
   * @throws FailedError, never with the helper's output, which may hold a secret; CancelledError
   */
  async get(key: string, signal?: AbortSignal): Promise<Credential | undefined> {
    const call: Call = { action: 'get', key, did: `gave no login for ${key}` };
    const { code, stdout } = await this.#run(call, key, signal);
    if (code !== 0) {
      if (stdout.trim() === NOT_FOUND) return undefined;
      throw this.#failure(call, endedWith(code));
    }
    const { username, secret } = this.#parse(stdout, call);
    if (username === '' && secret === '') return undefined;
    if (username === TOKEN_USER) return { kind: 'identity', token: secret };
    return { kind: 'basic', username, password: secret };
  }

  /**
   * Gives the helper a login to keep, on its standard input: an argument could be read by others.
   * @throws as {@link get}
   */
  async store(
    key: string,
    login: { readonly username: string; readonly password: string },
    signal?: AbortSignal,
  ): Promise<void> {
    const call: Call = { action: 'store', key, did: `did not keep the login for ${key}` };
    const input = JSON.stringify({ ServerURL: key, Username: login.username, Secret: login.password });
    const { code } = await this.#run(call, input, signal);
    if (code !== 0) throw this.#failure(call, endedWith(code));
  }

  /**
   * Makes the helper forget a login. That it has none is no error.
   * @throws as {@link get}
   */
  async erase(key: string, signal?: AbortSignal): Promise<void> {
    const call: Call = { action: 'erase', key, did: `did not erase the login for ${key}` };
    const { code, stdout } = await this.#run(call, key, signal);
    if (code !== 0 && stdout.trim() !== NOT_FOUND) throw this.#failure(call, endedWith(code));
  }

  /** Fields that are missing mean no login, as in `{}`. */
  #parse(stdout: string, call: Call): { username: string; secret: string } {
    let answer: unknown;
    try {
      answer = JSON.parse(stdout);
    } catch {
      // The parser's own message quotes the text.
      throw this.#failure(call, 'its answer is not JSON');
    }
    if (typeof answer === 'object' && answer !== null) {
      const { Username: username = '', Secret: secret = '' } = answer as Readonly<Record<string, unknown>>;
      if (typeof username === 'string' && typeof secret === 'string') return { username, secret };
    }
    throw this.#failure(call, 'its answer is not a login');
  }

  async #run(call: Call, input: string, signal: AbortSignal | undefined): Promise<Ended> {
    const { env, timeLimit = TIME_LIMIT, terminal } = this.#options;
    const end = await runHelper(this.#program, call.action, input, { env, timeLimit, terminal, signal });
    if (end.kind === 'ended') return end;
    if (end.kind === 'late') this.#hangs = true;
    const { namedIn } = this.#options;
    const install = `Install it, or take ${this.#suffix} out of "credsStore" and "credHelpers" in ${namedIn}.`;
    throw this.#failure(call, end.reason, end.kind === 'missing' ? install : undefined);
  }

  #failure(call: Call, reason: string, hint: string = this.#hint(call)): FailedError {
    return new FailedError(`The credential helper ${this.#program} ${call.did}: ${reason}`, { hint });
  }

  #hint({ action, key }: Call): string {
    // A login to store cannot be shown, so there is nothing to run.
    if (action === 'store') return `See that ${this.#program} works.`;
    const shows = action === 'get' ? ' this, which may print the password' : '';
    return `To see why, run${shows}: echo ${key} | ${this.#program} ${action}`;
  }
}

function endedWith(code: number | null): string {
  return code === null ? 'a signal ended it' : `it ended with exit code ${code}`;
}
