import type { Environment } from '../../environment.js';
import { FailedError } from '../../oci/errors.js';
import { isJsonObject } from '../../oci/json.js';
import type { RegistryCredential } from './credential.js';
import type { CredentialFile, UserPassword } from './credential-file.js';
import { findProgram } from './find-program.js';
import { runHelper, type HelperResult } from './helper-process.js';

/** In milliseconds. Long enough for a user to unlock a key store. */
const TIME_LIMIT = 60_000;
/** What docker-credential-helpers prints, with exit code 1, if it has no login for the registry. */
const NOT_FOUND = 'credentials not found in native keychain';
/** The user name that marks the secret as a refresh token. */
const TOKEN_USER = '<token>';

/** The actions of a helper, with what failed for messages. */
const ACTIONS = {
  get: 'gave no login for',
  store: 'did not save the login for',
  erase: 'did not erase the login for',
} as const;

interface Call {
  readonly action: keyof typeof ACTIONS;
  readonly key: string;
}

type Exited = Extract<HelperResult, { kind: 'exited' }>;

export interface HelperOptions {
  /** With the PATH that the program is looked up on. */
  readonly env: NodeJS.ProcessEnv;
  /** The file that names the helper, for messages. */
  readonly namedIn: string;
  /** In milliseconds. @default 60000 */
  readonly timeLimit?: number | undefined;
  /** See `HelperProcessOptions`. */
  readonly terminal?: boolean | undefined;
}

/** A credential helper that is missing or broken. */
export class CredentialHelperError extends FailedError {}

/** Returns the program for the name that a credential file has of a helper. */
export function helperProgram(suffix: string): string {
  return `docker-credential-${suffix}`;
}

/**
 * Parses what a helper prints for `get`. Missing fields are empty: `{}` is no login.
 * @returns the problem, as a clause, if it is not a login. It does not quote the text, which may contain a secret.
 */
export function parseHelperLogin(
  stdout: string,
): { readonly username: string; readonly secret: string } | string {
  let output: unknown;
  try {
    output = JSON.parse(stdout);
  } catch {
    // The parser's message quotes the text.
    return 'its output is not JSON';
  }
  if (isJsonObject(output)) {
    const { Username: username = '', Secret: secret = '' } = output;
    if (typeof username === 'string' && typeof secret === 'string') return { username, secret };
  }
  return 'its output is not a login';
}

/** A program that stores credentials, called by the protocol of docker-credential-helpers. */
export class CredentialHelper {
  readonly #suffix: string;
  readonly #program: string;
  readonly #options: HelperOptions;
  #timedOut = false;

  /**
   * @param suffix the program is `docker-credential-SUFFIX`
   * @throws CredentialHelperError if the suffix is not part of a plain file name
   */
  constructor(suffix: string, options: HelperOptions) {
    if (!/^[A-Za-z0-9._-]{1,128}$/.test(suffix)) {
      const shown = suffix.length > 128 ? `${suffix.slice(0, 128)}…` : suffix;
      throw new CredentialHelperError(
        `${JSON.stringify(shown)} in ${options.namedIn} is not the name of a credential helper`,
        { hint: `Correct "credsStore" and "credHelpers" in ${options.namedIn}.` },
      );
    }
    this.#suffix = suffix;
    this.#program = helperProgram(suffix);
    this.#options = options;
  }

  /** Reports whether a call has timed out; another one would probably take as long. */
  get timedOut(): boolean {
    return this.#timedOut;
  }

  /**
   * Returns the helper's login for a registry, or `undefined` if it has none.
   *
   * @param key see `primaryLoginKey`
   * @throws CredentialHelperError, never with the helper's output, which may contain a secret; CancelledError
   */
  async get(key: string, signal?: AbortSignal): Promise<RegistryCredential | undefined> {
    const call: Call = { action: 'get', key };
    const { code, stdout } = await this.#run(call, key, signal);
    if (code !== 0) {
      if (stdout.trim() === NOT_FOUND) return undefined;
      throw this.#error(call, exitReason(code));
    }
    const login = parseHelperLogin(stdout);
    if (typeof login === 'string') throw this.#error(call, login);
    const { username, secret } = login;
    if (username === '' && secret === '') return undefined;
    if (username === TOKEN_USER) return { kind: 'identity', token: secret };
    return { kind: 'basic', username, password: secret };
  }

  /** Saves a login with the helper, passed on standard input: other users can read arguments. @throws as {@link get} */
  async store(key: string, login: UserPassword, signal?: AbortSignal): Promise<void> {
    const call: Call = { action: 'store', key };
    const input = JSON.stringify({ ServerURL: key, Username: login.username, Secret: login.password });
    const { code } = await this.#run(call, input, signal);
    if (code !== 0) throw this.#error(call, exitReason(code));
  }

  /** Deletes a login from the helper, if it has one. @throws as {@link get} */
  async erase(key: string, signal?: AbortSignal): Promise<void> {
    const call: Call = { action: 'erase', key };
    const { code, stdout } = await this.#run(call, key, signal);
    if (code !== 0 && stdout.trim() !== NOT_FOUND) throw this.#error(call, exitReason(code));
  }

  async #run(call: Call, input: string, signal: AbortSignal | undefined): Promise<Exited> {
    const { env, timeLimit = TIME_LIMIT, terminal, namedIn } = this.#options;
    const found = await findProgram(this.#program, { env, platform: process.platform });
    if (found === undefined) {
      const hint = `Install it, or remove ${this.#suffix} from "credsStore" and "credHelpers" in ${namedIn}.`;
      throw this.#error(call, 'it is not on the PATH', hint);
    }
    const result = await runHelper(found.path, call.action, input, { env, timeLimit, terminal, signal });
    if (result.kind === 'exited') return result;
    if (result.kind === 'timed out') this.#timedOut = true;
    throw this.#error(call, result.reason);
  }

  #error(call: Call, reason: string, hint: string = this.#hint(call)): CredentialHelperError {
    const failure = `${ACTIONS[call.action]} ${call.key}`;
    return new CredentialHelperError(`credential helper ${this.#program} ${failure}: ${reason}`, { hint });
  }

  #hint({ action, key }: Call): string {
    // `store` would need the secret as input.
    if (action === 'store') return `Check that ${this.#program} works.`;
    const warning = action === 'get' ? ' (may print the password)' : '';
    return `To see why, run${warning}: echo ${key} | ${this.#program} ${action}`;
  }
}

function exitReason(code: number | null): string {
  return code === null ? 'killed by a signal' : `exit code ${code}`;
}

/**
 * Returns the platform's helper if docker would use it: the configuration has neither logins nor helpers, and the helper's
 * program is installed.
 */
export async function defaultHelper(
  file: CredentialFile,
  environment: Pick<Environment, 'env' | 'platform'>,
): Promise<string | undefined> {
  if (file.entries.size > 0 || file.helpers.size > 0 || Boolean(file.store)) return undefined;
  const helper = await platformHelper(environment);
  return helper !== undefined && (await isOnPath(helperProgram(helper), environment)) ? helper : undefined;
}

async function platformHelper(
  environment: Pick<Environment, 'env' | 'platform'>,
): Promise<string | undefined> {
  const { platform } = environment;
  if (platform === 'darwin') return 'osxkeychain';
  if (platform === 'win32') return 'wincred';
  if (platform !== 'linux') return undefined;
  return (await isOnPath('pass', environment)) ? 'pass' : 'secretservice';
}

async function isOnPath(
  program: string,
  environment: Pick<Environment, 'env' | 'platform'>,
): Promise<boolean> {
  return (await findProgram(program, environment))?.isExecutable === true;
}
