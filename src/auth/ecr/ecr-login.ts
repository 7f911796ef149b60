/**
 * Logs in to Amazon ECR with the AWS SDK, which is loaded for ECR hosts only.
 *
 * Offers ecr-commands, ecr-host, ecr-login.
 * @module auth/ecr
 */
import type { HttpClient } from '../../http/message.js';
import { FailedError, MultiarchError } from '../../oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../../oci/reference.js';
import { FoundCredential, type CredentialProvider, type ErrorResponse } from '../credentials/credential.js';
import { requestEcrAuthorization, type EcrAuthorization } from './ecr-authorization.js';
import { parseEcrHost, type EcrHost } from './ecr-host.js';
import { isExpiredAuthorization } from '../requests/expired-authorization.js';
import { SharedTask } from '../../content/shared-task.js';

/** In milliseconds: how long before its end a login is no longer used. Clocks differ, and a large layer takes a while. */
const RENEW_BEFORE = 5 * 60_000;
/**
 * In milliseconds: a login, or a failure to get one, that is younger is not asked for again. A refusal of such a login has
 * other reasons than its age.
 */
const FRESH = 60_000;

export interface EcrLoginOptions {
  /** Opens what the SDK's requests are sent by. @default the SDK itself, which knows no proxies */
  readonly http?: (() => Promise<HttpClient>) | undefined;
  /** For tests. @default requestEcrAuthorization */
  readonly request?: typeof requestEcrAuthorization;
  /** For tests. Milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

/** What Amazon gave for one account and region, or why it gave nothing. */
class CachedEcrToken {
  readonly task: SharedTask<EcrAuthorization | undefined>;
  readonly #now: () => number;
  /** In milliseconds since 1970: when it came, and the last moment that it is used. */
  #cameAt = Infinity;
  #usableUntil = Infinity;

  constructor(now: () => number, ask: (signal: AbortSignal) => Promise<EcrAuthorization | undefined>) {
    this.#now = now;
    this.task = new SharedTask(async (signal) => {
      try {
        const given = await ask(signal);
        this.#came(given?.expiresAt ?? Infinity);
        return given;
      } catch (error) {
        this.#came(-Infinity);
        throw error;
      }
    });
  }

  get isUsable(): boolean {
    return !this.task.abandoned && this.#now() < this.#usableUntil;
  }

  get isFresh(): boolean {
    return this.#now() - this.#cameAt < FRESH;
  }

  #came(expiresAt: number): void {
    this.#cameAt = this.#now();
    const lifetime = Math.max(expiresAt - this.#cameAt, FRESH);
    this.#usableUntil = this.#cameAt + lifetime - Math.min(RENEW_BEFORE, lifetime / 4);
  }
}

/**
 * The login for a registry of Amazon ECR that Amazon itself gives out, for the AWS credentials of this machine. Kept in
 * memory until shortly before it ends, one for all registries of an account and region.
 */
export class EcrLogin implements CredentialProvider {
  readonly name = 'Amazon ECR, through the AWS SDK';
  readonly #request: typeof requestEcrAuthorization;
  readonly #http: EcrLoginOptions['http'];
  readonly #now: () => number;
  readonly #kept = new Map<string, CachedEcrToken>();

  /** Asks for nothing yet, and loads nothing. */
  constructor({ http, request = requestEcrAuthorization, now = Date.now }: EcrLoginOptions = {}) {
    this.#request = request;
    this.#http = http;
    this.#now = now;
  }

  /**
   * @returns `undefined` for a registry of anybody else, and for the public one where there are no AWS credentials
   * @throws UnauthorizedError, RateLimitedError, UnavailableError where a private registry cannot be had; FailedError for the
   *   public one, which can be read without a login; CancelledError
   */
  async find(
    registry: RegistryHost,
    _path: RepositoryPath | undefined,
    signal?: AbortSignal,
  ): Promise<FoundCredential | undefined> {
    const host = parseEcrHost(registry);
    if (host === undefined) return undefined;
    const key = JSON.stringify(host);
    let kept = this.#kept.get(key);
    if (kept?.isUsable !== true) {
      kept = new CachedEcrToken(this.#now, (shared) => this.#ask(host, registry, shared));
      this.#kept.set(key, kept);
    }
    const given = await kept.task.join(signal);
    return given && this.#found(given, key, kept);
  }

  async #ask(
    host: EcrHost,
    registry: RegistryHost,
    signal: AbortSignal,
  ): Promise<EcrAuthorization | undefined> {
    try {
      return await this.#request(host, registry, { signal, http: await this.#http?.() });
    } catch (error) {
      if (host.kind !== 'public' || signal.aborted || !(error instanceof MultiarchError)) throw error;
      throw new FailedError(error.message, { hint: error.hint, cause: error });
    }
  }

  #found(
    { username, password, source }: EcrAuthorization,
    key: string,
    kept: CachedEcrToken,
  ): FoundCredential {
    return new FoundCredential(
      { kind: 'basic', username, password },
      {
        provider: this.name,
        origin: source === undefined ? 'AWS credentials' : `AWS credentials of ${source}`,
        renewal: {
          expired: (refusal) =>
            isExpiredAuthorization(refusal.text) || (!kept.isFresh && mayBeExpired(refusal)),
          forget: () => {
            if (this.#kept.get(key) === kept) this.#kept.delete(key);
          },
        },
      },
    );
  }
}

/** The answer to a HEAD has no words, and a 401 is never about permissions. */
function mayBeExpired({ method, status }: ErrorResponse): boolean {
  return method === 'HEAD' || status === 401;
}
