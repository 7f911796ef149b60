import { spawn } from 'node:child_process';

import { onAbort } from '../content/cancellation.js';
import { cancelled } from '../oci/cancelled.js';
import { FailedError } from '../oci/errors.js';
import type { Credential } from './credential.js';

/** In milliseconds. Long enough for a person to unlock a key store. */
const TIME_LIMIT = 60_000;
const OUTPUT_LIMIT = 64 * 1024;
/** docker-credential-helpers prints this, and exits with 1, where it holds nothing for the registry. */
const NOT_FOUND = 'credentials not found in native keychain';
/** What stands for the user name where the secret is a refresh token. */
const TOKEN_USER = '<token>';

interface Finished {
  readonly code: number | null;
  readonly stdout: string;
}

/** A program that keeps credentials, by the protocol of docker-credential-helpers. */
export class CredentialHelper {
  readonly #program: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #timeLimit: number;

  /**
   * @param suffix the program is `docker-credential-SUFFIX` on the PATH of `env`
   * @param timeLimit in milliseconds
   * @throws FailedError where the suffix could name anything else than a program of that kind
   */
  constructor(suffix: string, env: NodeJS.ProcessEnv, timeLimit: number = TIME_LIMIT) {
    if (!/^[A-Za-z0-9._-]+$/.test(suffix)) {
      throw new FailedError(`${JSON.stringify(suffix)} is not the name of a credential helper`);
    }
    this.#program = `docker-credential-${suffix}`;
    this.#env = env;
    this.#timeLimit = timeLimit;
  }

  /**
   * The login that the helper holds for a registry, `undefined` where it holds none.
   *
   * @param key what docker knows the registry by; see `primaryLoginKey`
   * @throws FailedError, never with the helper's output, which may hold a secret; CancelledError
   */
  async get(key: string, signal?: AbortSignal): Promise<Credential | undefined> {
    const { code, stdout } = await this.#run('get', key, signal);
    if (code !== 0) {
      if (stdout.trim() === NOT_FOUND) return undefined;
      throw this.#failure(code === null ? 'a signal ended it' : `it ended with exit code ${code}`, key);
    }
    const { username, secret } = this.#parse(stdout, key);
    if (username === '' && secret === '') return undefined;
    if (username === TOKEN_USER) return { kind: 'identity', token: secret };
    return { kind: 'basic', username, password: secret };
  }

  /** Fields that are missing mean no login, as in `{}`. */
  #parse(stdout: string, key: string): { username: string; secret: string } {
    let answer: unknown;
    try {
      answer = JSON.parse(stdout);
    } catch {
      // The parser's own message quotes the text.
      throw this.#failure('its answer is not JSON', key);
    }
    if (typeof answer === 'object' && answer !== null) {
      const { Username: username = '', Secret: secret = '' } = answer as Readonly<Record<string, unknown>>;
      if (typeof username === 'string' && typeof secret === 'string') return { username, secret };
    }
    throw this.#failure('its answer is not a login', key);
  }

  /** Runs the helper to its end, without a shell, and with nothing but `input` to read. */
  #run(action: string, input: string, signal: AbortSignal | undefined): Promise<Finished> {
    return new Promise<Finished>((resolve, reject) => {
      const child = spawn(this.#program, [action], {
        env: this.#env,
        // What a helper writes to stderr is for nobody: it may hold a secret.
        stdio: ['pipe', 'pipe', 'ignore'],
        windowsHide: true,
      });
      let stdout = '';
      const stop = (error: Error): void => {
        child.kill('SIGKILL');
        // A process that the helper has left behind may hold the pipe open, which would keep ours from ending.
        child.stdout.destroy();
        reject(error);
      };
      const timer = setTimeout(() => {
        stop(this.#failure(`it did not answer within ${this.#timeLimit / 1000} seconds`, input));
      }, this.#timeLimit);
      const forget =
        signal === undefined
          ? (): void => {}
          : onAbort(signal, () => {
              stop(cancelled(signal));
            });
      child.stdout.setEncoding('utf8');
      child.stdout.on('data', (chunk: string) => {
        stdout += chunk;
        if (stdout.length > OUTPUT_LIMIT) stop(this.#failure('its answer is too long', input));
      });
      // A helper that ends without reading its input closes the pipe; its exit code tells the rest.
      child.stdin.on('error', () => {});
      child.stdin.end(input);
      child.once('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        forget();
        const missing = error.code === 'ENOENT';
        reject(
          this.#failure(missing ? 'it is not on the PATH' : `it cannot be started (${error.code})`, input),
        );
      });
      child.once('close', (code) => {
        clearTimeout(timer);
        forget();
        resolve({ code, stdout });
      });
    });
  }

  #failure(reason: string, key: string): FailedError {
    return new FailedError(`The credential helper ${this.#program} gave no login for ${key}: ${reason}`, {
      hint: `To see why, run: echo ${key} | ${this.#program} get`,
    });
  }
}
