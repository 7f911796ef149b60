/**
 * Gets credentials for Amazon ECR with the AWS SDK, which is loaded for ECR hosts only.
 *
 * Offers ecr-host, ecr-provider.
 * @module auth/ecr
 */
import type { HttpClient } from '../../http/message.js';
import { FailedError, MultiarchError } from '../../oci/errors.js';
import type { RegistryHost, RepositoryPath } from '../../oci/reference.js';
import { CredentialCache, FRESH } from '../credentials/credential-cache.js';
import { FoundCredential, type CredentialProvider } from '../credentials/credential.js';
import { requestEcrAuthorization, type EcrAuthorization } from './ecr-authorization.js';
import { parseEcrHost, type EcrHost } from './ecr-host.js';

/** In milliseconds: how long before its expiry a credential is replaced. Clocks differ, and a large layer takes time. */
const RENEW_BEFORE = 5 * 60_000;

export interface EcrProviderOptions {
  /** Opens the client for the SDK's requests. @default the SDK's own, which does not use proxies */
  readonly http?: (() => Promise<HttpClient>) | undefined;
  /** For tests. @default requestEcrAuthorization */
  readonly request?: typeof requestEcrAuthorization;
  /** For tests. In milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

/**
 * The credentials that Amazon issues for its registries, for the AWS credentials of this machine. They are kept in memory
 * until shortly before they expire, one for each account and region.
 */
export class EcrProvider implements CredentialProvider {
  readonly name = 'Amazon ECR, through the AWS SDK';
  readonly #request: typeof requestEcrAuthorization;
  readonly #http: EcrProviderOptions['http'];
  readonly #issued: CredentialCache<EcrAuthorization | undefined>;

  /** Requests and loads nothing yet. */
  constructor({ http, request = requestEcrAuthorization, now = Date.now }: EcrProviderOptions = {}) {
    this.#request = request;
    this.#http = http;
    this.#issued = new CredentialCache({
      now,
      lifetime: (issued) => (issued === undefined ? Infinity : usableFor(issued.expiresAt - now())),
      failureLifetime: usableFor(0),
    });
  }

  /**
   * @returns `undefined` for a registry of another vendor, and for the public one without AWS credentials
   * @throws UnauthorizedError, RateLimitedError, UnavailableError if Amazon issues no credential for a private registry;
   *   FailedError for the public one, which can be read anonymously; CancelledError
   */
  async find(
    registry: RegistryHost,
    _path: RepositoryPath | undefined,
    signal?: AbortSignal,
  ): Promise<FoundCredential | undefined> {
    const host = parseEcrHost(registry);
    if (host === undefined) return undefined;
    const { value: issued, renewal } = await this.#issued.get(
      JSON.stringify(host),
      (shared) => this.#ask(host, registry, shared),
      signal,
    );
    if (issued === undefined) return undefined;
    const { username, password, source } = issued;
    return new FoundCredential(
      { kind: 'basic', username, password },
      {
        provider: this.name,
        origin: source === undefined ? 'AWS credentials' : `AWS credentials of ${source}`,
        renewal,
      },
    );
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
}

/** Returns how long a credential is used, in milliseconds. One that has expired is used too: the clock may be wrong. */
function usableFor(lifetime: number): number {
  const atLeast = Math.max(lifetime, FRESH);
  return atLeast - Math.min(RENEW_BEFORE, atLeast / 4);
}
