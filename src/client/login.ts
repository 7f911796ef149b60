import { lockReports } from '../content/events.js';
import { AuthClient } from '../auth/requests/auth-client.js';
import { FoundCredential, type CredentialProvider } from '../auth/credentials/credential.js';
import { registryApiHost } from '../auth/credentials/docker-hub.js';
import { listSavedLogins, type RegistryLogin } from '../auth/login/saved-logins.js';
import { LoginStore } from '../auth/login/login-store.js';
import type { HttpClient, HttpResponse } from '../http/message.js';
import { ArgumentError, FailedError, UnauthorizedError, UnavailableError } from '../oci/errors.js';
import {
  parseReference,
  parseRegistryHost,
  type RegistryHost,
  type RepositoryPath,
} from '../oci/reference.js';
import { readErrorText } from '../http/error-text.js';
import { credentials } from './credentials.js';
import { explicitCredential, type ClientContext, type ExplicitLogin } from './client-context.js';
import type { CallOptions } from './inputs.js';

/** A user name with its password or an access token. */
export interface LoginInput {
  readonly username: string;
  readonly password: string;
}

/** A login that was verified and saved. */
export interface SavedLogin {
  /** The host, with its port if it has one. */
  readonly registry: RegistryHost;
  readonly username: string;
  /** The file or the credential helper that stores it. */
  readonly origin: string;
  /** Whether the password is stored unencrypted in a file. */
  readonly plainText: boolean;
}

/** A login that was verified. */
export interface VerifiedLogin {
  readonly registry: RegistryHost;
  /** Absent if only a token is known. */
  readonly username?: string;
  /** The file, program or variable that the login comes from. */
  readonly origin: string;
}

/** What `Multiarch.logout` did. */
export interface LogoutResult {
  readonly registry: RegistryHost;
  /** Whether there was a login to remove. */
  readonly removed: boolean;
}

/** The login that would be used for a registry. */
export interface ShownLogin {
  readonly registry: RegistryHost;
  readonly repository?: RepositoryPath;
  /** Absent if no login would be used. */
  readonly login?: {
    readonly kind: 'password' | 'identity token' | 'registry token';
    /** Absent if only a token is known. */
    readonly username?: string;
    /** The credential provider that has it. */
    readonly provider: string;
    /** The file, program or variable that it comes from. */
    readonly origin: string;
  };
}

/** What `Multiarch.showLogin` takes. */
export interface ShowLoginOptions extends CallOptions {
  /** A credential that takes precedence over all others. @default the client's `login` */
  readonly credential?: ExplicitLogin['credential'] | undefined;
}

const KINDS = { basic: 'password', identity: 'identity token', bearer: 'registry token' } as const;

/**
 * Verifies a login at its registry, and saves it where docker would.
 * @throws UnauthorizedError if the registry rejects it; nothing is saved then. FailedError, ConflictError if it cannot be
 *   saved
 */
export async function logIn(context: ClientContext, host: string, login: LoginInput): Promise<SavedLogin> {
  const { environment, signal } = context;
  const registry = parseRegistryHost(host);
  checkLogin(login);
  const { username, password } = login;
  const entered = new FoundCredential(
    { kind: 'basic', username, password },
    { provider: 'login', origin: 'command line' },
  );
  await verify(context, registry, entered);
  const { location: origin, plainText } = await new LoginStore(
    environment,
    lockReports(context.onEvent),
  ).store(registry, login, signal);
  const own = new FoundCredential({ kind: 'basic', username, password }, { provider: 'login', origin });
  for (const { name, found } of await savedLogins(context, registry)) {
    if (found.equals(own)) continue;
    warn(context, `${found.origin} has a login for ${name} too, which takes precedence over this one`);
  }
  return { registry, username, origin, plainText };
}

/**
 * Verifies the login that the credential chain finds for a registry.
 * @returns `undefined` if there is no login
 * @throws UnauthorizedError if the registry rejects it, and what {@link showLogin} throws
 */
export async function verifyLogin(context: ClientContext, host: string): Promise<VerifiedLogin | undefined> {
  const registry = parseRegistryHost(host);
  const found = await findLogin(context, registry, undefined);
  if (found === undefined) return undefined;
  await verify(context, registry, found);
  const { username, origin } = found;
  return { registry, ...(username !== undefined && { username }), origin };
}

/**
 * Removes the saved login of a registry. Logins of other programs, such as podman, and of namespaces stay; warns of them.
 */
export async function logOut(context: ClientContext, host: string): Promise<LogoutResult> {
  const registry = parseRegistryHost(host);
  const removed = await new LoginStore(context.environment, lockReports(context.onEvent)).erase(
    registry,
    context.signal,
  );
  for (const { name, found } of await savedLogins(context, registry)) {
    warn(context, `a login for ${name} is still saved: ${found.origin}`);
  }
  return { registry, removed };
}

function savedLogins(context: ClientContext, registry: RegistryHost): Promise<readonly RegistryLogin[]> {
  return listSavedLogins(
    registry,
    { ...context.environment, onWarning: (message) => warn(context, message) },
    context.signal,
  );
}

/**
 * Returns the login that the credential chain finds for a registry or for one of its repositories. Requests are sent to
 * credential helpers and to the cloud of the registry only.
 * @throws UnauthorizedError, RateLimitedError, UnavailableError if that cloud returns none
 */
export async function showLogin(
  context: ClientContext,
  name: string,
  given?: ExplicitLogin['credential'],
): Promise<ShownLogin> {
  const { registry, path } = parseName(name);
  const found = await findLogin(context, registry, path, given);
  const shown = path === undefined ? { registry } : { registry, repository: path };
  if (found === undefined) return shown;
  const { kind, provider, origin, username } = found;
  return {
    ...shown,
    login: { kind: KINDS[kind], ...(username !== undefined && { username }), provider, origin },
  };
}

function findLogin(
  context: ClientContext,
  registry: RegistryHost,
  path: RepositoryPath | undefined,
  given?: ExplicitLogin['credential'],
): Promise<FoundCredential | undefined> {
  const { environment, onEvent, signal, transports } = context;
  const http = (): Promise<HttpClient> => transports.connectTo(registry);
  const logins = given === undefined ? context.logins : [explicitCredential(registry, given)];
  return credentials({ ...environment, logins, http, onEvent }).find(registry, path, signal);
}

/** Parses `HOST` or `HOST/REPOSITORY`. Unlike in references, a name without a slash is a host. */
function parseName(name: string): { registry: RegistryHost; path: RepositoryPath | undefined } {
  if (/^https?:\/\//.test(name) || !name.includes('/')) {
    return { registry: parseRegistryHost(name), path: undefined };
  }
  return parseReference(name);
}

/** @throws ArgumentError for a login that neither a header nor a file can represent */
function checkLogin({ username, password }: LoginInput): void {
  if (username === '') throw new ArgumentError('the user name is empty');
  if (username.includes(':')) {
    throw new ArgumentError('a user name may not contain a colon', {
      hint: 'The colon separates it from the password.',
    });
  }
  if (password === '') {
    throw new ArgumentError('the password is empty', {
      hint: 'Check the variable or file that it comes from.',
    });
  }
}

/** Verifies a login at its registry. Warns if that requires none. @throws UnauthorizedError if it rejects this one */
async function verify(context: ClientContext, registry: RegistryHost, login: FoundCredential): Promise<void> {
  let isRequired = false;
  const only: CredentialProvider = {
    name: login.provider,
    find: async () => {
      isRequired = true;
      return login;
    },
  };
  const { signal, transports } = context;
  const http = await transports.connectTo(registry);
  const url = new URL(`https://${registryApiHost(registry)}/v2/`);
  const request = { method: 'GET', url, negotiateScheme: true, signal } as const;
  const auth = new AuthClient({
    http,
    credentials: only,
    onWarning: (text) => warn(context, text),
    onTokenServer: (_, host) => context.onEvent?.({ kind: 'token-server', registry, host }),
  });
  const response = await auth.send(registry, request, []);
  if (response.status !== 200) throw await loginError(registry, login, response);
  response.discard();
  if (!isRequired) warn(context, `${registry} requires no login, so the password was not checked`);
}

async function loginError(
  registry: RegistryHost,
  { username }: FoundCredential,
  response: HttpResponse,
): Promise<Error> {
  const { status } = response;
  const { errors, text } = await readErrorText(response);
  const reason = text === '' ? `HTTP status ${status}` : text;
  const exchange = { ...response.request, status, errors };
  const rejected = username === undefined ? 'the saved token' : `the login of ${username}`;
  // Amazon ECR rejects a login with 400.
  if (status === 400 || status === 401 || status === 403) {
    return new UnauthorizedError(`${registry} rejected ${rejected}: ${reason}`, {
      exchange,
      hint: 'Check the user name and the password; many registries require an access token as the password.',
    });
  }
  if (status === 404) {
    return new FailedError(`${registry} does not respond as a registry: ${reason}`, {
      exchange,
      hint: 'Check the host and its port.',
    });
  }
  return new UnavailableError(`${registry} could not check the login: ${reason}`, { exchange });
}

function warn(context: ClientContext, message: string): void {
  context.onEvent?.({ kind: 'warning', message });
}
