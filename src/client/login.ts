import { AuthClient } from '../auth/requests/auth-client.js';
import { FoundCredential, type CredentialProvider } from '../auth/credentials/credential.js';
import { registryApiHost } from '../auth/credentials/docker-hub.js';
import type { ExplicitCredential } from '../auth/credentials/static-credential-provider.js';
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
import { readErrorBody } from '../registry/errors/error-body.js';
import { credentials } from './credentials.js';
import type { ClientContext } from './client-context.js';

/** A user name and its password, or the token that stands for one. */
export interface LoginInput {
  readonly username: string;
  readonly password: string;
}

/** A login that was tried and kept. */
export interface SavedLogin {
  readonly registry: RegistryHost;
  readonly username: string;
  /** The file, or the helper's program, that has it. */
  readonly place: string;
  /** Whether it is kept where whoever can read the file can read the password. */
  readonly plainText: boolean;
}

export interface LogoutResult {
  readonly registry: RegistryHost;
  /** Whether there was a login to remove. */
  readonly removed: boolean;
}

/** Which login a registry would be asked with. */
export interface ShownLogin {
  readonly registry: RegistryHost;
  readonly repository?: RepositoryPath;
  /** None where it would be asked without a login. */
  readonly login?: {
    readonly kind: 'password' | 'identity token' | 'registry token';
    /** Absent where only a token is known. */
    readonly username?: string;
    /** Which link of the chain has it. */
    readonly link: string;
    /** The file, program or variable that it is from. */
    readonly place: string;
  };
}

const KINDS = { basic: 'password', identity: 'identity token', bearer: 'registry token' } as const;

/**
 * Tries a login at its registry, and keeps it where docker would.
 * @throws UnauthorizedError where the registry refuses it, with its words; nothing is kept then. FailedError, ConflictError
 *   where it cannot be kept
 */
export async function logIn(run: ClientContext, host: string, login: LoginInput): Promise<SavedLogin> {
  const registry = parseRegistryHost(host);
  checkLogin(login);
  const challenged = await verify(await run.transports.connectTo(registry), registry, login, run.signal);
  if (!challenged) warn(run, `${registry} asks for no login, so the password was not checked`);
  const kept = await new LoginStore(run.environment).store(registry, login, run.signal);
  const { username, password } = login;
  const own = new FoundCredential(
    { kind: 'basic', username, password },
    { provider: 'login', origin: kept.place },
  );
  for (const { name, found } of await keptIn(run, registry)) {
    if (!found.equals(own))
      warn(run, `${found.origin} has a login for ${name} too, which goes before this one`);
  }
  return { registry, username, ...kept };
}

/** Forgets the login for a registry. What others keep, such as podman, and those of namespaces stay and are warned of. */
export async function logOut(run: ClientContext, host: string): Promise<LogoutResult> {
  const registry = parseRegistryHost(host);
  const removed = await new LoginStore(run.environment).erase(registry, run.signal);
  for (const { name, found } of await keptIn(run, registry)) {
    warn(run, `there still is a login for ${name}: ${found.origin}`);
  }
  return { registry, removed };
}

function keptIn(run: ClientContext, registry: RegistryHost): Promise<readonly RegistryLogin[]> {
  return listSavedLogins(
    registry,
    { ...run.environment, onWarning: (message) => warn(run, message) },
    run.signal,
  );
}

/**
 * The login that the chain finds for a registry or for one of its repositories. Nothing is sent anywhere but to helpers and
 * to the cloud that the registry is of.
 * @throws UnauthorizedError, RateLimitedError, UnavailableError where that cloud gives none
 */
export async function showLogin(
  run: ClientContext,
  name: string,
  given?: ExplicitCredential['credential'],
): Promise<ShownLogin> {
  const { registry, path } = parseName(name);
  const { environment: surroundings, onEvent, signal, transports: places } = run;
  const http = (): Promise<HttpClient> => places.connectTo(registry);
  const login = given === undefined ? run.login : { registry, credential: given };
  const found = await credentials({ ...surroundings, login, http, onEvent }).find(registry, path, signal);
  const asked = path === undefined ? { registry } : { registry, repository: path };
  if (found === undefined) return asked;
  const { provider: link, origin: place, username } = found;
  return {
    ...asked,
    login: { kind: KINDS[found.kind], ...(username === undefined ? {} : { username }), link, place },
  };
}

/** A registry's host, or that and a repository. A name without a slash is a host here, whatever it is elsewhere. */
function parseName(name: string): { registry: RegistryHost; path: RepositoryPath | undefined } {
  if (/^https?:\/\//.test(name) || !name.includes('/')) {
    return { registry: parseRegistryHost(name), path: undefined };
  }
  return parseReference(name);
}

/** What no header or file could hold as it is. */
function checkLogin({ username, password }: LoginInput): void {
  if (username === '') throw new ArgumentError('the user name is empty');
  if (username.includes(':')) {
    throw new ArgumentError('a user name may not hold a colon', {
      hint: 'The colon separates it from the password where logins are kept and sent.',
    });
  }
  if (password === '') {
    throw new ArgumentError('the password is empty', {
      hint: 'Is the variable or file empty that it comes from?',
    });
  }
}

/** @returns whether the registry wanted to know who asks */
async function verify(
  http: HttpClient,
  registry: RegistryHost,
  login: LoginInput,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  let asked = false;
  const entered: CredentialProvider = {
    name: 'login',
    find: () => {
      asked = true;
      return Promise.resolve(
        new FoundCredential({ kind: 'basic', ...login }, { provider: 'login', origin: 'command line' }),
      );
    },
  };
  const url = new URL(`https://${registryApiHost(registry)}/v2/`);
  const request = { method: 'GET', url, negotiateScheme: true, signal } as const;
  const response = await new AuthClient({ http, credentials: entered }).send(registry, request, []);
  if (response.status !== 200) throw await loginError(registry, login, response);
  response.discard();
  return asked;
}

async function loginError(registry: RegistryHost, login: LoginInput, response: HttpResponse): Promise<Error> {
  const { status } = response;
  const { errors, words } = await readErrorBody(response);
  const said = words === '' ? `HTTP status ${status}` : words;
  const exchange = { ...response.request, status, errors };
  // Amazon ECR says 400.
  if (status === 400 || status === 401 || status === 403) {
    return new UnauthorizedError(`${registry} refused the login of ${login.username}: ${said}`, {
      exchange,
      hint: 'Check the user name and the password; many registries want an access token in its place.',
    });
  }
  if (status === 404) {
    return new FailedError(`${registry} does not answer as a registry: ${said}`, {
      exchange,
      hint: 'Check the host and its port.',
    });
  }
  return new UnavailableError(`${registry} could not check the login: ${said}`, { exchange });
}

function warn(run: ClientContext, message: string): void {
  run.onEvent?.({ kind: 'warning', message });
}
